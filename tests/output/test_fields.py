"""`--fields` and `--jq`, on a terminal and in a pipe, over lists and single things."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import fault_server as faults
import pytest

from dpx_cli.errors import UsageError
from dpx_cli.output.columns import Fields
from dpx_cli.system import shell

if TYPE_CHECKING:
    from fault_server import FaultServer

    from dpx_cli.sandbox.server import Sandbox
    from tests.conftest import Program

STATUS = "current_deployment.status"


def test_fields_are_columns_and_keys(dpx: Program) -> None:
    """In the order given; nested objects keep their shape; also for a command that prints something short."""
    fields = ("--fields", f"{STATUS},slug")
    assert dpx("projects", "list", *fields).rows == [["READY", "storefront"], ["READY", "docs"], ["ERROR", "api"]]
    documents = dpx("projects", "list", "--json", *fields).json
    assert documents[0] == {"current_deployment": {"status": "READY"}, "slug": "storefront"}
    lines = dpx("projects", "list", "--jsonl", *fields).out.splitlines()
    assert [json.loads(line) for line in lines] == documents
    shown = dpx.tty("projects", "list", *fields).out
    assert STATUS in shown
    assert "NEXTJS" not in shown
    assert dpx("projects", "get", "docs", "--fields", "slug,domains").rows == [["docs", "docs.deploxa.com"]]
    assert dpx("open", "docs", "--print", "--json", "--fields", "url").json == {"url": "https://docs.deploxa.com"}


@pytest.mark.parametrize("flags", [(), ("--json",), ("--jsonl",)])
def test_a_field_that_no_item_has_is_an_error(dpx: Program, sandbox: Sandbox, flags: tuple[str, ...]) -> None:
    """Which lists those there are, after all pages and before any output; without items none is checked."""
    sandbox.seed_projects(120)
    done = dpx("projects", "list", "--fields", "slug,nope", *flags)
    assert (done.code, done.out) == (2, "")
    assert "nope" in done.err
    assert STATUS in done.err
    empty = dpx("deploy", "list", "-p", "docs", "--status", "queued", "--fields", "nope", "--json")
    assert (empty.code, empty.out) == (0, "[]\n")


def test_a_field_that_some_items_lack(dpx_on_faults: Program, server: FaultServer) -> None:
    """It is an empty column, or absent from the object."""
    page = {"data": [{"slug": "a"}, {"slug": "b", "x": {"y": 1}}], "pagination": {"hasMore": False, "nextCursor": None}}
    for _ in range(2):
        server.on("GET", "/projects", faults.reply(200, page))
    assert dpx_on_faults("projects", "list", "--fields", "slug,x.y").rows == [["a", ""], ["b", "1"]]
    found = dpx_on_faults("projects", "list", "--json", "--fields", "slug,x.y").json
    assert found == [{"slug": "a"}, {"slug": "b", "x": {"y": 1}}]


@pytest.mark.parametrize("text", ["", "a,", ",", "a..b", ".a"])
def test_an_empty_field_is_a_usage_error(text: str) -> None:
    """It can only be a mistake."""
    with pytest.raises(UsageError, match="Invalid fields"):
        Fields(text)


@pytest.mark.parametrize(
    "flags",
    [("--fields", "slug", "-q"), ("--jq", ".", "-q"), ("--jq", ".", "--jsonl"), ("--jq", ".", "--fields", "slug")],
)
def test_what_does_not_go_together(dpx: Program, sandbox: Sandbox, flags: tuple[str, ...]) -> None:
    """Exit 2, and nothing is sent."""
    assert dpx("projects", "list", *flags).code == 2
    assert sandbox.requests == []


def test_jq_filters_what_json_would_print(dpx: Program) -> None:
    """Strings raw, one result a line, null as null; --jq implies --json."""
    assert dpx("projects", "list", "--jq", ".[].slug").out == "storefront\ndocs\napi\n"
    assert dpx("projects", "list", "--json", "--jq", "length, null, .[0].nope").out == "3\nnull\nnull\n"
    assert dpx("projects", "get", "docs", "--jq", "[.slug, 1]").out == '["docs",1]\n'
    assert dpx("api", "/orgs", "--jq", ".data[].slug").out == "acme\nglobex\n"


def test_jq_reads_a_lone_surrogate(dpx_on_faults: Program, server: FaultServer) -> None:
    """It becomes U+FFFD, since jq has no such character; pairs and other text stay whole."""
    document = b'{"data": [{"slug": "a\\ud800b \\ud83d\\ude00"}], "pagination": {"hasMore": false}}'
    server.on("GET", "/projects", faults.reply(200, document))
    assert dpx_on_faults("projects", "list", "--jq", ".[].slug").out == "a\ufffdb \U0001f600\n"


def test_a_jq_expression_that_fails(dpx: Program, sandbox: Sandbox) -> None:
    """A wrong one is exit 2 before any request, one that does not fit the data exit 1."""
    wrong = dpx("projects", "list", "--jq", ".[")
    assert (wrong.code, wrong.out, wrong.error["code"]) == (2, "", "usage")
    assert sandbox.requests == []
    unfit = dpx("projects", "list", "--jq", ".slug")
    assert (unfit.code, unfit.out, unfit.error["code"]) == (1, "", "failed")


def test_jq_is_neutralized_on_a_terminal(dpx: Program) -> None:
    """A string with an escape sequence stays harmless there, and raw in a pipe."""
    expression = r'"\u001b[2J"'
    assert dpx("projects", "list", "--jq", expression).out == "\x1b[2J\n"
    assert "\x1b[2J" not in dpx.tty("projects", "list", "--jq", expression).out


def test_without_the_jq_package(dpx_offline: Program) -> None:
    """Exit 2, and how to install it."""
    code = "import sys; sys.modules['jq'] = None; from dpx_cli.cli.main import run; sys.exit(run(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", code, "projects", "list", "--jq", "."],
        env=dpx_offline.env,
        cwd=dpx_offline.cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert f"pip install {shell.quote('dpx-cli[jq]')}" in json.loads(done.stderr)["error"]["hint"]
