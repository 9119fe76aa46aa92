"""Look at everything that dpx stands on, and say of each whether it is well and what mends it.

Floor 2; neighbour: `commands/doctor.py` shows what is found here. Nothing is changed, nothing is sent but one
`GET /orgs`, and `GET /projects/:id` for a linked project, every wait is bounded, and no token is ever in what is found.
"""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Any

from dpx_cli import __version__
from dpx_cli.config.settings import split_origin
from dpx_cli.errors import DpxError, NetworkError, NotLoggedIn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dpx_cli.api.transport import Response
    from dpx_cli.credentials import Token
    from dpx_cli.session import Session

LONGEST = 10.0  # seconds for the one request, its retries included
DRIFT = 60.0  # seconds that the clock may differ from the server's
UNAUTHORIZED, FORBIDDEN, TOO_MANY, SERVER_ERROR = 401, 403, 429, 500
OLDEST = (3, 11)


class Check:
    """What one look found.

    Attributes:
        name: what was looked at: "api".
        ok: whether it is well; a check that is not makes `dpx doctor` fail.
        detail: what was found.
        hint: what mends it; where `ok` is true, what would make it better; None where nothing is to do.
    """

    __slots__ = ("detail", "hint", "name", "ok")

    def __init__(self, name: str, detail: str, *, ok: bool = True, hint: str | None = None) -> None:
        self.name = name
        self.ok = ok
        self.detail = detail
        self.hint = hint

    def as_json(self) -> dict[str, Any]:
        """The check as a JSON object."""
        return {"name": self.name, "ok": self.ok, "detail": self.detail, "hint": self.hint}


def examine(session: Session, completion: Callable[[], Check], say: Callable[[str], None]) -> list[Check]:
    """Look at everything, in an order in which a cause stands before what it causes.

    Args:
        session: of the command.
        completion: looks whether the shell completes dpx.
        say: told of what may take a while.
    """
    return list(_Examination(session, completion, say).checks())


class _Examination:
    """One look at everything; what an early check found is there for the later ones."""

    def __init__(self, session: Session, completion: Callable[[], Check], say: Callable[[str], None]) -> None:
        self._session = session
        self._settings = session.settings
        self._env = session.env
        self._completion = completion
        self._say = say
        self._token: Token | None = None
        self._no_token: DpxError | None = None
        self._answer: Response | None = None

    def checks(self) -> Iterator[Check]:
        for name, look in (
            ("python", self._python),
            ("version", self._version),
            ("profile", self._profile),
            ("config", self._config),
            ("cache", self._cache),
            ("tls", self._tls),
            ("proxy", self._proxy),
            ("keyring", self._keyring),
            ("api", self._api),
            ("token", self._whether_accepted),
            ("link", self._link),
            ("clock", self._clock),
            ("completion", self._completion),
        ):
            try:
                yield look()
            except DpxError as problem:
                yield Check(name, problem.message, ok=False, hint=problem.hint)

    def _python(self) -> Check:
        detail = f"{sys.version.split()[0]} ({sys.implementation.name}, {sys.platform})"
        fine = sys.version_info[:2] >= OLDEST
        return Check("python", detail, ok=fine, hint=None if fine else "install dpx with Python 3.11 or newer")

    def _version(self) -> Check:
        return Check("version", f"dpx {__version__} in {os.path.dirname(__file__)}")

    def _profile(self) -> Check:
        return Check("profile", f"{self._settings.profile}, for {self._settings.api_url}")

    def _config(self) -> Check:
        return _folder("config", self._settings.config_dir, "DPX_CONFIG_DIR", needed=True)

    def _cache(self) -> Check:
        # Everything works without it, only more slowly.
        return _folder("cache", self._settings.cache_dir, "DPX_CACHE_DIR", needed=False)

    def _link(self) -> Check:
        if file := self._settings.project_file:
            return Check("link", f"{file.reference} ({file.path})")
        found = self._settings.link
        if found is None:
            return Check("link", "none in this folder or above")
        from dpx_cli.api.client import is_success

        if self._token and self._answer and is_success(self._answer.status):
            self._session.projects.check_link(found.project_id)
        return Check("link", f"{found.project_slug or found.project_id} ({found.path})")

    def _tls(self) -> Check:
        from dpx_cli.api import tls as trust

        if self._settings.origin.startswith("http:"):
            return Check("tls", "not used: plain http to this machine")
        name, path = trust.source(self._env)
        trust.context(self._env)
        return Check(
            "tls",
            f"certificates of the system{f': {path}' if path else ''}" if name == "system" else f"{path} ({name})",
        )

    def _proxy(self) -> Check:
        from dpx_cli.api import proxy

        scheme, host, port = split_origin(self._settings.origin)
        found = proxy.find(self._env, scheme, host, port)
        if found is None:
            return Check("proxy", "none")
        return Check("proxy", f"{found.scheme}://{found.host}:{found.port} ({found.variable})")

    def _keyring(self) -> Check:
        """Ask the keyring, unless a token in the environment makes it needless; then no code of it is loaded."""
        from dpx_cli import credentials

        if credentials.given(self._env):
            return Check("keyring", "not asked: DPX_TOKEN is set")
        from dpx_cli.credentials import index, keyring_store

        self._say("asking the keyring")
        place = index.load(self._settings.config_dir).get(index.key(self._settings.profile, self._settings.origin))
        started = time.monotonic()
        try:
            name = keyring_store.choose()
            keyring_store.KeyringStore(name).get("dpx doctor")
        except DpxError as problem:
            # A keyring that nobody needs may be missing; one that is needed has had its chance.
            needed = (place or "").startswith("keyring:")
            self._no_token = problem if needed else None
            return Check("keyring", problem.message, ok=not needed, hint=problem.hint)
        return Check("keyring", f"{name}, answered in {(time.monotonic() - started) * 1000:.0f} ms")

    def _find_token(self) -> None:
        from dpx_cli import credentials

        if self._no_token is not None:
            return
        try:
            self._token = credentials.token_for(self._settings)
        except DpxError as problem:
            self._no_token = problem

    def _api(self) -> Check:
        """Send the one request. Any answer of an API makes it reachable; what it says of the token comes after."""
        from dpx_cli.api.client import Request, decode, is_success
        from dpx_cli.api.transport import Deadline

        self._find_token()
        self._say(f"asking {self._settings.api_url}")
        # Without a token the request goes out with an empty one: 401 is an answer, too.
        client = self._session.client_for(self._token.value if self._token else "")
        request = Request("GET", "/orgs", {"limit": 1})
        started = time.monotonic()
        deadline = Deadline(min(LONGEST, self._settings.timeout))
        try:
            answer = client.ask(request, deadline=deadline)
        except NetworkError as problem:
            return Check("api", problem.message, ok=False, hint="check the network, the proxy and DPX_API_URL")
        took = f"{(time.monotonic() - started) * 1000:.0f} ms"
        self._answer = answer
        if is_success(answer.status):
            decode(answer, "GET /orgs")
        elif answer.status not in (UNAUTHORIZED, FORBIDDEN, TOO_MANY):
            error = client.error(request, answer)
            hint = error.hint or ("try again later" if answer.status >= SERVER_ERROR else "check DPX_API_URL")
            return Check("api", error.message, ok=False, hint=hint)
        return Check("api", f"{self._settings.api_url} answered in {took}")

    def _whether_accepted(self) -> Check:
        """Say where the token comes from and whether it was accepted."""
        from dpx_cli import credentials
        from dpx_cli.api.client import is_success

        if self._token is None:
            if self._no_token is None:
                raise NotLoggedIn("there is no token", hint="dpx auth login, or set DPX_TOKEN")
            raise self._no_token
        source = f"from {self._token.variable or {'file': 'the token file'}.get(self._token.source, 'the keyring')}"
        if self._answer is None:
            return Check("token", f"{source}; nobody said whether it is accepted")
        if self._answer.status == UNAUTHORIZED:
            hint = credentials.renewal(self._token, self._settings.profile)
            return Check("token", f"{source}, not accepted", ok=False, hint=hint)
        if not is_success(self._answer.status):
            return Check("token", f"{source}; the API did not say whether it is accepted", hint="try again later")
        return Check("token", f"{source}, accepted")

    def _clock(self) -> Check:
        said = self._answer.headers.get("date", "") if self._answer else ""
        if not said:
            return Check("clock", "not known: the API did not tell the time")
        from email.utils import parsedate_to_datetime

        try:
            drift = time.time() - parsedate_to_datetime(said).timestamp()
        except (ValueError, OverflowError, TypeError):
            return Check("clock", "not known: the API tells the time in no known form")
        if abs(drift) <= DRIFT:
            return Check("clock", "agrees with the server's")
        detail = f"{abs(drift):.0f} s {'ahead of' if drift > 0 else 'behind'} the server's"
        return Check("clock", detail, hint='set this machine\'s clock; times like "3 min ago" are wrong until then')


def _folder(name: str, path: str, variable: str, *, needed: bool) -> Check:
    """Whether a folder can be written, or made; nothing is."""
    nearest = path
    while not os.path.lexists(nearest) and os.path.dirname(nearest) != nearest:
        nearest = os.path.dirname(nearest)
    if not os.path.isdir(nearest):
        problem = f"{nearest} is no folder"
    elif not os.access(nearest, os.W_OK | os.X_OK):
        problem = f"{nearest} cannot be written"
    else:
        return Check(name, path if nearest == path else f"{path} (not made yet)")
    return Check(name, problem, ok=not needed, hint=f"set {variable} to a folder that you may write")
