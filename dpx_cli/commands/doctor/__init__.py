"""`dpx doctor`: diagnose the installation. `checks.py` has the checks, `drift.py` those of --api."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.commands import ONE, READ, Typer, effect
from dpx_cli.errors import CheckFailed
from dpx_cli.output.columns import Column

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Annotated

    import typer

    from dpx_cli.commands.doctor.checks import Check
    from dpx_cli.output.screen import Screen
    from dpx_cli.session import Session

ROOT = Typer(name="", help="")

COLUMNS = (Column("State", "state"), Column("Check", "name"), Column("Detail", "detail"), Column("Hint", "hint"))
# Each state's mark in Unicode, its mark in ASCII, and its color. A warning is a passed check with a hint.
MARKS = {"ok": ("✓", "ok", "32"), "failed": ("✗", "x", "31"), "warning": ("!", "!", "33")}


@ROOT.command("doctor", epilog="dpx doctor --json")
@effect(READ, prints=ONE)
def doctor(
    session: Session,
    api: Annotated[bool, typer.Option("--api", help="Also compare the API's responses with its reference.")] = False,
) -> None:
    """Check Python, network, token, keyring, files and clock.

    Each failure comes with a fix. Exits 10 if any check fails. Nothing is changed, and the token is not shown. --api
    sends every documented GET and shows which fields are missing, unknown or of another type.
    """
    from dpx_cli.commands.doctor import checks as diagnosis
    from dpx_cli.output.display import StatusLine

    with StatusLine(session.screen) as live:
        say: Callable[[str], None] = live.update if session.screen.animates else _keep_quiet
        checks = diagnosis.diagnose(session, lambda: _completion(session), say)
        if api:
            from dpx_cli.commands.doctor import drift

            checks += drift.checks(session.client)
    failed = [check for check in checks if not check.ok]
    if session.screen.shows_objects:
        found = {"ok": not failed, "checks": [check.as_json() for check in checks]}
        session.screen.item(found, (), key="ok")
    elif session.screen.format == "table":
        session.screen.raw(_lines(session.screen, checks).encode())
    else:
        session.screen.items([{"state": _state(check), **check.as_json()} for check in checks], COLUMNS, key="name")
    if failed:
        names = ", ".join(check.name for check in failed)
        count = f"{len(failed)} check{'s' if len(failed) > 1 else ''} failed"
        raise CheckFailed(f"{count}: {names}", hint=failed[0].hint)


def _completion(session: Session) -> Check:
    """Check whether the user's shell has the completion of this version. It never fails: dpx works without it."""
    from dpx_cli import completion
    from dpx_cli.commands.doctor.checks import Check
    from dpx_cli.completion import install
    from dpx_cli.errors import UsageError
    from dpx_cli.system import files

    try:
        shell = install.resolve_shell(None, session.env)
        path = install.find_target(shell, session.env).script
    except UsageError as problem:
        return Check("completion", problem.message)
    there = files.read_bytes(path, "the completion script")
    if there == completion.script(shell):
        return Check("completion", f"installed for {shell}: {path}")
    state = "not installed" if there is None else "installed by another version"
    return Check("completion", f"{state} for {shell}", hint=f"Run: dpx completion install {shell}")


def _keep_quiet(_: str) -> None:
    """Show no progress if the line can't be erased afterwards."""


def _state(check: Check) -> str:
    if not check.ok:
        return "failed"
    return "warning" if check.hint else "ok"


def _lines(screen: Screen, checks: Sequence[Check]) -> str:
    """Return aligned lines with a mark, each followed by its hint."""
    from dpx_cli.output.neutralize import neutralize

    lines = []
    margin = max(len(check.name) for check in checks)
    for check in checks:
        fine, plain, color = MARKS[_state(check)]
        mark = f"{fine if screen.unicode else plain:<2}"
        if screen.color:
            mark = f"\x1b[{color}m{mark}\x1b[0m"
        lines.append(f"{mark} {check.name:<{margin}}  {neutralize(check.detail)}")
        if check.hint:
            lines.append(f"   {'':<{margin}}  {neutralize(f'hint: {check.hint}')}")
    return "\n".join(lines) + "\n"
