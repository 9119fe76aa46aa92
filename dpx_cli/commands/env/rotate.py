"""`dpx env where` and `dpx env rotate`: one variable in many projects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.api.parallel import HOPELESS, progress
from dpx_cli.commands import LIST, ONE, READ, WRITE, effect
from dpx_cli.commands.env import GROUP, edit, search, values
from dpx_cli.errors import UsageError, exclusive
from dpx_cli.output.columns import Column

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Annotated, Any

    import typer

    from dpx_cli.api.client import Client
    from dpx_cli.cli.options import (
        SECRET,
        Check,
        CheckTimeout,
        Complete,
        Deploy,
        FailFast,
        FromFile,
        Projects,
        Stdin,
        Yes,
    )
    from dpx_cli.errors import DpxError
    from dpx_cli.resolve import ProjectRef
    from dpx_cli.rollout.plan import DeployOptions
    from dpx_cli.rollout.task import DeployTask
    from dpx_cli.session import Session

DEPLOYMENT = Column("Deployment", "deployment.id")


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
    looking = search.Search(session, [values.check_key(key)], search.list_projects(session, org))
    pages = ([holder.row() for holder in page] for page in looking)
    session.screen.rows(pages, search.COLUMNS, key="project", empty="No projects.")
    edit.raise_first(session, list(looking.failures.values()))


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
    check: Check = None,
    check_timeout: CheckTimeout = 60.0,
    fail_fast: FailFast = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List the projects and change nothing.")] = False,
    yes: Yes = False,
) -> None:
    """Change the value of a variable in every project that has it.

    Each project keeps its own targets, and whether the variable is sensitive. Projects without the variable are left
    alone. If it fails halfway, run it again with the same value to finish. With --deploy and --fail-fast, projects are
    changed one by one: each is live, and --check holds, before the next one is changed.
    """
    values.check_key(key)
    exclusive(("--project", projects), ("--org", org), ("--all", every))
    if not deploy and (check is not None or fail_fast):
        raise UsageError("--check and --fail-fast need --deploy.", hint="Pass --deploy as well.")
    options = _deploy_options(check, check_timeout)
    if not (dry_run or yes):
        session.screen.require_terminal()
    value = None if dry_run else values.for_key(session, key, stdin=stdin, from_file=from_file)
    rotation = _Rotation(session, key)
    rotation.find(projects, org=org, every=every)
    if value is None:
        rotation.show(rotation.refs)
    else:
        names = [ref.name for ref in rotation.refs]
        more = f" and {len(names) - edit.MAX_NAMED} more" if len(names) > edit.MAX_NAMED else ""
        count = f"{len(names)} project{'' if len(names) == 1 else 's'}"
        question = f"Change {key} in {count} ({', '.join(names[: edit.MAX_NAMED])}{more})?"
        session.screen.require_yes(question, yes=yes)
        if deploy and fail_fast:
            source = ["--stdin"] if from_file is None else ["--from-file", from_file]
            gates = [] if check is None else ["--check", check, "--check-timeout", f"{check_timeout:g}s"]
            rotation.run_staged(value, options, again=[key, *source, "--deploy", *gates, "--fail-fast", "--yes"])
        else:
            rotation.run(value, options if deploy else None)
    edit.raise_first(session, [rotation.failures[ref] for ref in rotation.order if ref in rotation.failures])


def _deploy_options(check: str | None, check_timeout: float) -> DeployOptions:
    from dpx_cli.rollout.gates import Gates
    from dpx_cli.rollout.plan import DeployOptions

    options = DeployOptions(no_git=True, gates=Gates(check=check, check_timeout=check_timeout))
    options.check()
    return options


class _Rotation:
    """An edit of one variable in every project that has it.

    Attributes:
        order: the projects that have the variable or could not be read, in their order.
        failures: the first error of each project that has one.
    """

    def __init__(self, session: Session, key: str) -> None:
        self.order: list[ProjectRef] = []
        self.failures: dict[ProjectRef, DpxError] = {}
        self._session = session
        self._key = key
        self._holders: dict[ProjectRef, search.Holder] = {}
        self._deployments: dict[ProjectRef, Any] = {}

    @property
    def refs(self) -> list[ProjectRef]:
        """The projects that have the variable."""
        return list(self._holders)

    def find(self, projects: Sequence[str], *, org: str | None, every: bool) -> None:
        """Find the projects that have the variable. Raise NotFound if there are none."""
        if every or org is not None:
            self._search(search.list_projects(self._session, org))
        else:
            edit.on_projects(self._session, projects, lambda refs: self._search([refs]))

    def _search(self, pages: Iterable[Sequence[ProjectRef]]) -> None:
        looking = search.Search(self._session, [self._key], pages)
        self._holders = {holder.project: holder for page in looking for holder in page}
        self.order, self.failures = looking.order, looking.failures

    def show(self, refs: Sequence[ProjectRef]) -> None:
        """Show projects that have the variable, with what was deployed."""
        rows = [
            self._holders[ref].row() | ({"deployment": self._deployments[ref]} if ref in self._deployments else {})
            for ref in refs
        ]
        columns = (*search.COLUMNS, DEPLOYMENT) if self._deployments else search.COLUMNS
        if rows:
            self._session.screen.items(rows, columns, key="project")

    def _edit(self, value: str) -> edit.Edit:
        return edit.Edit(
            {self._key: value}, own={edit.id_of(ref): each.variable for ref, each in self._holders.items()}
        )

    def run(self, value: str, options: DeployOptions | None) -> None:
        """Set the variable in all projects; then deploy those in which it's set, with options for that."""
        change = self._edit(value)
        result = edit.apply(self._session, self.refs, change)
        edit.report(self._session, self.refs, change, result, deploy=options is not None)
        done = [ref for ref in self.refs if edit.id_of(ref) not in result.failures]
        self.failures |= {ref: result.failures[edit.id_of(ref)] for ref in self.refs if ref not in done}
        if options and not any(isinstance(failure, HOPELESS) for failure in self.failures.values()):
            self._note_deployments(done, edit.deploy(self._session, done, options))
        self.show(done)

    def run_staged(self, value: str, options: DeployOptions, *, again: Sequence[str]) -> None:
        """Set, deploy and check one project after the other; after a failure list those that are left.

        `again` are the arguments that continue, without the projects.
        """
        edit.warn_of_ledger(self._session)
        change = self._edit(value)
        is_set: list[ProjectRef] = []

        def set_variable(client: Client, ref: ProjectRef) -> None:
            row = change.do(client, edit.Change(edit.id_of(ref), self._key))
            is_set.append(ref)
            edit.warn_if_changed_meanwhile(self._session, ref, change, row)

        live: list[ProjectRef] = []
        try:
            tasks = edit.deploy(self._session, self.refs, options, set_variable)
            self._note_deployments(self.refs, tasks)
            live = [ref for ref, task in zip(self.refs, tasks, strict=True) if task.has_succeeded]
        finally:
            left = [ref for ref in self.refs if ref not in live]
            if left:
                names, done = [ref.name for ref in self.refs], [ref.name for ref in live]
                self._session.screen.warn(f"{self._key} is not live in every project{progress(names, done)}")
                command = self._session.command("env", "rotate", *again, *edit.project_options(left))
                self._session.screen.note(f"To continue with the rest, run: {command}")
        self.show(is_set)

    def _note_deployments(self, refs: Sequence[ProjectRef], tasks: Sequence[DeployTask]) -> None:
        for ref, task in zip(refs, tasks, strict=True):
            if task.deployment and not task.error:
                self._deployments[ref] = task.deployment
            if task.error:
                self.failures[ref] = task.error
