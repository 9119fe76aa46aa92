"""`dpx orgs`: organizations and their members. Requested in `api/orgs.py`."""

from typing import TYPE_CHECKING, Annotated

from dpx_cli.declare import LIST, ONE, Argument, Group
from dpx_cli.options import Cursor, Limit
from dpx_cli.output.screen import Column

if TYPE_CHECKING:
    from dpx_cli.session import Session

GROUP = Group("orgs", "List organizations and their members.")

COLUMNS = (Column("Slug", "slug"), Column("Name", "name"), Column("Role", "role"), Column("Id", "id"))
DETAILS = (
    Column("Slug", "slug"),
    Column("Name", "name"),
    Column("Members", "_count.members"),
    Column("Projects", "_count.projects"),
    Column("Id", "id"),
)
MEMBERS = (Column("E-mail", "user.email"), Column("Role", "role"), Column("Id", "id"))

Slug = Annotated[str, Argument("SLUG", help="The organization's slug.", complete="org")]


@GROUP.command("list", formats=LIST, example="dpx orgs list")
def list_orgs(session: "Session", limit: Limit = None, cursor: Cursor = None) -> None:
    """List the organizations you belong to."""
    from dpx_cli.api import orgs

    pages = orgs.list_orgs(session.client, limit=limit, cursor=cursor)
    session.show_pages(pages, COLUMNS, key="slug", what="organizations", remember="orgs")


@GROUP.command("get", formats=ONE, example="dpx orgs get acme")
def get(session: "Session", slug: Slug) -> None:
    """Show one organization."""
    from dpx_cli.api import orgs

    session.screen.item(orgs.get_org(session.client, slug), DETAILS, key="slug")


@GROUP.command("members", formats=LIST, example="dpx orgs members acme")
def members(session: "Session", slug: Slug, limit: Limit = None, cursor: Cursor = None) -> None:
    """List the members of an organization."""
    from dpx_cli.api import orgs

    pages = orgs.list_members(session.client, slug, limit=limit, cursor=cursor)
    session.show_pages(pages, MEMBERS, key="user.email", what="members")
