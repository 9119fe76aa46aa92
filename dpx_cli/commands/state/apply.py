"""Make a project what its deploxa.toml says. Every request may be repeated, so doing it again does the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dpx_cli.commands.state import plan as plans
from dpx_cli.errors import DpxError, Failed, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from dpx_cli.api.client import Client
    from dpx_cli.api.projects import ProjectChanges, ProjectFields
    from dpx_cli.commands.state.plan import Plan, State, Step
    from dpx_cli.session import Session


def run(session: Session, plan: Plan, *, again: str) -> None:
    """Do every step of a plan.

    Args:
        session: the session.
        plan: the plan.
        again: the hint that does the rest after a failure.

    Raises:
        DpxError: the first failure; its message says which steps are done and which are not.
    """
    _Run(session, plan).run(again)


class _Run:
    def __init__(self, session: Session, plan: Plan) -> None:
        self._session = session
        self._plan = plan
        self._done: list[Step] = []
        self._project_id = plan.project_id or ""

    def run(self, again: str) -> None:
        """Do the steps: create, update, set, remove."""
        actions = {action: [step for step in self._plan.steps if step.action == action] for action in plans.ORDER}
        unknown = actions[plans.UNKNOWN]
        fields = [*actions[plans.UPDATE], *(step for step in unknown if step.kind == "field")]
        variables = [*actions[plans.SET], *(step for step in unknown if step.kind == "variable")]
        try:
            for step in actions[plans.CREATE]:
                self._create(step)
            if fields:
                self._update(fields)
            if variables:
                self._set(variables)
            if actions[plans.REMOVE]:
                self._each(actions[plans.REMOVE], self._remove)
        except DpxError as failure:
            failure.message = f"{failure.message.rstrip('.')}. {self._progress()}"
            if failure.code != Failed.code:
                failure.message += " Doing it again does the rest."
            failure.hint = failure.hint or again
            raise
        except BaseException:
            self._session.screen.warn(f"Interrupted. {self._progress()}")
            raise

    def _progress(self) -> str:
        done = [step.name for step in self._plan.steps if step in self._done]
        left = [step.name for step in self._plan.steps if step not in self._done]
        return f"Done: {', '.join(done) or 'none'}. Not done: {', '.join(left) or 'none'}."

    def _create(self, step: Step) -> None:
        from dpx_cli.commands.state.creation import create_once

        document = self._plan.document
        org, _, slug = document.slug.rpartition("/")
        given = {
            "orgSlug": org or self._session.settings.org,
            "framework": document.framework,
            "appType": document.app_type,
            "description": document.fields.get("description"),
        }
        fields: ProjectFields = {key: value for key, value in given.items() if value is not None}  # type: ignore[assignment]  # keys are the TypedDict's
        created = create_once(self._session, document.fields.get("name", slug), slug, fields)
        if created.get("slug", slug) != slug:
            made = created["slug"]
            raise Failed(
                f"Deploxa named the new project {made}, not {slug}",
                hint=f"Change the slug in the file, or delete the project. Run: dpx projects delete {created['id']}",
            )
        self._project_id = created["id"]
        self._session.names.remember_project(document.slug, self._project_id)
        self._done.append(step)

    def _update(self, steps: Sequence[Step]) -> None:
        from dpx_cli.api import projects

        changes: ProjectChanges = {step.name: step.after for step in steps}  # type: ignore[assignment]  # keys are the TypedDict's
        projects.update_project(self._session.client, self._project_id, changes)
        self._done += steps

    def _set(self, steps: Sequence[Step]) -> None:
        from contextlib import nullcontext

        from dpx_cli.commands.env import journal

        values = {step.name: self._plan.values[step.name] for step in steps}
        journal.forget(self._session, values)
        finished: dict[str, str] = {}
        kept: AbstractContextManager[None] = nullcontext()
        if self._session.env.get("DPX_LEDGER"):
            from dpx_cli.commands.env import ledger

            kept = ledger.kept(self._session, self._project_id, values, finished)
        with kept:
            try:
                self._each(steps, self._set_one)
            finally:
                finished.update({step.name: values[step.name] for step in steps if step in self._done})

    def _set_one(self, client: Client, step: Step) -> None:
        from dpx_cli.api import env_vars

        after: State = step.after
        env_vars.set_env_var(
            client,
            self._project_id,
            step.name,
            self._plan.values[step.name],
            # Also what the file leaves as it is: the reference doesn't say what becomes of what isn't sent.
            targets=after.targets or (),
            sensitive=after.sensitive,
        )

    def _remove(self, client: Client, step: Step) -> None:
        from dpx_cli.api import env_vars

        try:
            env_vars.delete_env_var(client, self._project_id, step.name)
        except NotFound as gone:
            # Deleted by the first try of a repeated request, or by someone else: both are what the file wants.
            if gone.request is None:
                raise

    def _each(self, steps: Sequence[Step], action: Callable[[Client, Step], None]) -> None:
        """Do something for several variables at a time."""
        from dpx_cli.api import parallel

        outcome: parallel.Outcome[Step, Any] = parallel.Outcome()
        with self._session.screen.progress(len(steps), "variables") as bar:

            def done(step: Step) -> None:
                self._done.append(step)
                bar.advance()

            parallel.run(steps, action, outcome, client=self._client, done=done)
        if failure := outcome.first_failure():
            raise failure

    def _client(self) -> Client:
        return self._session.client_for(self._session.token())
