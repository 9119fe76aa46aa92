"""`dpx help`: the root's help, a command's, or a topic. The pages are `help.py`'s and `topics.py`'s."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.commands import LOCAL, Typer, effect

if TYPE_CHECKING:
    from typing import Annotated

    import typer

    from dpx_cli.cli.options import Complete
    from dpx_cli.session import Session

ROOT = Typer(name="", help="")


@ROOT.command("help", epilog="dpx help exit-codes")
@effect(LOCAL)
def show_help(
    session: Session,
    words: Annotated[
        tuple[str, ...],
        typer.Argument(
            metavar="TOPIC | COMMAND", help="A topic, or a command like `projects list`.", autocompletion=Complete.topic
        ),
    ] = (),
) -> None:
    """Explain a topic or a command."""
    from dpx_cli.cli import help as pages
    from dpx_cli.cli import parser as argv
    from dpx_cli.cli import topics
    from dpx_cli.cli.command_table import TABLE
    from dpx_cli.errors import UsageError

    page = pages.Page(session.screen.look())
    if not words:
        pages.compose(page, ())
        page.heading("Topics (dpx help TOPIC)")
        page.rows(topics.TOPICS.items())
        page.gap()
        page.text("dpx COMMAND --help tells more of a command.")
    elif words[0] in topics.TOPICS and (len(words) == 1 or words[0] not in TABLE):
        if len(words) > 1:
            raise UsageError(f"{words[0]} is one topic, with nothing below it", hint=f"dpx help {words[0]}")
        topics.draw(words[0], page)
    elif words[0] not in TABLE:
        raise UsageError(
            f"no such topic or command: {words[0]}",
            hint=argv.nearest(words[0], [*topics.TOPICS, *TABLE], "dpx help"),
        )
    else:
        found = argv.route([*words, "--help"])
        if isinstance(found, argv.Route) and len(found.rest) > 1:
            raise UsageError(
                f"{argv.command_line(found.path)} has no commands: {found.rest[0]}",
                hint=f"{argv.command_line(found.path)} --help",
            )
        pages.compose(page, getattr(found, "path", ()))
    session.screen.raw(page.render())
