"""`dpx orgs`: organizations and their members."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.api import orgs
from dpx_cli.commands import LIST, ONE, READ, Typer, effect
from dpx_cli.commands.listing import show_pages
from dpx_cli.errors import UsageError
from dpx_cli.output.columns import Column

if TYPE_CHECKING:
    from dpx_cli.cli.options import Cursor, Limit, OrgSlug
    from dpx_cli.session import Session


GROUP = Typer(name="orgs", help="List organizations and their members.")

COLUMNS = (Column("Slug", "slug"), Column("Name", "name"), Column("Role", "role"), Column("ID", "id"))
DETAILS = (
    Column("Slug", "slug"),
    Column("Name", "name"),
    Column("Members", "_count.members"),
    Column("Projects", "_count.projects"),
    Column("ID", "id"),
)
MEMBERS = (Column("Email", "user.email"), Column("Role", "role"), Column("ID", "id"))


@GROUP.command("list", epilog="dpx orgs list")
@effect(READ, prints=LIST)
def list_orgs(session: Session, limit: Limit = None, cursor: Cursor = None) -> None:
    """List the organizations you belong to."""
    pages = orgs.list_orgs(session.client, limit=limit, cursor=cursor)
    show_pages(session, pages, COLUMNS, key="slug", what="organizations", remember="orgs")


@GROUP.command("get", epilog="dpx orgs get acme")
@effect(READ, prints=ONE)
def get(session: Session, slug: OrgSlug = None) -> None:
    """Show one organization."""
    session.screen.item(orgs.get_org(session.client, _slug(session, slug, "get")), DETAILS, key="slug")


@GROUP.command("members", epilog="dpx orgs members acme")
@effect(READ, prints=LIST)
def members(session: Session, slug: OrgSlug = None, limit: Limit = None, cursor: Cursor = None) -> None:
    """List the members of an organization."""
    pages = orgs.list_members(session.client, _slug(session, slug, "members"), limit=limit, cursor=cursor)
    show_pages(session, pages, MEMBERS, key="user.email", what="members")


def _slug(session: Session, given: str | None, command: str) -> str:
    """Return the organization's slug: as given, else the default one. Raise UsageError if there is neither."""
    if slug := session.org(given):
        return slug
    hint = f"Pass its slug, or set DPX_ORG. Run: {session.command('orgs', command, 'SLUG')}"
    raise UsageError("No organization specified.", hint=hint)
