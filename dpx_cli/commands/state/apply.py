"""Apply deploxa.toml. Every request can be repeated, so a second run finishes what a failed one began."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from dpx_cli.api import env_vars, parallel, projects
from dpx_cli.commands import new_project
from dpx_cli.commands.state import plan as plans
from dpx_cli.commands.state import select
from dpx_cli.errors import CheckFailed, DpxError, Failed, NotFound
from dpx_cli.rollout import runner

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dpx_cli.api.client import Client
    from dpx_cli.commands.state.plan import Plan, Step
    from dpx_cli.session import Session


class ApplyTask(runner.Task):
    """One project's plan and the steps of it that are done. The deploy runner runs it, in the main thread."""

    def __init__(self, session: Session, plan: Plan) -> None:
        super().__init__(session, plan.document.slug)
        self.plan = plan
        self.done: list[Step] = []
        self.failures: dict[str, DpxError] = {}  # of variables
        self._project_id = plan.project_id or ""

    def work(self, client: Client) -> None:
        """Do the steps: create, update, set, remove. No other dpx on this machine applies the file at the same time."""
        document, values, _, lock = self.plan.inputs
        changing = {step.name for step in self.plan.steps if step.kind == "variable"}
        with new_project.hold_file(self.session, document.identity):
            lock.read()
            lock.keep(self._project_id, values.keys() - changing)
            try:
                self._do(client)
                if self.plan.steps:
                    self.say(f"Applied {document.path}.")
            except DpxError as failure:
                failure.message = f"{failure.message.rstrip('.')}{self._progress()}."
                if failure.code != Failed.code:
                    failure.message += " Run it again to finish."
                raise
            finally:
                keys = values.keys() & {step.name for step in self.done if step.kind == "variable"}
                if self._project_id:
                    lock.record(self._project_id, {key: values[key] for key in keys})

    def interruption(self) -> str:
        """Return which steps are done."""
        if not self.started:
            return "Nothing was changed."
        return "Applied." if self.has_succeeded else f"Interrupted{self._progress()}."

    def _progress(self) -> str:
        keys = [step.name for step in self.plan.steps]
        return parallel.progress(keys, [step.name for step in self.done], self.failures)

    def _do(self, client: Client) -> None:
        steps = {action: [step for step in self.plan.steps if step.action == action] for action in plans.ORDER}
        unknown = steps[plans.UNKNOWN]
        fields = [*steps[plans.UPDATE], *(step for step in unknown if step.kind == "field")]
        for step in steps[plans.CREATE]:
            self._create(step)
        if fields:
            projects.update_project(client, self._project_id, {step.name: step.after for step in fields})
            self.done += fields
        self._change_variables([*steps[plans.SET], *(step for step in unknown if step.kind == "variable")])
        self._change_variables(steps[plans.REMOVE])

    def _create(self, step: Step) -> None:
        document = self.plan.document
        org, _, slug = document.slug.rpartition("/")
        project = new_project.create(
            self.session,
            document.fields.get("name", slug),
            slug,
            orgSlug=org or self.session.settings.org,
            framework=document.framework,
            appType=document.app_type,
            description=document.fields.get("description"),
        )
        if (created := project.get("slug", slug)) != slug:
            delete = self.session.command("projects", "delete", project["id"])
            raise Failed(
                f"Deploxa named the new project {created}, not {slug}",
                hint=f"Change the slug in the file, or delete the project. Run: {delete}",
            )
        self._project_id = project["id"]
        self.session.names.remember_project(document.slug, self._project_id)
        self.done.append(step)

    def _change_variables(self, steps: Sequence[Step]) -> None:
        by_key = {step.name: step for step in steps}

        def change(client: Client, key: str) -> None:
            step = by_key[key]
            if step.action == plans.REMOVE:
                # Deleted by the first try of a repeated request, or by someone else: both are what the file wants.
                with contextlib.suppress(NotFound):
                    env_vars.delete_env_var(client, self._project_id, key)
            else:
                # Targets also if the file leaves them as they are: the reference doesn't say what the API does then.
                targets, sensitive = step.after.get("targets", ()), step.after.get("sensitive")
                value = self.plan.inputs.values[key]
                env_vars.set_env_var(client, self._project_id, key, value, targets=targets, sensitive=sensitive)
            self.done.append(step)
            self.row.state = f"{len(self.done)} of {len(self.plan.steps)} changes"

        work: parallel.Work[str, None] = parallel.Work(self.session.client_for)
        work.run(list(by_key), change)
        self.failures |= work.failures
        if failure := work.first_failure():
            raise failure


def make_tasks(session: Session, made: Sequence[Plan]) -> list[ApplyTask]:
    """Return a task for each plan. Raises CheckFailed if a variable that must exist doesn't."""
    for plan in made:
        if keys := [step.name for step in plan.steps if step.action == plans.MISSING]:
            hint = "Give it a value in the file: the project doesn't exist yet."
            if plan.project_id is not None:
                hint = f"Run: {session.command('env', 'set', keys[0], project=plan.document.slug)}"
            raise CheckFailed(f"Not set in {plan.document.slug}: {', '.join(keys)}. Nothing was changed.", hint=hint)
    tasks = [ApplyTask(session, plan) for plan in made]
    select.order(tasks, [plan.document for plan in made])
    return tasks


def run(session: Session, tasks: Sequence[ApplyTask]) -> None:
    """Run tasks one after the other. Raise what failed; the message says what is done and what was not begun."""
    runner.run(session, tasks, limit=1, fail_fast=True)
    failed = next((task for task in tasks if task.error), None)
    if failed is None or failed.error is None:
        return
    paths = [task.plan.document.path for task in tasks if not task.has_succeeded]
    again = f"To finish, run: {session.command('apply', *paths)}"
    if len(tasks) == 1:
        failed.error.hint = failed.error.hint or again
    else:  # the failure itself was reported when it happened
        done = ", ".join(task.name for task in tasks if task.has_succeeded)
        left = ", ".join(task.name for task in tasks if not task.started)
        failed.error.message = f"{failed.name} failed. Applied: {done or 'none'}. Not begun: {left or 'none'}."
        failed.error.hint = again
    raise failed.error
