"""What a command works with: settings, token, client, screen, projects. Each is made on its first use."""

from __future__ import annotations

import os
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from dpx_cli.cache import Names
from dpx_cli.config.settings import Settings, split_origin
from dpx_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from ssl import SSLContext

    from dpx_cli.api.client import Client
    from dpx_cli.credentials import Token
    from dpx_cli.output.screen import Screen
    from dpx_cli.resolve import ProjectRef, Projects


class Session:
    """One run of one command, with its `--profile` and `--debug`; `cwd` is None for the process's own directory."""

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
        self.profile = profile
        self.debug = debug
        self.settings = Settings(env, profile=profile, cwd=cwd)
        self._cwd = cwd
        self._clients: list[Client] = []
        self.read_only: str | None = None  # what else than the settings forbids changes
        self.pick: Callable[[Session], ProjectRef] | None = None  # lets the user pick a project if none is specified
        self.on_attempt: Callable[[str], None] | None = None  # receives requests; --debug prints them
        self.on_event: Callable[[Mapping[str, Any]], None] | None = None  # receives the events of deployments

    @property
    def cwd(self) -> str:
        """The working directory. Raises UsageError if it was removed."""
        try:
            return self._cwd or os.getcwd()
        except FileNotFoundError:
            hint = "Change to an existing directory."
            raise UsageError("The working directory no longer exists.", hint=hint) from None

    @cached_property
    def client(self) -> Client:
        """The API client. Raises NotLoggedIn without a token."""
        return self.client_for()

    @cached_property
    def found_token(self) -> Token:
        """The token in DPX_TOKEN or DPX_TOKEN_FILE, else the stored one, with its source."""
        from dpx_cli import credentials

        return credentials.find_token(self.settings, on_wait=self.on_wait)

    def token(self) -> str:
        """Return the token in use."""
        return self.found_token.value

    @property
    def on_wait(self) -> Callable[[str], None] | None:
        """What tells a person that dpx waits for the keyring; None without a terminal."""
        return self.screen.note if self.screen.can_ask else None

    @property
    def may_have_changed(self) -> bool:
        """Whether a request of this command changed something, or may have."""
        return any(client.may_have_changed for client in self._clients)

    def client_for(self, token: str | None = None) -> Client:
        """Return the API as a token sees it, by default the one in use, over a connection of its own for a thread."""
        from dpx_cli import credentials
        from dpx_cli.api.client import Client
        from dpx_cli.api.transport import Connection
        from dpx_cli.system import proxy

        # A token that is tried before it is stored has no names yet.
        names = self.names if token is None else Names(self.settings, token)
        token_hint = f"Create a token at {credentials.token_page(self.settings)}"
        if token is None:
            token, token_hint = self.token(), credentials.describe_renewal(self.found_token, self.settings)
        self.settings.check_profile()
        scheme, host, port = split_origin(self.settings.origin)
        through = proxy.find(self.env, scheme, host, port)
        connection = Connection(scheme, host, port, context=self.tls_context, proxy=through)
        client = Client(
            self.settings.api_url,
            token,
            connection,
            timeout=self.settings.timeout,
            read_only=lambda: self.read_only or self.settings.read_only,
            token_hint=token_hint,
            on_attempt=self.screen.info if self.debug else self.on_attempt,
            on_note=self.screen.note,
            command=partial(self._command_by_name, names),
        )
        self._clients.append(client)
        return client

    def close(self) -> None:
        """Close all connections to the API."""
        for client in self._clients:
            client.close()

    def tls_context(self) -> SSLContext:
        """Return a TLS context that trusts what the settings say."""
        from dpx_cli.api import tls

        return tls.context(self.env)

    @cached_property
    def names(self) -> Names:
        """The remembered names of this token at this origin."""
        from dpx_cli import credentials

        return Names(self.settings, self.token(), is_stored=not credentials.token_variable(self.env))

    def command(
        self,
        *words: str,
        project: str | ProjectRef | None = None,
        org: str | None = None,
        target: Sequence[str] | str = (),
    ) -> str:
        """Return a `dpx …` command to paste, quoted for the shell, with the profile in force: what every hint shows.

        A project adds --project, unless it is the one that deploxa.toml or a link file specifies from here.
        """
        from dpx_cli.system import shell

        if project is not None and not isinstance(project, str):
            project = None if project.source in ("deploxa.toml", "link") else project.given
        profile = self.profile or self.env.get("DPX_PROFILE") or None
        return shell.command(*words, project=project, org=org, target=target, profile=profile)

    def _command_by_name(self, names: Names, *words: str, project: str | None = None) -> str:
        """Return a command to paste with the names of projects, for the API's client, which only knows their IDs."""
        return self.command(*map(names.reference, words), project=project and names.reference(project))

    def org(self, given: str | None) -> str | None:
        """Return the organization: as given, else the default of the settings, else None."""
        return given if given is not None else self.settings.org

    @cached_property
    def projects(self) -> Projects:
        """Finds the projects that are specified."""
        return self.projects_by(lambda: self.client)

    def projects_by(self, client: Callable[[], Client]) -> Projects:
        """Return what finds projects with a client of a thread's own."""
        from dpx_cli.resolve import Projects

        def pick() -> ProjectRef | None:
            return self.pick(self) if self.pick and self.screen.can_ask else None

        return Projects(client, lambda: self.names, self.settings, pick, self.command)

    def link_to(self, project: Mapping[str, Any], *, org_slug: str | None) -> None:
        """Link the working directory to a project, which has an ID, and say so."""
        from dpx_cli.api.client import is_name
        from dpx_cli.config import link
        from dpx_cli.system import files

        slug = project["slug"] if is_name(project.get("slug")) else None
        path = link.write(self.cwd, project["id"], slug, org_slug)
        self.screen.info(f"Linked this directory to {slug or project['id']} ({files.short(path, self.cwd)}).")
