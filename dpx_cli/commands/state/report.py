"""What `dpx plan` and `dpx apply` print beside their rows, and write for a CI."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.commands.state.plan import COLUMNS, PROJECT, count_steps
from dpx_cli.rollout import summary as markdown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dpx_cli.commands.state.plan import Plan
    from dpx_cli.output.columns import Column
    from dpx_cli.session import Session


def columns(plans: Sequence[Plan]) -> tuple[Column, ...]:
    """Return the columns of the rows: the project first, if there are several."""
    return COLUMNS if len(plans) == 1 else (PROJECT, *COLUMNS)


def show_steps(session: Session, plans: Sequence[Plan]) -> None:
    """Print the plan on stderr, a line each, before a question."""
    for plan in plans:
        prefix = f"{plan.document.slug}: " if len(plans) > 1 else ""
        for step in plan.steps:
            session.screen.info(f"{prefix}{step.action} {step.name}" + (f": {step.change}" if step.change else ""))


def report(session: Session, plans: Sequence[Plan], summary: str | None) -> None:
    """Print how many steps there are and the warnings, and write the summaries."""
    several = len(plans) > 1
    if plans:
        session.screen.info(count_steps(plans))
    for plan in plans:
        for warning in plan.warnings:
            session.screen.warn(f"{plan.document.slug}: {warning}" if several else warning)
    if any(plan.is_compared for plan in plans):
        session.screen.note("Values were compared with deploxa.lock. Changes made elsewhere can't be seen.")
    titles = [column.title for column in columns(plans)]
    rows = [[str(row[column.path]) for column in columns(plans)] for plan in plans for row in plan.rows()]
    title = f"Plan for {plans[0].document.slug}" if len(plans) == 1 else f"Plan for {len(plans)} projects"
    for problem in markdown.write_table(session.env, summary, title, titles, rows, "Nothing to change."):
        session.screen.warn(problem)


def question(plans: Sequence[Plan]) -> str:
    """Return what to ask before the plans are applied: to what, with values from where."""
    changing = [plan for plan in plans if plan.steps]
    title = changing[0].document.slug if len(changing) == 1 else f"{len(changing)} projects"
    sources = sorted({step.source for plan in changing for step in plan.steps if step.source})
    return f"Apply this to {title}{' with values from ' if sources else ''}{', '.join(sources)}?"


def note_deploy(session: Session, plans: Sequence[Plan]) -> None:
    """Say how changes of variables take effect."""
    if slugs := [plan.document.slug for plan in plans if any(step.kind == "variable" for step in plan.steps)]:
        options = [word for slug in slugs for word in ("--project", slug)]
        session.screen.note(
            f"The change takes effect with the next deployment. Run: {session.command('deploy', *options)}"
        )
