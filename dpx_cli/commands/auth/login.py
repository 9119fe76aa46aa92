"""The steps of `dpx auth login`: a place for the token, the token itself, and whose it is."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from dpx_cli import credentials
from dpx_cli.api import orgs, projects
from dpx_cli.cache import Names
from dpx_cli.credentials import stores
from dpx_cli.errors import DpxError, NotLoggedIn, TokenStorage, Unauthorized, UsageError
from dpx_cli.reference import MAX_PAGE
from dpx_cli.system import browser

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dpx_cli.api.client import Client
    from dpx_cli.credentials.stores import TokenStore
    from dpx_cli.session import Session

MAX_TRIES = 3
MAX_STDIN = 1024 * 1024  # bytes; a token is far shorter, a file passed by mistake is not


def require_input(session: Session, *, with_token: bool) -> None:
    """Raise UsageError if there is nothing that a token can come from."""
    stdin = session.screen.stdin
    if not session.screen.can_ask and (stdin is None or (stdin.isatty() and not with_token)):
        raise UsageError("Can't ask for the token (not a terminal).", hint="Run: dpx auth login --with-token < FILE")


def open_storage(session: Session, *, insecure: bool) -> TokenStore:
    """Return the place where the token will be kept, once it has responded, so that no pasted token is lost.

    On a machine without a keyring, it offers a file if the user can be asked.
    """
    from dpx_cli.credentials import keyring_store

    settings = session.settings
    file = stores.open_store("file", settings.config_dir)
    try:
        store = file if insecure else keyring_store.KeyringStore(keyring_store.choose(), session.on_wait)
    except TokenStorage as missing:
        if not session.screen.can_ask:
            raise
        session.screen.warn(missing.message)
        if not _confirm(session, f"Keep the token in {file.title}? Any program you run can read it."):
            raise
        store = file
    store.get(f"{settings.profile}@{settings.origin}")
    return store


def _confirm(session: Session, question: str) -> bool:
    """Ask a yes-or-no question. What is typed is not shown, since it may be the token: see `login`."""
    if sys.platform == "win32":
        return session.screen.secret(f"{question} [y/N]").strip().lower() in ("y", "yes")
    answer = session.screen.confirm(question)
    session.screen.info("")  # the end of the line was not shown either
    return answer


def read_token(session: Session, *, web: bool) -> tuple[str, list[dict[str, Any]]]:
    """Return a token that the API accepts, and its organizations. A person may try three times."""
    if not session.screen.can_ask:
        token = credentials.check_token(_read_stdin(session), "The text on standard input", session.settings)
        return token, first_organizations(session.client_for(token))[0]
    page = credentials.token_page(session.settings)
    session.screen.info(f"Create a token at {page}")
    if not web:
        session.screen.info("Paste it here, or press Enter to open the page first.")
    tries = 0
    while True:
        if web and not browser.open_url(page, session.env):
            session.screen.note("No browser found.")
        web = False
        text = session.screen.secret("Token (not shown)")
        if not text.strip():
            web = True
            continue
        tries += 1
        try:
            token = credentials.check_token(text, "This", session.settings)
            return token, first_organizations(session.client_for(token))[0]
        except (NotLoggedIn, Unauthorized) as problem:
            if tries == MAX_TRIES:
                raise
            session.screen.warn(f"{problem.message} Try again.")


def _read_stdin(session: Session) -> str:
    data = session.screen.read_input("-", "the token", limit=MAX_STDIN)
    if not data.strip():
        raise UsageError(
            "Standard input has no token.", hint="Set DPX_TOKEN, or run: dpx auth login --with-token < FILE"
        )
    return data.decode("utf-8-sig", "replace")  # what isn't text is no token


def first_organizations(client: Client) -> tuple[list[dict[str, Any]], bool]:
    """Return the first organizations that a token may see, and whether there are more."""
    pages = orgs.list_orgs(client, limit=MAX_PAGE)
    return [org for page in pages for org in page], pages.next_cursor is not None


def describe_roles(organizations: Sequence[dict[str, Any]]) -> str:
    """Return organizations with the user's role in each: "acme (owner), globex (member)"."""
    return ", ".join(f"{org.get('slug')} ({org.get('role')})" for org in organizations)


def remember(session: Session, token: str, organizations: Sequence[dict[str, Any]]) -> None:
    """Remember the names of organizations and projects for completion, if there is a person who will type them."""
    if not session.screen.can_ask:
        return
    names = Names(session.settings, token, is_stored=True)
    with suppress(DpxError):  # the login has succeeded; completion learns the names later
        pages = projects.list_projects(session.client_for(token), limit=MAX_PAGE)
        for kind, items in (("orgs", organizations), ("slugs", [project for page in pages for project in page])):
            names.remember(kind, [item["slug"] for item in items if isinstance(item.get("slug"), str)])
