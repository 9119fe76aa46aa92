"""`dpx help`: the root's help, a command's, or a topic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.cli import help as pages
from dpx_cli.cli import suggest, topics
from dpx_cli.cli.command_table import ROOT as ROOT_OPTIONS
from dpx_cli.cli.command_table import TABLE, TOPICS
from dpx_cli.cli.main import parse_line
from dpx_cli.cli.parser import command_line
from dpx_cli.commands import LOCAL, Typer, effect
from dpx_cli.errors import UsageError

if TYPE_CHECKING:
    from typing import Annotated

    from dpx_cli.cli.options import argument
    from dpx_cli.session import Session

ROOT = Typer(name="", help="")


@ROOT.command("help", epilog="dpx help exit-codes")
@effect(LOCAL)
def show_help(
    session: Session,
    words: Annotated[
        tuple[str, ...],
        argument("TOPIC | COMMAND", "A topic, or a command like `projects list`.", complete="topic"),
    ] = (),
) -> None:
    """Explain a topic or a command."""
    page = pages.Page(session.screen.look())
    if not words:
        pages.compose(page, ())
        page.heading("Options")
        page.rows((pages.typed(param), pages.describe(param)) for param in ROOT_OPTIONS)
        page.heading("Topics (dpx help TOPIC)")
        page.rows(TOPICS.items())
    elif words[0] in TOPICS and (len(words) == 1 or words[0] not in TABLE):
        if len(words) > 1 and words[0] != "coming-from":
            raise UsageError(f"Unexpected argument: {words[1]}", hint=f"Run: dpx help {words[0]}")
        topics.draw(words[0], page, words[1:])
    elif words[0] not in TABLE and (close := suggest.nearest(words[0], TOPICS)):
        raise UsageError(f"No such topic: {words[0]}", hint=f"Did you mean {close}? Run: dpx help {close}")
    else:
        help_ = parse_line([*words, "--help"])
        path = getattr(help_, "path", ())
        if len(words) > len(path) > 0 and "--" not in words:
            raise UsageError(f"Unexpected argument: {words[len(path)]}", hint=f"Run: {command_line(path)} --help")
        pages.compose(page, path)
    session.screen.raw(page.render())
