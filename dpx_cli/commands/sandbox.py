"""`dpx sandbox`: a Deploxa API of one's own, to serve or to run one command against. Served by `dpx_cli/sandbox/`."""

from typing import TYPE_CHECKING, Annotated, TypedDict, Unpack

from dpx_cli.declare import Argument, Group, Option

if TYPE_CHECKING:
    from dpx_cli.sandbox.server import Sandbox
    from dpx_cli.session import Session

GROUP = Group("sandbox", "Run a Deploxa API of your own, on this machine.")

PORT = 8787


class World(TypedDict, total=False):
    """How the sandbox is to behave: the options that `serve` and `run` share, named like the fields of `Behaviour`."""

    port: Annotated[
        int, Option("--port", metavar="PORT", help="The port to listen on; 0 for any that is free.", kind="port")
    ]
    data: Annotated[
        str,
        Option("--data", metavar="FILE", help="Keep the world in this file; without it, in memory.", complete="file"),
    ]
    build_seconds: Annotated[
        float,
        Option(
            "--build-seconds",
            metavar="S",
            help="How long a deployment takes; 2 without it. fail/… branches fail.",
            kind="delay",
        ),
    ]
    faults: Annotated[
        tuple[str, ...],
        Option(
            "--fault",
            metavar="FAULT",
            help="A scripted fault, like 'POST /projects/*/deployments 429 x3'; may be given several times. "
            "The others: dpx help sandbox.",
            multiple=True,
        ),
    ]
    slots: Annotated[
        int, Option("--slots", metavar="N", help="Deployments that may be under way at once.", kind="count")
    ]
    rate: Annotated[str, Option("--rate", metavar="N/s", help="Requests a token may make; also N/m and N/h.")]
    role: Annotated[
        str, Option("--role", metavar="ROLE", help="Who the token speaks for.", choices=("owner", "admin", "member"))
    ]
    tokens: Annotated[
        tuple[str, ...],
        Option(
            "--token",
            metavar="TOKEN",
            help="An accepted token, TOKEN:ROLE or TOKEN:ROLE:SECONDS; may be given several times.",
            multiple=True,
            secret=True,
        ),
    ]
    token_ttl: Annotated[
        float,
        Option("--token-ttl", metavar="S", help="Seconds after which the tokens are accepted no longer.", kind="delay"),
    ]
    time_scale: Annotated[
        float,
        Option("--time-scale", metavar="X", help="How many times as fast builds go and tokens expire.", kind="factor"),
    ]
    webhook_url: Annotated[
        str, Option("--webhook-url", metavar="URL", help="Where deployment events are sent, signed.")
    ]
    webhook_secret: Annotated[
        str,
        Option(
            "--webhook-secret", metavar="S", help="What they are signed with.", secret=True, env="DPX_WEBHOOK_SECRET"
        ),
    ]
    log: Annotated[
        str, Option("--log", metavar="FILE", help="Add a JSON line for each request; - for stderr.", complete="file")
    ]
    projects: Annotated[
        int, Option("--projects", metavar="N", help="How many projects a new world has; 3 without it.", kind="number")
    ]


@GROUP.command("serve", example="dpx sandbox serve --build-seconds 10")
def serve(
    session: "Session",
    **world: Unpack[World],
) -> None:
    """Serve a Deploxa API on this machine until Ctrl-C.

    Prints the two lines that point a shell at it. It listens on the loopback interface, port 8787, and starts with the
    organizations acme and globex and the projects storefront, docs and api. Values of variables are never kept.
    """
    import threading

    with _sandbox(session, world, PORT) as box:
        session.screen.done("serving until Ctrl-C; these two lines point a shell here:")
        session.screen.line(f"export DPX_API_URL={box.url}")
        session.screen.line(f"export DPX_TOKEN={_quoted(box.token)}")
        threading.Event().wait()


@GROUP.command("run", example="dpx sandbox run -- dpx deploy --project storefront --branch main")
def run(
    session: "Session",
    command: Annotated[
        tuple[str, ...],
        Argument("-- COMMAND", help="The command and its arguments.", multiple=True, complete="command"),
    ],
    **world: Unpack[World],
) -> None:
    """Run a command against a sandbox of its own.

    The command gets DPX_API_URL and DPX_TOKEN, and folders of its own for profiles and cache. Its exit code and signals
    are passed on, and nothing is left behind.
    """
    from dpx_cli.sandbox import run as runner

    box = _sandbox(session, world, 0)
    code = runner.run(command, session.env, box)
    if code:
        # The command's own code, which need not be one of dpx's.
        raise SystemExit(code)


def _sandbox(session: "Session", world: World, port: int) -> "Sandbox":
    """The sandbox that the options describe, not yet started; what was not given keeps its default."""
    from dpx_cli.sandbox.server import Sandbox

    options = World(port=port) | world
    if "webhook_url" in options and (secret := session.env.get("DPX_WEBHOOK_SECRET")):
        options.setdefault("webhook_secret", secret)
    return Sandbox(**options)


def _quoted(token: str) -> str:
    import shlex

    return shlex.quote(token)
