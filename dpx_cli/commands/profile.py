"""`dpx profile`: named defaults for the API URL and the organization, each with its own login."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.commands import LIST, LOCAL, Typer, effect
from dpx_cli.config import profiles
from dpx_cli.config.settings import check_api_url
from dpx_cli.credentials import stores
from dpx_cli.errors import NotFound, exclusive
from dpx_cli.output.columns import Column
from dpx_cli.output.format import yes_no

if TYPE_CHECKING:
    from typing import Annotated

    from dpx_cli.cli.options import CLEARABLE, ProfileName, Yes, flag, option
    from dpx_cli.session import Session


GROUP = Typer(name="profile", help="Keep several logins and defaults side by side.")

COLUMNS = (
    Column("Profile", "name"),
    Column("Current", "current", show=yes_no),
    Column("API URL", "api_url"),
    Column("Organization", "org"),
    Column("Logged in", "logged_in", show=yes_no),
    Column("Read-only", "read_only", show=yes_no),
)


@GROUP.command("list", epilog="dpx profile list")
@effect(LOCAL, prints=LIST)
def list_profiles(session: Session) -> None:
    """List the profiles, and which of them is in use.

    Whether a profile is logged in is read from dpx's own files. The keyring and the API aren't used.
    """
    settings = session.settings
    items = [
        {
            "name": name,
            "current": name == settings.profile,
            "api_url": settings.profiles.get(name).get("api_url"),
            "org": settings.profiles.get(name).get("org"),
            "logged_in": bool(settings.profiles.logins(name)),
            "read_only": settings.profiles.is_read_only(name),
        }
        for name in settings.profiles.names
    ]
    session.screen.rows([items], COLUMNS, key="name")


@GROUP.command("use", epilog="dpx profile use default")
@effect(LOCAL)
def use(session: Session, name: ProfileName) -> None:
    """Make a profile the current one."""
    settings = session.settings
    profiles.update(settings.config_dir, lambda changed: changed.use(name))
    session.screen.info(f"The current profile is {name}.")
    if variable := settings.env.get("DPX_PROFILE"):
        session.screen.note(f"DPX_PROFILE is set to {variable} and takes precedence.")


@GROUP.command("set", epilog="dpx profile set work --org acme")
@effect(LOCAL)
def set_profile(
    session: Session,
    name: ProfileName,
    api_url: Annotated[str | None, option("--api-url", "URL", 'Root of the API. "" clears it.'), CLEARABLE] = None,
    org: Annotated[
        str | None,
        option("--org", "ORG", 'Default organization. "" clears it.', complete="org"),
        CLEARABLE,
    ] = None,
    read_only: Annotated[bool, flag("--read-only", "Refuse every request that could change something.")] = False,
    no_read_only: Annotated[bool, flag("--no-read-only", "Allow changes again.")] = False,
) -> None:
    """Create a profile, or change its defaults."""
    exclusive(("--read-only", read_only), ("--no-read-only", no_read_only))
    url = check_api_url(api_url, "--api-url") if api_url else api_url
    change = True if read_only else False if no_read_only else None
    is_new = profiles.check_name(name) not in session.settings.profiles.names
    profiles.update(
        session.settings.config_dir, lambda changed: changed.put(name, api_url=url, org=org, read_only=change)
    )
    session.screen.info(f"Profile {name} {'created' if is_new else 'changed'}.")


@GROUP.command("remove", epilog="dpx profile remove work")
@effect(LOCAL)
def remove(session: Session, name: ProfileName, yes: Yes = False) -> None:
    """Remove a profile and the tokens stored for it.

    If it was the current one, the default profile becomes the current one.
    """
    config_dir, before = session.settings.config_dir, session.settings.profiles
    if profiles.check_name(name) not in before.names:
        raise NotFound(f"There is no profile {name}.", hint="Run: dpx profile list")
    asks = session.screen.can_ask and not yes
    if asks and not session.screen.confirm(f"Remove profile {name} and its stored tokens?"):
        session.screen.note("Nothing was removed.")
        return
    tokens = stores.remove_tokens(config_dir, name)
    profiles.update(config_dir, lambda changed: changed.remove(name))
    session.screen.info(f"Profile {name}{' and its stored tokens' if tokens else ''} removed.")
    if name == before.current != profiles.DEFAULT:
        session.screen.note(f"The current profile is now {profiles.DEFAULT}.")
