"""`dpx profile`: named defaults for the API URL and the organization, each with its own login."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.commands import LIST, LOCAL, Typer, effect
from dpx_cli.output.columns import Column
from dpx_cli.output.format import yes_no

if TYPE_CHECKING:
    from typing import Annotated

    import typer

    from dpx_cli.cli.options import Complete, ProfileName, Yes
    from dpx_cli.session import Session

    PROFILE_NAME = typer.Argument(metavar="PROFILE", help="The profile's name.", autocompletion=Complete.profile)

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

    Whether a profile is logged in is read from dpx's own files. Neither the keyring nor the API is asked.
    """
    from dpx_cli.credentials import logins

    settings = session.settings
    found = settings.profiles
    origins = logins.origins(settings.config_dir)
    items = [
        {
            "name": name,
            "current": name == settings.profile,
            "api_url": found.get(name).get("api_url"),
            "org": found.get(name).get("org"),
            "logged_in": name in origins,
            "read_only": found.is_read_only(name),
        }
        for name in sorted({*found.names, *origins, settings.profile})
    ]
    session.screen.rows([items], COLUMNS, key="name")


@GROUP.command("use", epilog="dpx profile use default")
@effect(LOCAL)
def use(session: Session, name: ProfileName) -> None:
    """Make a profile the current one."""
    use_profile(session, name)


@GROUP.command("set", epilog="dpx profile set work --org acme")
@effect(LOCAL)
def set_profile(
    session: Session,
    name: ProfileName,
    api_url: Annotated[
        str | None, typer.Option("--api-url", metavar="URL", help='Root of the API. "" clears it.')
    ] = None,
    org: Annotated[
        str | None,
        typer.Option("--org", metavar="ORG", help='Default organization. "" clears it.', autocompletion=Complete.org),
    ] = None,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Refuse every request that could change something.")
    ] = False,
    no_read_only: Annotated[bool, typer.Option("--no-read-only", help="Allow changes again.")] = False,
) -> None:
    """Create a profile, or change its defaults."""
    from dpx_cli.config import profiles
    from dpx_cli.config.settings import check_api_url
    from dpx_cli.errors import UsageError

    if read_only and no_read_only:
        raise UsageError("--read-only and --no-read-only can't be used together.", hint="Pass one of them.")
    url = check_api_url(api_url, "--api-url") if api_url else api_url
    profiles.check_name(name)
    made = []

    def change(found: profiles.Profiles) -> None:
        made.append(name not in found.names)
        found.put(name, api_url=url, org=org, read_only=True if read_only else False if no_read_only else None)

    profiles.update(session.settings.config_dir, change)
    session.screen.done(f"Profile {name} {'created' if made[0] else 'changed'}.")


@GROUP.command("remove", epilog="dpx profile remove work")
@effect(LOCAL)
def remove(session: Session, name: ProfileName, yes: Yes = False) -> None:
    """Remove a profile and the tokens stored for it.

    If it was the current one, the default profile becomes the current one.
    """
    from dpx_cli.config import profiles
    from dpx_cli.credentials import logins
    from dpx_cli.errors import NotFound

    config_dir = session.settings.config_dir
    found = session.settings.profiles
    profiles.check_name(name)
    if name not in found.names and name not in logins.origins(config_dir):
        raise NotFound(f"There is no profile {name}.", hint="Run: dpx profile list")
    current = name == found.current
    if (
        not yes
        and session.screen.can_ask
        and not session.screen.confirm(f"Remove profile {name} and its stored tokens?")
    ):
        session.screen.note("Nothing was removed.")
        return
    tokens = logins.forget_profile(config_dir, name)
    profiles.update(config_dir, lambda changed: changed.remove(name))
    session.screen.done(f"Profile {name}{' and its stored tokens' if tokens else ''} removed.")
    if current and name != profiles.DEFAULT:
        session.screen.note(f"The current profile is now {profiles.DEFAULT}.")


def use_profile(session: Session, name: str) -> None:
    """Make a profile the current one, and say so. Raise NotFound if it doesn't exist."""
    from dpx_cli.config import profiles
    from dpx_cli.credentials import logins

    settings = session.settings
    logged_in = profiles.check_name(name) in logins.origins(settings.config_dir)

    def change(found: profiles.Profiles) -> None:
        if logged_in:
            found.put(name)
        found.use(name)

    profiles.update(settings.config_dir, change)
    session.screen.done(f"The current profile is {name}.")
    if given := settings.env.get("DPX_PROFILE"):
        session.screen.note(f"DPX_PROFILE is set to {given} and takes precedence.")
