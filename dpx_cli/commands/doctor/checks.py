"""The checks of `dpx doctor`: Python, files, network, keyring, API, token, link, clock and completion.

They change nothing and only send GET requests: `GET /orgs`, and `GET /projects/:id` in a linked folder. Every wait is
bounded, and no result contains a token.
"""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import dpx_cli
from dpx_cli import __version__, completion, credentials
from dpx_cli.api import tls
from dpx_cli.api.client import Request, decode, is_success
from dpx_cli.api.retry import Deadline
from dpx_cli.completion import install
from dpx_cli.config.settings import split_origin
from dpx_cli.errors import DpxError, NotLoggedIn, UsageError
from dpx_cli.system import files, proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dpx_cli.api.http1 import Response
    from dpx_cli.credentials import Token
    from dpx_cli.session import Session

MAX_SECONDS = 10.0  # for the request, including its retries
MAX_DRIFT = 60.0  # seconds between the clock and the server's
UNAUTHORIZED, FORBIDDEN, TOO_MANY, SERVER_ERROR = 401, 403, 429, 500


class Check(NamedTuple):
    """The result of one check. A hint says how to fix it or, if it passed, how to improve it."""

    name: str
    detail: str
    ok: bool = True
    hint: str | None = None

    @property
    def state(self) -> str:
        """The state: "ok", "warning" or "failed"."""
        return "failed" if not self.ok else "warning" if self.hint else "ok"

    def as_json(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {"name": self.name, "ok": self.ok, "detail": self.detail, "hint": self.hint}


class Diagnosis:
    """One run of all checks; later checks use the results of earlier ones."""

    _token: Token | None = None
    _no_token: DpxError | None = None
    _response: Response | None = None

    def __init__(self, session: Session, say: Callable[[str], None]) -> None:
        self._session = session
        self._settings = session.settings
        self._env = session.env
        self._say = say

    def run(self) -> Iterator[Check]:
        """Yield the results, causes before their effects."""
        for name, check in (
            ("python", lambda: f"{sys.version.split()[0]} ({sys.implementation.name}, {sys.platform})"),
            ("version", lambda: f"dpx {__version__} in {os.path.dirname(dpx_cli.__file__)}"),
            ("profile", lambda: f"{self._settings.profile} ({self._settings.api_url})"),
            ("config", lambda: _check_folder("config", self._settings.config_dir, needed=True)),
            ("cache", lambda: _check_folder("cache", self._settings.cache_dir, needed=False)),
            ("tls", self._check_tls),
            ("proxy", self._check_proxy),
            ("keyring", self._check_keyring),
            ("api", self._check_api),
            ("token", self._check_token),
            ("link", self._check_link),
            ("clock", self._check_clock),
            ("completion", self._check_completion),
        ):
            try:
                result = check()
                yield Check(name, result) if isinstance(result, str) else result
            except DpxError as problem:
                yield Check(name, problem.message, ok=False, hint=problem.hint)

    def _check_tls(self) -> str:
        if self._settings.origin.startswith("http:"):
            return "not used (http on this machine)"
        name, path = tls.source(self._env)
        tls.context(self._env)
        return f"{path or 'certificates'} ({name})"

    def _check_proxy(self) -> str:
        used = proxy.find(self._env, *split_origin(self._settings.origin))
        return f"http://{used.host}:{used.port} ({used.variable})" if used else "none"

    def _check_keyring(self) -> Check | str:
        """Ask the keyring; with a token in the environment it isn't needed, and its code isn't loaded."""
        if variable := credentials.token_variable(self._env):
            return f"not used ({variable} is set)"
        from dpx_cli.credentials import keyring_store

        self._say("Asking the keyring")
        place = self._settings.profiles.logins(self._settings.profile).get(self._settings.origin, "")
        started = time.monotonic()
        try:
            name = keyring_store.choose()
            keyring_store.KeyringStore(name).get("dpx doctor")
        except DpxError as problem:
            # Fatal only if the token is stored there.
            self._no_token = problem if place.startswith("keyring:") else None
            return Check("keyring", problem.message, ok=self._no_token is None, hint=problem.hint)
        return f"{name}, responded in {(time.monotonic() - started) * 1000:.0f} ms"

    def _check_api(self) -> Check | str:
        """Send the request. Any response of an API passes; `_check_token` judges the token."""
        try:
            self._token = None if self._no_token else credentials.find_token(self._settings)
        except DpxError as problem:
            self._no_token = problem
        self._say(f"Asking {self._settings.api_url}")
        # Without a token, send an empty one: a 401 also shows that the API is reachable.
        client = self._session.client_for(self._token.value if self._token else "")
        request = Request("GET", "/orgs", {"limit": 1})
        started = time.monotonic()
        response = client.request_any(request, deadline=Deadline(min(MAX_SECONDS, self._settings.timeout)))
        milliseconds = (time.monotonic() - started) * 1000
        self._response = response
        if is_success(response.status):
            decode(response, "GET /orgs")
        elif response.status not in (UNAUTHORIZED, FORBIDDEN, TOO_MANY):
            error = client.error(request, response)
            hint = error.hint or ("Try again later." if response.status >= SERVER_ERROR else "Check DPX_API_URL.")
            return Check("api", error.message, ok=False, hint=hint)
        return f"{self._settings.api_url} responded in {milliseconds:.0f} ms"

    def _check_token(self) -> Check | str:
        token = self._token
        if token is None:
            raise self._no_token or NotLoggedIn("No token.", hint="Set DPX_TOKEN, or run: dpx auth login")
        source = f"from {token.variable}"
        if token.location != token.variable:
            source = f"from {token.variable or f'the {token.source}'} ({token.location})"
        if self._response is None:
            return f"{source}, not checked (the API didn't respond)"
        if self._response.status == UNAUTHORIZED:
            hint = credentials.describe_renewal(token, self._settings)
            return Check("token", f"{source}, not accepted", ok=False, hint=hint)
        if not is_success(self._response.status):
            return Check("token", f"{source}, not checked (HTTP {self._response.status})", hint="Try again later.")
        return f"{source}, accepted"

    def _check_link(self) -> str:
        file, link = self._settings.reference_file, self._settings.link
        if file is None:
            return "none in this directory or above"
        if link and self._token and self._response and is_success(self._response.status):
            self._session.projects.check_link()
        return f"{(link and link.project_slug) or file.reference} ({file.path})"

    def _check_clock(self) -> Check | str:
        date = self._response.headers.get("date", "") if self._response else ""
        if not date:
            return "not checked (the API didn't send the time)"
        from email.utils import parsedate_to_datetime

        try:
            drift = time.time() - parsedate_to_datetime(date).timestamp()
        except (ValueError, OverflowError, TypeError):
            return "not checked (the API sent an invalid time)"
        if abs(drift) <= MAX_DRIFT:
            return "correct"
        detail = f"{abs(drift):.0f} s {'ahead of' if drift > 0 else 'behind'} the server's"
        return Check("clock", detail, hint='Set the clock of this machine. Times like "3 min ago" are wrong.')

    def _check_completion(self) -> Check | str:
        """Check whether the user's shell has the completion of this version. It never fails: dpx works without it."""
        try:
            shell = install.resolve_shell(None, self._env)
            path = install.find_target(shell, self._env).script
        except UsageError as problem:
            return problem.message
        script = files.read_bytes(path, "the completion script")
        if script == completion.script(shell):
            return f"installed for {shell}: {path}"
        state = "not installed" if script is None else "installed by another version"
        return Check("completion", f"{state} for {shell}", hint=f"Run: dpx completion install {shell}")


def _check_folder(name: str, path: str, *, needed: bool) -> Check:
    """Check whether a folder can be written or created, without doing either. Without a cache dpx is only slower."""
    nearest = path
    while not os.path.lexists(nearest) and os.path.dirname(nearest) != nearest:
        nearest = os.path.dirname(nearest)
    if not os.path.isdir(nearest):
        problem = f"{nearest} is not a directory"
    elif not os.access(nearest, os.W_OK | os.X_OK):
        problem = f"can't write to {nearest}"
    else:
        return Check(name, path if nearest == path else f"{path} (not created yet)")
    return Check(name, problem, ok=not needed, hint=f"Set DPX_{name.upper()}_DIR to a directory that you can write to.")
