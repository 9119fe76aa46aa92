"""Make a project what its deploxa.toml says. Every request may be repeated, so doing it again does the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dpx_cli.api import env_vars, parallel, projects
from dpx_cli.commands import new_project
from dpx_cli.commands.state import plan as plans
from dpx_cli.errors import DpxError, Failed, NotFound
from dpx_cli.output.display import ProgressBar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dpx_cli.api.client import Client
    from dpx_cli.commands.state.plan import Plan, Step
    from dpx_cli.session import Session


class Run:
    """One project's plan, being done.

    Attributes:
        done: the steps that are done.
    """

    def __init__(self, session: Session, plan: Plan) -> None:
        self.done: list[Step] = []
        self._session = session
        self._plan = plan
        self._project_id = plan.project_id or ""

    def run(self, again: str) -> None:
        """Do the steps: create, update, set, remove.

        Args:
            again: the hint that does the rest after a failure.

        Raises:
            DpxError: the first failure; its message says which steps are done and which are not.
        """
        steps = {action: [step for step in self._plan.steps if step.action == action] for action in plans.ORDER}
        unknown = steps[plans.UNKNOWN]
        fields = [*steps[plans.UPDATE], *(step for step in unknown if step.kind == "field")]
        variables = [*steps[plans.SET], *(step for step in unknown if step.kind == "variable")]
        try:
            for step in steps[plans.CREATE]:
                self._create(step)
            if fields:
                changes: projects.ProjectChanges = {step.name: step.after for step in fields}  # type: ignore[assignment]  # keys are the TypedDict's
                projects.update_project(self._session.client, self._project_id, changes)
                self.done += fields
            self._for_each(variables, self._set)
            self._for_each(steps[plans.REMOVE], self._remove)
        except DpxError as failure:
            failure.message = f"{failure.message.rstrip('.')}. {self._report_progress()}"
            if failure.code != Failed.code:
                failure.message += " Run it again to finish."
            failure.hint = failure.hint or again
            raise
        except BaseException:
            self._session.screen.warn(f"Interrupted. {self._report_progress()}")
            raise

    def _report_progress(self) -> str:
        left = [step.name for step in self._plan.steps if step not in self.done]
        done = [step.name for step in self._plan.steps if step in self.done]
        return f"Done: {', '.join(done) or 'none'}. Not done: {', '.join(left) or 'none'}."

    def _create(self, step: Step) -> None:
        document = self._plan.document
        org, _, slug = document.slug.rpartition("/")
        optional = {
            "orgSlug": org or self._session.settings.org,
            "framework": document.framework,
            "appType": document.app_type,
            "description": document.fields.get("description"),
        }
        fields: projects.ProjectFields = {key: value for key, value in optional.items() if value is not None}  # type: ignore[assignment]  # keys are the TypedDict's
        name = document.fields.get("name", slug)
        project = new_project.create(self._session, name, slug, fields, folder=document.folder)
        if (created := project.get("slug", slug)) != slug:
            delete = self._session.command("projects", "delete", project["id"])
            raise Failed(
                f"Deploxa named the new project {created}, not {slug}",
                hint=f"Change the slug in the file, or delete the project. Run: {delete}",
            )
        self._project_id = project["id"]
        self._session.names.remember_project(document.slug, self._project_id)
        self.done.append(step)

    def _set(self, client: Client, step: Step) -> None:
        env_vars.set_env_var(
            client,
            self._project_id,
            step.name,
            self._plan.inputs.values[step.name],
            # Also what the file leaves as it is: the reference doesn't say what becomes of what isn't sent.
            targets=step.after.targets or (),
            sensitive=step.after.sensitive,
        )

    def _remove(self, client: Client, step: Step) -> None:
        try:
            env_vars.delete_env_var(client, self._project_id, step.name)
        except NotFound as gone:
            # Deleted by the first try of a repeated request, or by someone else: both are what the file wants.
            if gone.request is None:
                raise

    def _for_each(self, steps: Sequence[Step], action: Callable[[Client, Step], None]) -> None:
        """Do something for several variables at a time."""
        if not steps:
            return
        outcome: parallel.Outcome[Step, Any] = parallel.Outcome()
        with ProgressBar(self._session.screen, len(steps), "variables") as bar:

            def note(step: Step) -> None:
                self.done.append(step)
                bar.advance()

            parallel.run(steps, action, outcome, client=self._new_client, done=note)
        if failure := outcome.first_failure():
            raise failure

    def _new_client(self) -> Client:
        return self._session.client_for(self._session.token())
