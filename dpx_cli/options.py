"""Shared options, so that the same word means the same thing in every command.

Floor 3. `declare.py` says what an `Option` is.
"""

from typing import Annotated

from dpx_cli.declare import Argument, Option

TARGETS = ("production", "preview", "development")
FRAMEWORKS = ("NEXTJS", "REACTJS", "VITE", "NODEJS")
APP_TYPES = ("STATIC", "NODEJS")
STATUSES = ("QUEUED", "BUILDING", "READY", "ERROR")

Project = Annotated[
    str | None,
    Option(
        "--project",
        "-p",
        metavar="PROJECT",
        help="The project: id, slug or org/slug.",
        complete="project",
        env="DPX_PROJECT",
    ),
]
PROJECT = Argument("PROJECT", help="The project: id, slug or org/slug.", complete="project")
ProjectArgument = Annotated[str | None, PROJECT]
Org = Annotated[
    str | None,
    Option("--org", metavar="ORG", help="The organization's slug.", complete="org", env="DPX_ORG"),
]
Limit = Annotated[
    int | None, Option("--limit", metavar="N", help="Stop after N; without it the list is complete.", kind="count")
]
Cursor = Annotated[str | None, Option("--cursor", metavar="C", help="Go on from a cursor of an earlier, limited list.")]
Yes = Annotated[bool, Option("--yes", "-y", help="Do not ask.")]
Targets = Annotated[
    tuple[str, ...],
    Option(
        "--target",
        metavar="TARGET",
        help="An environment the variable is for; may be given several times.",
        choices=TARGETS,
        multiple=True,
    ),
]
Sensitive = Annotated[bool, Option("--sensitive", help="Mask the value in Deploxa's own pages.")]
Watch = Annotated[bool, Option("--watch", help="Go on looking: a live table, or a line for each change.")]
Interval = Annotated[
    float | None,
    Option("--interval", metavar="TIME", help="Time between two looks of --watch. [default: 2s]", kind="duration"),
]
