"""`dpx env where` and `dpx env rotate`: one variable in many projects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.commands import LIST, ONE, READ, WRITE, effect
from dpx_cli.commands.env import GROUP
from dpx_cli.errors import UsageError

if TYPE_CHECKING:
    from typing import Annotated

    import typer

    from dpx_cli.cli.options import SECRET, Complete, Deploy, FromFile, Projects, Stdin, Yes
    from dpx_cli.session import Session


@GROUP.command("where", epilog="dpx env where DATABASE_URL")
@effect(READ, prints=LIST)
def where(
    session: Session,
    key: Annotated[str, typer.Argument(metavar="KEY", help="Variable to look for.", autocompletion=Complete.key)],
    org: Annotated[
        str | None,
        typer.Option("--org", metavar="ORG", help="Only projects of this organization.", autocompletion=Complete.org),
    ] = None,
) -> None:
    """List the projects that have a variable, with its targets."""
    from dpx_cli.commands.env import changes, reach
    from dpx_cli.commands.env.values import check_key

    search = reach.Search(session, check_key(key), reach.listed(session, org))
    pages = ([holder.row() for holder in page] for page in search)
    session.screen.rows(pages, reach.COLUMNS, key="project", empty="No projects.")
    changes.raise_first(session, list(search.failures.values()))


@GROUP.command("rotate", epilog="echo sk_new | dpx env rotate STRIPE_SECRET_KEY --stdin --all --yes")
@effect(WRITE, prints=ONE)
def rotate(
    session: Session,
    key: Annotated[str, typer.Argument(metavar="KEY", help="Variable to change.", autocompletion=Complete.key), SECRET],
    projects: Projects = (),
    org: Annotated[
        str | None,
        typer.Option("--org", metavar="ORG", help="Every project of this organization.", autocompletion=Complete.org),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every project you have access to.")] = False,
    stdin: Stdin = False,
    from_file: FromFile = None,
    deploy: Deploy = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List the projects and change nothing.")] = False,
    yes: Yes = False,
) -> None:
    """Change the value of a variable in every project that has it.

    Each project keeps its own targets, and whether the variable is sensitive. Projects without the variable are left
    alone. If it fails half-way, run it again with the same value: it does the rest.
    """
    from dpx_cli.commands.env import values
    from dpx_cli.commands.env.rotation import Rotation

    values.check_key(key)
    if sum((bool(projects), org is not None, every)) > 1:
        raise UsageError("--project, --org and --all can't be used together.", hint="Pass one of them.")
    if not (dry_run or yes):
        session.screen.require_terminal()
    value = None if dry_run else values.for_key(session, key, stdin=stdin, from_file=from_file)
    rotation = Rotation(session, key)
    rotation.find(projects, org=org, every=every)
    if value is not None:
        rotation.confirm(yes=yes)
        rotation.run(value, deploy=deploy)
    rotation.show(every=value is None)
    rotation.raise_first()
