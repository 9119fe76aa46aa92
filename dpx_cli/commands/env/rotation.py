"""One new value for a variable in many projects: find them, set it in each, deploy each."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from dpx_cli.api import env_vars, parallel
from dpx_cli.api.client import is_name
from dpx_cli.commands.env import changes, reach
from dpx_cli.commands.env.journal import SET, Journal
from dpx_cli.output.columns import Column
from dpx_cli.output.display import ProgressBar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dpx_cli.api.client import Client
    from dpx_cli.commands.env.reach import Project
    from dpx_cli.errors import DpxError
    from dpx_cli.session import Session

MAX_NAMED = 20  # projects in a question or a hint
DEPLOYMENT = Column("Deployment", "deployment.id")


class Rotation:
    """A variable, and the projects whose value of it changes.

    Args:
        session: the session.
        key: the variable.
    """

    def __init__(self, session: Session, key: str) -> None:
        self._session = session
        self._key = key
        self._rows: dict[Project, dict[str, Any]] = {}
        self._variables: dict[Project, Mapping[str, Any]] = {}
        self._order: list[Project] = []
        self._failures: dict[Project, DpxError] = {}
        self._done: set[Project] = set()

    @property
    def projects(self) -> list[Project]:
        """The projects that have the variable."""
        return list(self._rows)

    def find(self, references: Sequence[str], *, org: str | None, every: bool) -> None:
        """Find the projects in reach that have the variable.

        Raises:
            NotFound: if there are none.
        """
        if every or org is not None:
            self._search(reach.listed(self._session, org))
            return

        def search(places: Iterable[changes.Place]) -> None:
            self._search([[reach.Project(place.id, place.name) for place in places]])

        changes.on_projects(self._session, references, search)

    def _search(self, pages: Iterable[Sequence[Project]]) -> None:
        search = reach.Search(self._session, self._key, pages)
        for page in search:
            for holder in page:
                self._rows[holder.project] = holder.row()
                self._variables[holder.project] = holder.variable
        self._order, self._failures = search.order, search.failures

    def confirm(self, *, yes: bool) -> None:
        """Return with `--yes`, or if the user agrees. Raise UsageError otherwise."""
        names = [project.name for project in self.projects]
        more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
        where = f"{', '.join(names[:MAX_NAMED])}{more}"
        self._session.screen.require_yes(f"Change {self._key} in {_projects(len(names))} ({where})?", yes=yes)

    def run(self, value: str, *, deploy: bool) -> None:
        """Set the variable in each project, then deploy each if asked to. Failures are kept for `raise_first`."""
        journal = Journal(self._session, self._key, value)
        done = False
        try:
            self._set(value, journal)
            if deploy and not any(isinstance(failure, parallel.HOPELESS) for failure in self._failures.values()):
                self._deploy()
            done = not self._failures
        finally:
            journal.close(done=done)
        if self._done and not deploy:
            self._note_deployment()

    def _set(self, value: str, journal: Journal) -> None:
        screen = self._session.screen
        self._done = {project for project in self.projects if project.id in journal}
        if self._done:
            screen.note(
                f"An interrupted run has set this value in {_projects(len(self._done))}; the others are set now."
            )
        outcome: parallel.Outcome[Project, dict[str, Any]] = parallel.Outcome()

        def change(client: Client, project: Project) -> dict[str, Any]:
            variable = self._variables[project]
            own, sensitive = variable.get("targets"), variable.get("sensitive")
            return env_vars.set_env_var(
                client,
                project.id,
                self._key,
                value,
                targets=own if isinstance(own, list) else (),
                sensitive=sensitive if isinstance(sensitive, bool) else None,
            )

        finished: dict[str, dict[str, str]] = {project.id: {} for project in self.projects}

        def done(project: Project) -> None:
            journal.note(SET, project.id)
            finished[project.id][self._key] = value
            bar.advance()

        todo = [project for project in self.projects if project not in self._done]
        try:
            with ExitStack() as stack, ProgressBar(screen, len(todo), "projects") as bar:
                for project in todo:
                    changes.keep_ledger(self._session, stack, project.id, {self._key: value}, finished[project.id])
                parallel.run(todo, change, outcome, client=self._client, group=lambda project: project, done=done)
        except BaseException:
            self._done |= set(outcome.results)
            screen.warn(f"Interrupted{self._progress()} (up to {parallel.MAX_IN_FLIGHT} of those may be done).")
            raise
        self._done |= set(outcome.results)
        for project, row in outcome.results.items():
            changes.tell_race(self._session, project.name, self._variables[project].get("targets") or (), row)
        self._note_failures(outcome, len(todo))

    def _note_failures(self, outcome: parallel.Outcome[Project, Any], count: int) -> None:
        screen = self._session.screen
        screen.done(f"Set {self._key} in {_projects(len(outcome.results))}.")
        for project, failure in outcome.failures.items():
            failure.message = f"{project.name}: {failure.message}"
            self._failures[project] = failure
        if len(outcome.results) < count:
            screen.warn(f"{self._key} is not set everywhere{self._progress()}")
            screen.note("To do the rest, run the same command again.")

    def _deploy(self) -> None:
        from dpx_cli.commands.env.deploying import Rollout

        places = self._places()
        rollout = Rollout(self._session)
        rollout.run(places)
        for project in self.projects:
            if found := rollout.deployments.get(project.id):
                self._rows[project]["deployment"] = found
            if failure := rollout.failures.get(project.id):
                self._failures[project] = failure

    def show(self, *, every: bool) -> None:
        """Show the projects that were changed, or all that have the variable."""
        rows = [row for project, row in self._rows.items() if every or project in self._done]
        columns = (*reach.COLUMNS, DEPLOYMENT) if any("deployment" in row for row in rows) else reach.COLUMNS
        if rows:
            self._session.screen.items(rows, columns, key="project")

    def raise_first(self) -> None:
        """Raise the failure of the first project that has one; say the others on stderr."""
        failures = [self._failures[project] for project in self._order if project in self._failures]
        changes.raise_first(self._session, failures)

    def _client(self) -> Client:
        return self._session.client_for(self._session.token())

    def _places(self) -> list[changes.Place]:
        count = Counter(project.name for project in self.projects)
        return [
            changes.Place(each.id, each.name, each.name if count[each.name] == 1 and is_name(each.name) else each.id)
            for each in self.projects
            if each in self._done
        ]

    def _progress(self) -> str:
        names = [project.name for project in self.projects]
        return parallel.progress(names, {project.name for project in self._done})

    def _note_deployment(self) -> None:
        places = self._places()
        command = changes.deploy_command(self._session, places) if len(places) <= MAX_NAMED else "dpx deploy --help"
        self._session.screen.note(f"The change takes effect with the next deployment of each. Run: {command}")


def _projects(count: int) -> str:
    return f"{count} project{'' if count == 1 else 's'}"
