"""`dpx doctor`: diagnose the installation. `checks.py` has the checks, `drift.py` those of --api."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dpx_cli.commands import ONE, READ, Typer, effect
from dpx_cli.commands.doctor import bundle as support
from dpx_cli.commands.doctor import checks as diagnosis
from dpx_cli.commands.doctor import drift
from dpx_cli.errors import CheckFailed
from dpx_cli.output.columns import Column
from dpx_cli.output.display import StatusLine
from dpx_cli.output.neutralize import neutralize
from dpx_cli.system import files

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Annotated

    from dpx_cli.cli.options import flag, option
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
    api: Annotated[bool, flag("--api", "Also compare the API's responses with its reference.")] = False,
    bundle: Annotated[
        str | None,
        option("--bundle", "FILE", "Also write a report for a support request to FILE.", complete="file"),
    ] = None,
) -> None:
    """Check Python, network, token, keyring, files, completion and clock.

    Each failure comes with a fix. Exits 10 if any check fails. Nothing is changed, and the token is not shown. --api
    sends every documented GET and shows which fields are missing, unknown or of another type.
    """
    screen = session.screen
    requests: list[str] = []
    if bundle is not None:
        session.on_attempt = requests.append
    with StatusLine(screen) as live:
        checks = list(diagnosis.Diagnosis(session, live.update if screen.animates else lambda _: None).run())
        if api:
            checks += drift.compare(session.client)
    failed = [check for check in checks if not check.ok]
    if screen.shows_objects:
        screen.item({"ok": not failed, "checks": [check.as_json() for check in checks]}, (), key="ok")
    elif screen.format == "table":
        screen.raw(_draw(screen, checks).encode())
    else:
        screen.rows([[{"state": check.state, **check.as_json()} for check in checks]], COLUMNS, key="name")
    if bundle is not None:
        path = os.path.join(session.cwd, bundle)
        files.write_whole(path, support.write(session, checks, requests).encode())
        screen.info(f"Wrote {bundle}. It contains no token and no values; read it before you send it.")
    if failed:
        names = ", ".join(check.name for check in failed)
        raise CheckFailed(f"{len(failed)} check{'s' if len(failed) > 1 else ''} failed: {names}", hint=failed[0].hint)


def _draw(screen: Screen, checks: Sequence[Check]) -> str:
    """Return aligned lines with a mark, each followed by its hint."""
    text = ""
    margin = max(len(check.name) for check in checks)
    for check in checks:
        fine, plain, color = MARKS[check.state]
        mark = f"{fine if screen.unicode else plain:<2}"
        if screen.color:
            mark = f"\x1b[{color}m{mark}\x1b[0m"
        text += f"{mark} {check.name:<{margin}}  {neutralize(check.detail)}\n"
        if check.hint:
            text += f"   {'':<{margin}}  {neutralize(f'hint: {check.hint}')}\n"
    return text
