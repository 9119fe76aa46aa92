"""What a command needs, made on its first use: settings, token, client, screen, and which project is meant.

Floor 2: knows settings, credentials, api and output; no command and no Typer.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from dpx_cli.cache import MOST_NAMES, Names
from dpx_cli.config.settings import Settings, is_loopback, split_origin
from dpx_cli.errors import DpxError, NotFound, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from ssl import SSLContext
    from typing import BinaryIO, TypeVar

    from dpx_cli.api.client import Attempt, Client
    from dpx_cli.api.pages import Pages
    from dpx_cli.output.screen import Column, Screen

    T = TypeVar("T")


MOST_INPUT = 32 * 1024 * 1024  # bytes of a file or of standard input; as much as of an answer


class Session:
    """One run of one command.

    Args:
        env: the environment.
        screen: where data and talk go.
        profile: `--profile`.
        debug: `--debug`.
        cwd: the working directory; None for the process's own.
    """

    def __init__(
        self,
        env: Mapping[str, str],
        screen: Screen,
        *,
        profile: str | None = None,
        debug: bool = False,
        cwd: str | None = None,
    ) -> None:
        self.env = env
        self.screen = screen
        self.debug = debug
        self.settings = Settings(env, profile=profile, cwd=cwd)
        self._cwd = cwd
        self._client: Client | None = None
        self._token: str | None = None
        self._names: Names | None = None

    @property
    def cwd(self) -> str:
        """The working directory. Raises UsageError where it was removed."""
        try:
            return self._cwd or os.getcwd()
        except FileNotFoundError:
            raise UsageError("the working directory is gone", hint="cd into one that exists") from None

    @property
    def stdin(self) -> BinaryIO:
        """Standard input, as bytes. Raises UsageError where it is closed."""
        if sys.stdin is None:
            raise UsageError("standard input is closed", hint="name a file instead of -")
        return sys.stdin.buffer

    def read(self, file: str, what: str, *, most: int = MOST_INPUT) -> bytes:
        """The bytes of a file that the user named, or of standard input for "-".

        Args:
            file: as given.
            what: what it is to its reader, for messages: "the body".
            most: how many bytes at the most: a wrong path may lead to an endless file.

        Raises:
            NotFound: where there is no such file.
            UsageError: where it is larger, or standard input is closed.
            Failed: where it cannot be read.
        """
        from dpx_cli.system import files

        found: bytes | None
        if file == "-":
            if self.stdin.isatty():
                self.screen.note(f"type {what}, then Ctrl-D")
            found = self.stdin.read(most + 1)
        else:
            found = files.read_bytes(file, what, most + 1)
        if found is None:
            raise NotFound(f"no such file: {file}", hint="check the path; - reads standard input")
        if len(found) > most:
            raise UsageError(f"{called(file)} is larger than {most // 1024 // 1024} MiB", hint="is it the right file?")
        return found

    @property
    def can_ask(self) -> bool:
        """Whether there is somebody to ask: terminals on stdin and stderr, no CI, no DPX_NO_INPUT."""
        return self.screen.can_ask

    @property
    def client(self) -> Client:
        """The API as the stored or given token sees it. Raises NotLoggedIn where there is no token."""
        if self._client is None:
            self._client = self.client_for(self.token())
        return self._client

    def token(self) -> str:
        """The token's text: from DPX_TOKEN, the keyring or the token file."""
        if self._token is None:
            from dpx_cli import credentials

            self._token = credentials.token_for(self.settings).value
        return self._token

    def client_for(self, token: str) -> Client:
        """The API as another token sees it; over a connection of its own, so that threads may have one each."""
        from dpx_cli.api import proxy
        from dpx_cli.api.client import Client
        from dpx_cli.api.transport import Connection

        scheme, host, port = split_origin(self.settings.origin)
        through = proxy.find(self.env, scheme, host, port, is_loopback)
        connection = Connection(scheme, host, port, context=self._tls_context, proxy=through)
        return Client(
            self.settings.api_url,
            token,
            connection,
            timeout=self.settings.timeout,
            on_attempt=self._say_attempt if self.debug else None,
        )

    def _tls_context(self) -> SSLContext:
        from dpx_cli.api import tls as trust

        return trust.context(self.env)

    def _say_attempt(self, attempt: Attempt) -> None:
        status = "no answer" if attempt.status is None else attempt.status
        path = attempt.path.partition("?")[0]
        self.screen.done(f"{attempt.method} {path} {status} {attempt.milliseconds:.0f} ms attempt {attempt.number}")

    @property
    def names(self) -> Names:
        """The remembered names of this token at this origin."""
        if self._names is None:
            from dpx_cli import credentials

            stored = not credentials.given(self.env)
            self._names = Names(
                lambda: self.settings.cache_dir,
                self.settings.origin,
                self.token(),
                profile=(lambda: self.settings.profile) if stored else None,
            )
        return self._names

    def org(self, given: str | None) -> str | None:
        """The organization: as given, else the default of the settings, else None."""
        return given if given is not None else self.settings.org

    def project_reference(self, given: str | None) -> str:
        """Which project is meant, as it is called: given, else DPX_PROJECT, else the link file's.

        Raises:
            UsageError: where none is named anywhere.
        """
        reference = given if given is not None else self.settings.project
        if reference is None:
            raise UsageError(
                "no project is named", hint="give --project PROJECT, or link this folder to one: dpx link PROJECT"
            )
        return reference

    def project_title(self, given: str | None) -> str:
        """How a person knows the project that is meant: as they named it, or by the link file's slug."""
        reference = self.project_reference(given)
        link = self.settings.link if given is None and not self.settings.variable("DPX_PROJECT") else None
        return link.project_slug or reference if link else reference

    def project(self, given: str | None) -> str:
        """The id of the project that is meant. See `on_project` for a command that should survive a stale memory."""
        from dpx_cli import resolve as project_ref

        return project_ref.resolve(self, self.project_reference(given)).id

    def on_project(self, given: str | None, action: Callable[[str], T]) -> T:
        """Do something with a project's id; where a remembered id answers 404, look it up again and do it once more.

        Raises:
            NotFound: where there is no such project.
        """
        from dpx_cli import resolve as project_ref

        reference = self.project_reference(given)
        resolved = project_ref.resolve(self, reference)
        try:
            return action(resolved.id)
        except NotFound as gone:
            if resolved.guessed:
                try:
                    again = project_ref.look_up(self, reference)
                except NotFound:
                    raise gone from None
            elif resolved.remembered:
                self.names.forget_project(reference)
                again = project_ref.look_up(self, reference)
            else:
                raise
            if again.id == resolved.id:
                raise
            return action(again.id)

    def known_project(self) -> str | None:
        """The id of the project that the environment or the link file names, where it is known without asking."""
        from dpx_cli import resolve as project_ref

        try:
            reference = self.settings.project
            return project_ref.resolve(self, reference).id if reference else None
        except DpxError:
            return None

    def show_pages(
        self,
        pages: Pages,
        columns: Sequence[Column],
        *,
        key: str,
        what: str,
        remember: str | None = None,
        under: str | None = None,
    ) -> None:
        """Show a list in the asked-for format and say on stderr what `--limit` cut.

        Args:
            pages: the list.
            columns: what a table shows.
            key: path of the identifier.
            what: what the items are, in the plural.
            remember: the sort of names (see `names.py`) to remember for completion where the list came whole.
            under: the project whose names they are, where they are a project's.
        """
        seen: list[str] = []
        self.screen.rows(_noting(pages, key, seen) if remember else pages, columns, key=key, empty=f"no {what}")
        if pages.next_cursor:
            import shlex

            self.screen.note(f"there are more {what}; the list goes on with --cursor {shlex.quote(pages.next_cursor)}")
        elif pages.is_cut:
            self.screen.note(f"there are more {what}, which the server gives no cursor for")
        if remember and (pages.is_whole or remember == "deployments"):
            self.names.remember(remember, seen, under)

    def require_somebody(self, what: str) -> None:
        """Raise UsageError where nobody can be asked whether to do something that cannot be undone."""
        if not self.can_ask:
            raise UsageError(f"nobody can be asked whether to {what}", hint="add --yes")

    def require_typed(self, word: str, question: str) -> None:
        """Go on only where a person types a word. Raises UsageError for anything else."""
        if self.screen.ask(question) != word:
            raise UsageError("that is not what was asked for; nothing was changed", hint="try again, or add --yes")

    def require_yes(self, question: str, *, yes: bool) -> None:
        """Go on only with --yes, or where a person says so. Raises UsageError otherwise."""
        if not yes and not self.screen.confirm(question):
            raise UsageError("not confirmed; nothing was changed", hint="add --yes")

    def link_to(self, project: Mapping[str, Any], *, org_slug: str | None) -> None:
        """Link the working directory to a project, and say so."""
        from dpx_cli.config import link

        slug = project.get("slug")
        path = link.write(self.cwd, str(project["id"]), slug if isinstance(slug, str) else None, org_slug)
        self.screen.done(f"linked this folder to {slug or project['id']} ({path})")


def called(file: str) -> str:
    """How a message calls a file that may be "-"."""
    return "standard input" if file == "-" else file


def _noting(pages: Pages, key: str, seen: list[str]) -> Iterator[list[dict[str, Any]]]:
    """Pass pages on and note the identifiers on them, up to what is worth remembering."""
    for page in pages:
        if len(seen) < MOST_NAMES:
            seen.extend(value for item in page if isinstance(value := item.get(key), str))
        yield page
