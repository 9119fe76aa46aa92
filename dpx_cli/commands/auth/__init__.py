"""`dpx auth`: log in, log out, and see which token is used. `login`, `logout` and `whoami` are the same functions."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from dpx_cli import credentials
from dpx_cli.commands import LOCAL, ONE, READ, Typer, effect, profile
from dpx_cli.commands.auth import login as steps
from dpx_cli.credentials import stores
from dpx_cli.errors import Unauthorized
from dpx_cli.output.columns import Column
from dpx_cli.output.format import yes_no
from dpx_cli.output.raw_mode import raw_mode

if TYPE_CHECKING:
    from typing import Annotated, Any

    from dpx_cli.cli.options import SECRET, flag
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
    Column("Location", "location"),
)


@ROOT.command("login", epilog="echo $DPX_TOKEN | dpx login --with-token --insecure-storage")
@GROUP.command("login", epilog="echo $DPX_TOKEN | dpx auth login --with-token --insecure-storage")
@effect(LOCAL)
def login(
    session: Session,
    with_token: Annotated[bool, flag("--with-token", "Read the token from stdin."), SECRET] = False,
    insecure_storage: Annotated[
        bool, flag("--insecure-storage", "Keep the token in a plain file, not in the keyring.")
    ] = False,
    web: Annotated[bool, flag("--web", "Open the page that creates tokens in a browser.")] = False,
) -> None:
    """Log in with a token, kept in the operating system's keyring.

    The token is read from a prompt or from stdin. It is checked before it is stored, and stored for this profile and
    this API only. Create tokens at https://deploxa.com/settings/tokens.
    """
    settings = session.settings
    settings.may_create_profile = True
    steps.require_input(session, with_token=with_token)
    # Echo is off from here on, so that a token that is pasted too early is not shown either.
    stdin = session.screen.stdin
    with raw_mode(stdin, keys=False) if stdin and session.screen.can_ask else nullcontext():
        store = steps.open_storage(session, insecure=insecure_storage)
        token, organizations = steps.read_token(session, web=web)
    stores.store_token(settings, token, store)
    session.screen.info(
        f"Logged in to {settings.api_url} as profile {settings.profile}. The token is in {store.title}."
    )
    session.screen.info(f"Organizations: {steps.describe_roles(organizations) or 'none'}")
    steps.remember(session, token, organizations)
    if variable := credentials.token_variable(settings.env):
        session.screen.note(f"{variable} is set and takes precedence over the stored token.")
    if settings.profile != settings.profiles.current:
        session.screen.note(f"To use it without --profile, run: dpx profile use {settings.profile}")


@ROOT.command("logout", epilog="dpx logout")
@GROUP.command("logout", epilog="dpx auth logout")
@effect(LOCAL)
def logout(session: Session) -> None:
    """Remove this profile's stored token.

    The token itself stays valid until you revoke it at https://deploxa.com/settings/tokens.
    """
    settings = session.settings
    titles = stores.remove_tokens(settings.config_dir, settings.profile, settings.origin)
    who = f"{settings.api_url} as profile {settings.profile}"
    if titles:
        session.screen.info(f"Logged out of {who}. The token is removed from {titles[0]}.")
    else:
        session.screen.note(f"No token was stored for {who}.")
    if variable := credentials.token_variable(settings.env):
        session.screen.note(f"{variable} is still set and used.")


@ROOT.command("whoami", epilog="dpx whoami")
@GROUP.command("status", epilog="dpx auth status --json")
@effect(READ, prints=ONE)
def status(session: Session) -> None:
    """Show which token is used, its source, and whether it's accepted.

    Exits 4 if there is no token, or if it is not accepted.
    """
    token = session.found_token
    organizations: list[dict[str, Any]] = []
    refused, has_more = None, False
    try:
        organizations, has_more = steps.first_organizations(session.client)
    except Unauthorized as problem:  # shown first, then raised
        refused = problem
    item = {
        "profile": session.settings.profile,
        "api_url": session.settings.api_url,
        "source": token.source,
        "token": token.masked,
        "accepted": refused is None,
        "organizations": None if refused else f"{len(organizations)}+" if has_more else len(organizations),
        "location": f"{token.variable}={token.location}" if token.variable == "DPX_TOKEN_FILE" else token.location,
    }
    if session.screen.format == "table" and organizations:
        item["organizations"] = steps.describe_roles(organizations)
    session.screen.item(item, COLUMNS, key="profile")
    if refused is not None:
        raise refused


@GROUP.command("token", epilog="dpx auth token")
@effect(LOCAL)
def token(session: Session) -> None:
    """Print the token in use, and nothing else.

    This is the only command that shows a token. Keep its output out of logs.
    """
    session.screen.line(session.token())


GROUP.command("switch", epilog="dpx auth switch default")(profile.use)
