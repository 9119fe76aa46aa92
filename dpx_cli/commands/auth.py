"""`dpx auth`: log in, log out, and see which token is used. `login`, `logout` and `whoami` are the same functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.commands import LOCAL, ONE, READ, Typer, effect
from dpx_cli.commands.profile import use_profile
from dpx_cli.output.columns import Column
from dpx_cli.output.format import yes_no

if TYPE_CHECKING:
    from typing import Annotated, Any

    import typer

    from dpx_cli.cli.options import SECRET, ProfileName
    from dpx_cli.session import Session

GROUP = Typer(name="auth", help="Log in and out, and see which token is used.")
ROOT = Typer(name="", help="")

COLUMNS = (
    Column("Profile", "profile"),
    Column("API URL", "api_url"),
    Column("Source", "source"),
    Column("Token", "token"),
    Column("Accepted", "accepted", show=yes_no),
    Column("Organizations", "organizations"),
)

_PAGE = 100  # organizations per request
_STDIN_LIMIT = 65536  # bytes; a token is far shorter, a file given by mistake is not


@ROOT.command("login", epilog="echo $DPX_TOKEN | dpx login --with-token --insecure-storage")
@GROUP.command("login", epilog="echo $DPX_TOKEN | dpx auth login --with-token --insecure-storage")
@effect(LOCAL)
def login(
    session: Session,
    with_token: Annotated[bool, typer.Option("--with-token", help="Read the token from stdin."), SECRET] = False,
    insecure_storage: Annotated[
        bool, typer.Option("--insecure-storage", help="Keep the token in a plain file, not in the keyring.")
    ] = False,
    web: Annotated[bool, typer.Option("--web", help="Open the page where tokens are created in a browser.")] = False,
) -> None:
    """Log in with a token, kept in the operating system's keyring.

    The token is asked for, or read from stdin. It is checked before it is stored, and stored for this profile and this
    API only. Tokens are created on the page /settings/tokens of Deploxa.
    """
    from dpx_cli import credentials
    from dpx_cli.commands import login as asking
    from dpx_cli.config import profiles
    from dpx_cli.credentials import logins

    settings = session.settings
    settings.may_create_profile = True
    api_url = settings.api_url
    _require_input(session, with_token=with_token)
    store = asking.open_storage(session, insecure=insecure_storage)
    token = credentials.check_token(*_given_token(session, web=web))
    organizations, _ = _first_page(session, token)
    logins.store(settings, token, store)
    session.screen.done(f"Logged in to {api_url} as profile {settings.profile}. The token is in {store.title}.")
    session.screen.done(f"Organizations: {asking.roles(organizations) or 'none'}")
    asking.remember(session, token, organizations)
    if variable := credentials.given(settings.env):
        session.screen.note(f"{variable} is set and takes precedence over the stored token.")
    if settings.profile != settings.profiles.current:
        profiles.update(settings.config_dir, lambda found: found.put(settings.profile))
        session.screen.note(f"To use it without --profile, run: dpx profile use {settings.profile}")


@ROOT.command("logout", epilog="dpx logout")
@GROUP.command("logout", epilog="dpx auth logout")
@effect(LOCAL)
def logout(session: Session) -> None:
    """Delete this profile's token from where it is stored.

    The token itself stays valid until it is revoked on the page /settings/tokens of Deploxa.
    """
    from dpx_cli import credentials
    from dpx_cli.credentials import logins

    settings = session.settings
    title = logins.forget(settings)
    who = f"{settings.api_url} as profile {settings.profile}"
    if title is None:
        session.screen.note(f"No token was stored for {who}.")
    else:
        session.screen.done(f"Logged out of {who}. The token is removed from {title}.")
    if variable := credentials.given(settings.env):
        session.screen.note(f"{variable} is still set and used.")


@ROOT.command("whoami", epilog="dpx whoami")
@GROUP.command("status", epilog="dpx auth status --json")
@effect(READ, prints=ONE)
def status(session: Session) -> None:
    """Show which token is used, where it comes from, and whether it is accepted.

    Exits 4 if there is no token, or if it is not accepted.
    """
    from dpx_cli import credentials
    from dpx_cli.commands.login import roles
    from dpx_cli.errors import Unauthorized

    token = credentials.token_for(session.settings)
    organizations: list[dict[str, Any]] = []
    refused, has_more = None, False
    try:
        organizations, has_more = _first_page(session, token.value)
    except Unauthorized as exc:  # what was refused is what the user asks about: shown first, then raised
        refused = exc
    item = {
        "profile": session.settings.profile,
        "api_url": session.settings.api_url,
        "source": token.source,
        "token": token.masked,
        "accepted": refused is None,
        "organizations": None if refused else f"{len(organizations)}+" if has_more else len(organizations),
    }
    if session.screen.format == "table" and organizations:
        item["organizations"] = roles(organizations)
    session.screen.item(item, COLUMNS, key="profile")
    if refused is not None:
        refused.hint = credentials.renewal(token, session.settings.profile)
        raise refused


@GROUP.command("token", epilog="dpx auth token")
@effect(LOCAL)
def token(session: Session) -> None:
    """Print the token in use, and nothing else.

    It is the one command that shows a token: keep it out of logs.
    """
    from dpx_cli import credentials

    session.screen.line(credentials.token_for(session.settings).value)


@GROUP.command("switch", epilog="dpx auth switch default")
@effect(LOCAL)
def switch(session: Session, name: ProfileName) -> None:
    """Make a profile the current one; the same as `dpx profile use`."""
    use_profile(session, name)


def _require_input(session: Session, *, with_token: bool) -> None:
    """Raise UsageError if there is nothing that a token can come from."""
    from dpx_cli.errors import UsageError

    stdin = session.screen.stdin
    if not session.screen.can_ask and (stdin is None or (stdin.isatty() and not with_token)):
        raise UsageError("Can't ask for the token (not a terminal).", hint="Run: dpx auth login --with-token < FILE")


def _given_token(session: Session, *, web: bool) -> tuple[str, str]:
    """Return the token that the user types or that standard input has, and where it came from."""
    from dpx_cli.commands.login import ask_token
    from dpx_cli.errors import UsageError

    if session.screen.can_ask:
        return ask_token(session, web=web), "your answer"
    stdin = session.screen.stdin
    data = stdin.read(_STDIN_LIMIT + 1) if stdin else b""
    if not data.strip():
        raise UsageError(
            "Standard input has no token.", hint="Set DPX_TOKEN, or run: dpx auth login --with-token < FILE"
        )
    try:
        return data[:_STDIN_LIMIT].decode("utf-8-sig"), "standard input"
    except UnicodeDecodeError:
        raise UsageError("Standard input is not text.", hint="Give it the token, and nothing else.") from None


def _first_page(session: Session, token: str) -> tuple[list[dict[str, Any]], bool]:
    """Return the first organizations of a token, and whether there are more."""
    from dpx_cli.api import orgs

    pages = orgs.list_orgs(session.client_for(token), limit=_PAGE)
    return [org for page in pages for org in page], pages.next_cursor is not None
