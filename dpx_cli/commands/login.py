"""What `dpx auth login` asks and shows: the place for the token, the token itself, and whose it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dpx_cli.credentials.interface import TokenStore
    from dpx_cli.session import Session


def open_storage(session: Session, *, insecure: bool) -> TokenStore:
    """Return the place where the token will be kept, once it has responded.

    It is tried before the token is asked for, so that no pasted token is lost. On a machine without a
    keyring, offers a file if the user can be asked.

    Raises:
        TokenStorage: if it doesn't respond, or there is no keyring.
    """
    from dpx_cli.credentials import index, stores
    from dpx_cli.errors import TokenStorage

    settings = session.settings
    file = stores.open_store(stores.FILE, settings.config_dir)
    try:
        store = file if insecure else stores.default_store()
    except TokenStorage as missing:
        if not session.screen.can_ask:
            raise
        session.screen.warn(missing.message)
        if not session.screen.confirm(f"Keep the token in {file.title}? Programs that you run can read it."):
            raise
        store = file
    store.get(index.key(settings.profile, settings.origin))
    return store


def token_page(session: Session) -> str:
    """Return the URL of the page where tokens are created."""
    scheme, _, rest = session.settings.api_url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}/settings/tokens"


def ask_token(session: Session, *, web: bool) -> str:
    """Ask for a token without showing it; open the page where it is created with --web or on Enter."""
    from dpx_cli.system import browser

    page = token_page(session)
    session.screen.done(f"Create a token at {page}")
    if not web:
        session.screen.done("Paste it here, or press Enter to open the page first.")
    while True:
        if web and not browser.open_url(page, session.env):
            session.screen.note("No browser found.")
        if token := session.screen.secret("Token (not shown)").strip():
            return token
        web = True


def roles(organizations: Sequence[dict[str, Any]]) -> str:
    """Return organizations with the user's role in each: "acme (owner), globex (member)"."""
    return ", ".join(f"{org.get('slug')} ({org.get('role')})" for org in organizations)


def remember(session: Session, token: str, organizations: Sequence[dict[str, Any]]) -> None:
    """Remember the names of organizations for completion, and of projects if the user is at a terminal."""
    from dpx_cli.api import projects
    from dpx_cli.cache import Names
    from dpx_cli.errors import DpxError

    settings = session.settings
    names = Names(lambda: settings.cache_dir, settings.origin, token, profile=lambda: settings.profile)
    names.remember("orgs", [org["slug"] for org in organizations if isinstance(org.get("slug"), str)])
    if not session.screen.can_ask:
        return
    pages = projects.list_projects(session.client_for(token), limit=100)
    try:
        found = [project["slug"] for page in pages for project in page if isinstance(project.get("slug"), str)]
    except DpxError:
        return  # the login has succeeded; completion learns the names later
    if pages.is_whole:
        names.remember("slugs", found)
