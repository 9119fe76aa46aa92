"""The checks of `dpx doctor`: Python, files, network, keyring, API, token, link and clock.

They change nothing and only send GET requests: `GET /orgs`, and `GET /projects/:id` in a linked folder. Every wait is
bounded, and no result contains a token.
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

MAX_SECONDS = 10.0  # for the request, including its retries
MAX_DRIFT = 60.0  # seconds between the clock and the server's
UNAUTHORIZED, FORBIDDEN, TOO_MANY, SERVER_ERROR = 401, 403, 429, 500
OLDEST = (3, 11)


class Check:
    """The result of one check.

    Attributes:
        name: what was checked, like "api".
        ok: whether it passed; a failed check makes `dpx doctor` fail.
        detail: what was found.
        hint: how to fix it or, if it passed, how to improve it; None if there's nothing to do.
    """

    __slots__ = ("detail", "hint", "name", "ok")

    def __init__(self, name: str, detail: str, *, ok: bool = True, hint: str | None = None) -> None:
        self.name = name
        self.ok = ok
        self.detail = detail
        self.hint = hint

    def as_json(self) -> dict[str, Any]:
        """Return the check as a JSON object."""
        return {"name": self.name, "ok": self.ok, "detail": self.detail, "hint": self.hint}


def diagnose(session: Session, completion: Callable[[], Check], say: Callable[[str], None]) -> list[Check]:
    """Run all checks, causes before their effects.

    Args:
        session: the command's session.
        completion: checks the completion of the shell.
        say: shows what is going on while a check takes time.
    """
    return list(_Diagnosis(session, completion, say).checks())


class _Diagnosis:
    """One run of all checks; later checks use the results of earlier ones."""

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
        return Check("python", detail, ok=fine, hint=None if fine else "Install dpx with Python 3.11 or newer.")

    def _version(self) -> Check:
        return Check("version", f"dpx {__version__} in {os.path.dirname(__file__)}")

    def _profile(self) -> Check:
        return Check("profile", f"{self._settings.profile} ({self._settings.api_url})")

    def _config(self) -> Check:
        return _folder("config", self._settings.config_dir, "DPX_CONFIG_DIR", needed=True)

    def _cache(self) -> Check:
        # dpx works without it, only more slowly.
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
            return Check("tls", "not used (http on this machine)")
        name, path = trust.source(self._env)
        trust.context(self._env)
        return Check(
            "tls",
            f"system certificates{f': {path}' if path else ''}" if name == "system" else f"{path} ({name})",
        )

    def _proxy(self) -> Check:
        from dpx_cli.api import proxy

        scheme, host, port = split_origin(self._settings.origin)
        found = proxy.find(self._env, scheme, host, port)
        if found is None:
            return Check("proxy", "none")
        return Check("proxy", f"http://{found.host}:{found.port} ({found.variable})")

    def _keyring(self) -> Check:
        """Ask the keyring; with a token in the environment it isn't needed, and its code isn't loaded."""
        from dpx_cli import credentials

        if variable := credentials.token_variable(self._env):
            return Check("keyring", f"not used ({variable} is set)")
        from dpx_cli.credentials import keyring_store

        self._say("Asking the keyring")
        place = self._settings.profiles.logins(self._settings.profile).get(self._settings.origin)
        started = time.monotonic()
        try:
            name = keyring_store.choose()
            keyring_store.KeyringStore(name).get("dpx doctor")
        except DpxError as problem:
            # Fatal only if the token is stored there.
            needed = (place or "").startswith("keyring:")
            self._no_token = problem if needed else None
            return Check("keyring", problem.message, ok=not needed, hint=problem.hint)
        return Check("keyring", f"{name}, answered in {(time.monotonic() - started) * 1000:.0f} ms")

    def _find_token(self) -> None:
        from dpx_cli import credentials

        if self._no_token is not None:
            return
        try:
            self._token = credentials.find_token(self._settings)
        except DpxError as problem:
            self._no_token = problem

    def _api(self) -> Check:
        """Send the request. Any response of an API passes; `_whether_accepted` judges the token."""
        from dpx_cli.api.client import Request, decode, is_success
        from dpx_cli.api.retry import Deadline

        self._find_token()
        self._say(f"Asking {self._settings.api_url}")
        # Without a token, send an empty one: a 401 also shows that the API is reachable.
        client = self._session.client_for(self._token.value if self._token else "")
        request = Request("GET", "/orgs", {"limit": 1})
        started = time.monotonic()
        deadline = Deadline(min(MAX_SECONDS, self._settings.timeout))
        try:
            answer = client.request_any(request, deadline=deadline)
        except NetworkError as problem:
            return Check("api", problem.message, ok=False, hint=problem.hint)
        took = f"{(time.monotonic() - started) * 1000:.0f} ms"
        self._answer = answer
        if is_success(answer.status):
            decode(answer, "GET /orgs")
        elif answer.status not in (UNAUTHORIZED, FORBIDDEN, TOO_MANY):
            error = client.error(request, answer)
            hint = error.hint or ("Try again later." if answer.status >= SERVER_ERROR else "Check DPX_API_URL.")
            return Check("api", error.message, ok=False, hint=hint)
        return Check("api", f"{self._settings.api_url} answered in {took}")

    def _whether_accepted(self) -> Check:
        """Check whether the token was accepted, and say where it comes from."""
        from dpx_cli import credentials
        from dpx_cli.api.client import is_success

        if self._token is None:
            if self._no_token is None:
                raise NotLoggedIn("No token.", hint="Set DPX_TOKEN, or run: dpx auth login")
            raise self._no_token
        token = self._token
        source = f"from {token.variable or token.source}"
        if token.location != token.variable:
            source = f"from {token.variable or f'the {token.source}'} ({token.location})"
        if self._answer is None:
            return Check("token", f"{source}, not checked (the API didn't respond)")
        if self._answer.status == UNAUTHORIZED:
            hint = credentials.describe_renewal(self._token, self._settings)
            return Check("token", f"{source}, not accepted", ok=False, hint=hint)
        if not is_success(self._answer.status):
            return Check("token", f"{source}, not checked (HTTP {self._answer.status})", hint="Try again later.")
        return Check("token", f"{source}, accepted")

    def _clock(self) -> Check:
        said = self._answer.headers.get("date", "") if self._answer else ""
        if not said:
            return Check("clock", "not checked (the API didn't send the time)")
        from email.utils import parsedate_to_datetime

        try:
            drift = time.time() - parsedate_to_datetime(said).timestamp()
        except (ValueError, OverflowError, TypeError):
            return Check("clock", "not checked (the API sent an invalid time)")
        if abs(drift) <= MAX_DRIFT:
            return Check("clock", "correct")
        detail = f"{abs(drift):.0f} s {'ahead of' if drift > 0 else 'behind'} the server's"
        return Check("clock", detail, hint='Set the clock of this machine. Times like "3 min ago" are wrong.')


def _folder(name: str, path: str, variable: str, *, needed: bool) -> Check:
    """Check whether a folder can be written or created, without doing either."""
    nearest = path
    while not os.path.lexists(nearest) and os.path.dirname(nearest) != nearest:
        nearest = os.path.dirname(nearest)
    if not os.path.isdir(nearest):
        problem = f"{nearest} is not a directory"
    elif not os.access(nearest, os.W_OK | os.X_OK):
        problem = f"can't write to {nearest}"
    else:
        return Check(name, path if nearest == path else f"{path} (not created yet)")
    return Check(name, problem, ok=not needed, hint=f"Set {variable} to a folder that you may write.")
