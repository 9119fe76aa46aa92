"""`dpx env` against the sandbox: list, set, rm, import, check and example, in every format, on and off a terminal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import fault_server as faults
import pytest
from fault_server import PROJECT

if TYPE_CHECKING:
    from fault_server import FaultServer

    from dpx_cli.sandbox.server import Sandbox
    from tests.conftest import Program

CANARY = "canary-value"
KEYS = ["DATABASE_URL", "NEXT_PUBLIC_API_URL", "STRIPE_SECRET_KEY"]
ON = ("-p", "storefront")


def posts(sandbox: Sandbox) -> int:
    """Return how many requests changed something."""
    return sum(seen.method != "GET" for seen in sandbox.requests)


# list


def test_list_in_every_format(dpx: Program) -> None:
    """`env list` shows keys, targets, and whether they are sensitive, but no value, and the ID only in JSON."""
    assert dpx("env", "list", *ON).rows == [
        ["DATABASE_URL", "production", "false"],
        ["NEXT_PUBLIC_API_URL", "production,preview,development", "false"],
        ["STRIPE_SECRET_KEY", "production,preview", "true"],
    ]
    found = dpx("env", "list", *ON, "--json").json
    assert [set(item) for item in found] == [{"id", "key", "targets", "sensitive"}] * 3
    assert [json.loads(line) for line in dpx("env", "list", *ON, "--jsonl").out.splitlines()] == found
    assert dpx("env", "list", *ON, "-q").out.split() == KEYS
    shown = dpx.tty("env", "list", *ON).out
    assert "Targets" in shown
    assert "production, preview" in shown


def test_empty_list(dpx: Program, sandbox: Sandbox) -> None:
    """An empty list is nothing, an empty array, or a sentence on a terminal."""
    sandbox.seed_project("bare")
    for flags, out in (((), ""), (("--json",), "[]\n"), (("--jsonl",), ""), (("-q",), "")):
        result = dpx("env", "list", "-p", "bare", *flags)
        assert (result.code, result.out, result.err) == (0, out, ""), result
    assert "No variables." in dpx.tty("env", "list", "-p", "bare").out


def test_two_pages_are_one_list_and_limit_says_how_to_go_on(dpx: Program) -> None:
    """A list of 131 variables is complete, and --limit says how to continue."""
    file = "".join(f"K{number:03}=v\n" for number in range(130))
    assert dpx("env", "import", "-", "-p", "docs", stdin=file.encode()).code == 0
    whole = dpx("env", "list", "-p", "docs", "-q").out.split()
    assert len(whole) == 131
    for flags in (("--json",), ("--jsonl",), ()):
        assert len(dpx("env", "list", "-p", "docs", *flags).out.split("K0")) == 101
    first = dpx("env", "list", "-p", "docs", "--limit", "120")
    assert [row[0] for row in first.rows] == whole[:120]
    cursor = first.err.split("--cursor ")[1].strip()
    assert dpx("env", "list", "-p", "docs", "-q", "--cursor", cursor).out.split() == whole[120:]


def test_list_of_some_targets(dpx: Program) -> None:
    """`env list --target` shows the keys that have any of the targets; --limit counts what is left."""
    argv = ("env", "list", *ON, "-q", "--target")
    assert dpx(*argv, "preview").out.split() == ["NEXT_PUBLIC_API_URL", "STRIPE_SECRET_KEY"]
    assert dpx(*argv, "Development").out.split() == ["NEXT_PUBLIC_API_URL"]
    assert dpx(*argv, "preview,production").out.split() == KEYS
    assert dpx(*argv, "preview", "--target", "development").out.split() == KEYS[1:]
    assert dpx(*argv, "preview", "--limit", "1").out.split() == ["NEXT_PUBLIC_API_URL"]
    assert dpx("env", "list", *ON, "--target", "development", "--json").json[0]["key"] == "NEXT_PUBLIC_API_URL"
    assert dpx("env", "list", "-p", "docs", "--target", "preview", "--json").json == []
    assert "No variables." in dpx.tty("env", "list", "-p", "docs", "--target", "preview").out
    assert dpx(*argv, "staging").code == 2


def test_example_is_a_skeleton_without_values(dpx: Program, sandbox: Sandbox) -> None:
    """`env example` prints every key without its value; `env check` and `env diff` accept it."""
    result = dpx("env", "example", *ON)
    assert (result.code, result.out, result.err) == (0, "".join(f"{key}=\n" for key in KEYS), ""), result
    assert dpx("env", "example", *ON, "--target", "development").out == "NEXT_PUBLIC_API_URL=\n"
    assert dpx("env", "check", "-", *ON, stdin=result.out.encode()).code == 0
    assert dpx("env", "diff", "-", *ON, "--exit-code", stdin=result.out.encode()).code == 0
    sandbox.seed_project("bare")
    assert dpx("env", "example", "-p", "bare").out == ""


def test_example_takes_no_key_that_is_none(dpx_on_faults: Program, server: FaultServer) -> None:
    """A key from the server can't add a line of its own to the skeleton."""
    hostile = [{"key": key} for key in ("GOOD", "A\nB=1", "A=$(x)", "", "1A")]
    server.on("GET", ".*/env-vars", faults.reply(200, {"data": hostile}))
    assert dpx_on_faults("env", "example", "-p", PROJECT).out == "GOOD=\n"


# set


def test_set_one_and_several(dpx: Program, sandbox: Sandbox) -> None:
    """`env set` takes KEY VALUE and KEY=VALUE; values arrive unchanged and are shown nowhere."""
    result = dpx("env", "set", "A", CANARY, *ON)
    assert result.code == 0, result
    assert result.rows[0][0] == "A"
    assert sandbox.env_is("storefront", "A", CANARY)
    result = dpx("env", "set", f"B={CANARY}=x", "D=a b", *ON, "--json")
    assert [item["key"] for item in result.json] == ["B", "D"]
    assert sandbox.env_is("storefront", "B", f"{CANARY}=x")
    assert sandbox.env_is("storefront", "D", "a b")
    assert CANARY not in result.out + result.err


def test_a_value_may_begin_with_a_dash_or_have_an_equals_sign(dpx: Program, sandbox: Sandbox) -> None:
    """A value may begin with a dash after --, and contain an equals sign."""
    assert dpx("env", "set", *ON, "--", "A", "-x=1").code == 0
    assert sandbox.env_is("storefront", "A", "-x=1")
    assert dpx("env", "set", *ON, "A", "b=c").code == 0
    assert sandbox.env_is("storefront", "A", "b=c")


def test_targets_and_sensitive_are_sent_only_when_given(dpx: Program, sandbox: Sandbox) -> None:
    """Targets and `sensitive` are sent only if given, each target once, in lower case."""
    dpx("env", "set", "A=1", *ON)
    assert set(sandbox.requests[-1].body) == {"key", "value"}
    targets = ("--target", "PREVIEW", "--target", "preview", "--target", "production")
    result = dpx("env", "set", "A=2", *ON, *targets, "--sensitive", "--yes")
    assert result.code == 0, result
    sent = sandbox.requests[-1].body
    assert (sent["targets"], sent["sensitive"]) == (["preview", "production"], True)


@pytest.mark.parametrize(
    ("given", "value", "noted"),
    [
        (b"x", "x", False),
        (b"x\n", "x", True),
        (b"x\r\n", "x", True),
        (b"x\n\n", "x\n", True),
        (b" x ", " x ", False),
        (b"x\r", "x\r", False),
        (b"\nx\r\n\r\n", "\nx\r\n", True),
        (b'"x" $HOME \\n', '"x" $HOME \\n', False),
        ("\ufeffä".encode(), "\ufeffä", False),
    ],
)
def test_read_values_lose_exactly_one_newline(
    dpx: Program, sandbox: Sandbox, given: bytes, value: str, noted: bool
) -> None:
    """A value that is read loses exactly one final newline, with a note."""
    (dpx.cwd / "value").write_bytes(given)
    for key, flags, stdin in (
        ("S", ["--stdin"], given),
        ("F", ["--from-file", "value"], b""),
        ("D", ["--from-file", "-"], given),
    ):
        result = dpx("env", "set", key, *flags, *ON, stdin=stdin)
        assert result.code == 0, result
        assert sandbox.env_is("storefront", key, value)
        assert ("The final newline is not part of the value" in result.err) is noted
        assert ("begins with a byte order mark" in result.err) is value.startswith("\ufeff")


@pytest.mark.parametrize(
    "argv",
    [
        ["A", "--stdin"],
        ["A", "--from-file", "none"],
        ["A=1", "--stdin"],
        ["A", "b", "--stdin"],
        ["A", "--stdin", "--from-file", "none"],
        ["1A=x"],
        ["A-B", "x"],
        ["Ä=x"],
        ["A=1", "A=2"],
        ["A=1", "B"],
        ["A", "b", "c"],
        ["A"],
        ["=x"],
        ["A=1", "--target", "staging"],
        [],
    ],
)
def test_what_cannot_be_set_is_refused_before_any_request(dpx: Program, sandbox: Sandbox, argv: list[str]) -> None:
    """What can't be set is refused before any request, with exit 2 (3 for a missing file)."""
    result = dpx("env", "set", *argv, *ON)
    assert result.code == (3 if argv == ["A", "--from-file", "none"] else 2), result
    assert result.out == ""
    assert result.err.startswith("error: ")
    assert sandbox.requests == []


def test_empty_needs_to_be_meant(dpx: Program, sandbox: Sandbox) -> None:
    """An empty value needs --allow-empty, from wherever it comes; a word that may be base64 is not shown."""
    (dpx.cwd / "empty").write_text("", encoding="utf-8")
    for words in (("A=",), ("A", ""), ("B=1", "A="), ("A", "--stdin"), ("A", "--from-file", "empty")):
        result = dpx("env", "set", *words, *ON)
        assert (result.code, result.out) == (2, ""), result
        assert "--allow-empty" in result.err
    assert sandbox.requests == []
    for number, given in enumerate(("A0=", "A1 ", "A2 --stdin", "A3 --from-file empty")):
        assert dpx("env", "set", *given.split(" "), "--allow-empty", *ON).code == 0
        assert sandbox.env_is("storefront", f"A{number}", "")


@pytest.mark.parametrize(
    ("value", "said"),
    [(b"a\0b", "NUL character"), (b"a\xff", "is not UTF-8"), ("secret".encode("utf-16"), "is UTF-16")],
)
def test_what_no_environment_can_hold_is_refused(dpx: Program, sandbox: Sandbox, value: bytes, said: str) -> None:
    """From standard input and from a file; nothing is sent."""
    (dpx.cwd / "value").write_bytes(value)
    for words in (("--stdin",), ("--from-file", "value")):
        result = dpx("env", "set", "A", *words, *ON, stdin=value)
        assert (result.code, result.out) == (2, ""), result
        assert said in result.err
    assert sandbox.requests == []


@pytest.mark.parametrize("command", ["rotate", "rm", "where", "import", "check", "diff"])
def test_a_value_behind_a_key_is_not_shown(dpx: Program, sandbox: Sandbox, command: str) -> None:
    """Of KEY=secret only the key is."""
    for word in (f"KEY={CANARY}", f"my-key={CANARY}"):
        result = dpx("env", command, word, *(() if command == "where" else ON))
        assert (result.code, result.out) == (2, ""), result
        assert CANARY not in result.err
        assert "KEY" in result.err
    assert sandbox.requests == []


def test_a_target_where_a_key_belongs_is_answered(dpx: Program, sandbox: Sandbox) -> None:
    """Before any request; the hint uses --target."""
    for words in (("rm", "FOO", "production", "-y"), ("set", "FOO=1", "Production"), ("set", "FOO", "1", "preview")):
        result = dpx("env", *words, *ON)
        assert (result.code, result.out) == (2, ""), result
        assert "--target" in result.err
    assert sandbox.requests == []


def test_a_terminal_is_asked_twice_and_shows_nothing(dpx: Program, sandbox: Sandbox) -> None:
    """The hidden prompt shows nothing, and sets nothing if the two answers differ."""
    result = dpx.tty(
        "env", "set", "A", *ON, answers=[("Value of A: ", f"{CANARY}\r"), ("Value of A again: ", f"{CANARY}\r")]
    )
    assert result.code == 0, result
    assert CANARY not in result.out
    assert sandbox.env_is("storefront", "A", CANARY)
    result = dpx.tty("env", "set", "B", *ON, answers=[("of B: ", f"{CANARY}\r"), ("again: ", "other\r")] * 3)
    assert result.code == 2, result
    assert "match" in result.out
    assert "B" not in sandbox.env_keys("storefront")
    assert dpx.tty("env", "set", "B", *ON, env={"DPX_NO_INPUT": "1"}).code == 2


def test_quiet_prints_the_keys_that_were_set(dpx: Program) -> None:
    """`env set -q` and `env import -q` print keys."""
    assert dpx("env", "set", "A=1", "B=2", *ON, "-q").out.split() == ["A", "B"]
    assert dpx("env", "import", "-", *ON, "-q", stdin=b"C=1\n").out.split() == ["C"]


def test_deploy_after_a_change(dpx: Program, sandbox: Sandbox) -> None:
    """--deploy deploys each project once, after all variables are set, and waits; not after a failure."""
    before = {project: len(sandbox.deployments(project)) for project in ("storefront", "docs")}
    result = dpx("env", "set", "A=1", "B=2", *ON, "--deploy")
    assert result.code == 0, result
    assert [seen.path.rpartition("/")[2] for seen in sandbox.requests if seen.method == "POST"] == [
        "env-vars",
        "env-vars",
        "deployments",
    ]
    assert "is READY" in result.err
    assert "next deployment" not in result.err
    assert dpx("env", "import", "-", *ON, "--deploy", stdin=b"A=1\n").code == 0
    assert dpx("env", "set", "A=1", "-p", "docs", *ON, "--deploy").code == 0
    sandbox.fault(f"POST /projects/{sandbox.project_id('docs')}/env-vars 403")
    assert dpx("env", "set", "A=1", "-p", "docs", *ON, "--deploy").code == 5
    assert len(sandbox.deployments("docs")) == before["docs"] + 1
    assert len(sandbox.deployments("storefront")) == before["storefront"] + 4
    sandbox.clear_faults()
    sandbox.fault("POST /projects/*/deployments ERROR")
    result = dpx("env", "set", "A=1", *ON, "--deploy")
    assert result.code == 9, result
    assert result.rows[0][0] == "A"


# rm


def test_rm_in_both_formats(dpx: Program, sandbox: Sandbox) -> None:
    """`env rm` removes a key once, even if it's given twice."""
    dpx("env", "set", "A=1", "B=2", "C=3", *ON)
    result = dpx("env", "rm", "A", "B", "A", *ON, "-y", "--json")
    assert result.json == [{"key": "A", "deleted": True}, {"key": "B", "deleted": True}]
    assert dpx("env", "rm", "C", *ON, "--yes").out == "C\ttrue\n"
    assert sorted(sandbox.env_keys("storefront")) == KEYS


def test_rm_asks_on_a_terminal_and_refuses_elsewhere(dpx: Program, sandbox: Sandbox) -> None:
    """`env rm` asks on a terminal, where no is the default, and refuses elsewhere."""
    assert dpx("env", "rm", "DATABASE_URL", *ON).code == 2
    result = dpx.tty("env", "rm", "DATABASE_URL", *ON, answers=[("[y/N]", "\r")])
    assert result.code == 2, result
    assert "nothing was changed" in result.out
    assert posts(sandbox) == 0
    assert dpx.tty("env", "rm", "DATABASE_URL", *ON, answers=[("[y/N]", "y\r")]).code == 0
    assert "DATABASE_URL" not in sandbox.env_keys("storefront")


def test_rm_of_what_is_not_there(dpx: Program, sandbox: Sandbox) -> None:
    """All keys are looked up before the first is removed."""
    result = dpx("env", "rm", "DATABASE_URL", "NONE", *ON, "-y")
    assert (result.code, result.out) == (3, ""), result
    assert result.err.startswith("error: storefront has no variable NONE; nothing was removed.\n")
    assert dpx("env", "rm", "DATABASE_URL", "-p", "docs", *ON, "-y").code == 3
    assert posts(sandbox) == 0


def test_rm_says_what_reads_the_key(dpx: Program, sandbox: Sandbox) -> None:
    """Before it asks; with --dry-run also which targets lose it and which other projects have it, and only GETs."""
    (dpx.cwd / "a.js").write_text("\nprocess.env.DATABASE_URL ?? 1", encoding="utf-8")
    shown = dpx.tty("env", "rm", "DATABASE_URL", "STRIPE_SECRET_KEY", *ON, answers=[("[y/N]", "n\r")])
    assert "DATABASE_URL is read at a.js:2, with a default." in shown.out
    argv = ("env", "rm", "DATABASE_URL", "STRIPE_SECRET_KEY", *ON, "--dry-run")
    assert dpx(*argv, "--json").json == [
        {
            "key": "DATABASE_URL",
            "targets": ["production"],
            "file": "a.js",
            "line": 2,
            "optional": True,
            "projects": ["api"],
        },
        {
            "key": "STRIPE_SECRET_KEY",
            "targets": ["production", "preview"],
            "file": None,
            "line": None,
            "optional": None,
            "projects": [],
        },
    ]
    assert dpx(*argv).rows == [
        ["DATABASE_URL", "production", "a.js", "2", "true", "api"],
        ["STRIPE_SECRET_KEY", "production,preview", "", "", "", ""],
    ]
    assert posts(sandbox) == 0


# import


def test_import_sets_every_line(dpx: Program, sandbox: Sandbox) -> None:
    """`env import` sets every line of a file or of standard input."""
    text = f"# all\nexport A={CANARY}\nB='x y'\nC=\"1\\n2\"\n"
    (dpx.cwd / ".env").write_text(text, encoding="utf-8")
    result = dpx("env", "import", ".env", *ON, "--target", "preview")
    assert result.code == 0, result
    assert [row[:2] for row in result.rows] == [[key, "preview"] for key in "ABC"]
    assert sandbox.env_is("storefront", "C", "1\n2")
    assert result.err.startswith("Set 3 variables in storefront.\n")
    again = dpx("env", "import", "-", *ON, "--json", stdin=text.encode())
    assert [item["key"] for item in again.json] == ["A", "B", "C"]
    assert CANARY not in result.out + result.err + again.out + again.err


def test_dry_run_shows_the_plan_and_changes_nothing(dpx: Program, sandbox: Sandbox) -> None:
    """--dry-run shows what would be added, replaced and removed, and changes nothing."""
    argv = ("env", "import", "-", *ON, "--dry-run", "--prune")
    file = b"DATABASE_URL=x\nNEW=y\n"
    result = dpx(*argv, stdin=file)
    every = "production,preview,development"
    assert result.rows == [
        ["replace", "DATABASE_URL", "production", "production"],
        ["add", "NEW", "", every],
        ["remove", "NEXT_PUBLIC_API_URL", every, ""],
        ["remove", "STRIPE_SECRET_KEY", "production,preview", ""],
    ]
    row = {"action": "add", "key": "NEW", "before": [], "after": every.split(",")}
    assert dpx(*argv, "--json", stdin=file).json[1] == row
    assert posts(sandbox) == 0


def test_prune_removes_what_the_file_lacks(dpx: Program, sandbox: Sandbox) -> None:
    """--prune removes other variables after a yes; with --target only those without another target."""
    file = b"DATABASE_URL=x\n"
    assert dpx("env", "import", "-", *ON, "--prune", stdin=file).code == 2
    assert posts(sandbox) == 0
    result = dpx("env", "import", "-", *ON, "--prune", "-y", "--target", "production", stdin=file)
    assert result.err.startswith("Set 1 variable in storefront.\n")
    result = dpx("env", "import", "-", *ON, "--prune", "-y", stdin=file)
    assert result.err.startswith("Set 1 variable in storefront and removed 2 variables.\n")
    assert [row[:2] for row in result.rows] == [
        ["replace", "DATABASE_URL"],
        ["remove", "NEXT_PUBLIC_API_URL"],
        ["remove", "STRIPE_SECRET_KEY"],
    ]
    assert sandbox.env_keys("storefront") == ["DATABASE_URL"]
    assert dpx("env", "import", "-", *ON, "--prune", "-y", stdin=b"# nothing\n").code == 2


def test_a_bad_line_rejects_the_whole_file(dpx: Program, sandbox: Sandbox) -> None:
    """A bad line rejects the whole file: it's named, no value is shown, and nothing is sent."""
    result = dpx("env", "import", "-", *ON, stdin=f"A=1\nB {CANARY}\nC='{CANARY}\n".encode())
    assert result.code == 2, result
    assert "2" in result.err
    assert "3" in result.err
    assert CANARY not in result.err
    assert sandbox.requests == []


def test_a_failure_half_way_says_what_is_done(dpx: Program, sandbox: Sandbox) -> None:
    """A failure half-way says which keys are done, and exits with its own code."""
    sandbox.fault("POST /projects/*/env-vars 403 after 2 x1")
    result = dpx("env", "import", "-", *ON, stdin="".join(f"K{n}=v\n" for n in range(30)).encode())
    assert result.code == 5, result
    done = result.err.split("; done: ")[1].split("; not done: ")[0].split(", ")
    assert sorted(done) == [key for key in sandbox.env_keys("storefront") if key not in KEYS]


def test_an_empty_file_and_an_endless_one(dpx: Program, sandbox: Sandbox) -> None:
    """An empty file is nothing to do; an endless one is refused in bounded time and memory."""
    result = dpx("env", "import", "-", *ON)
    assert (result.code, result.out) == (0, ""), result
    assert result.err == "warning: Standard input has no variables; nothing was changed.\n"
    assert dpx("env", "import", "/dev/zero", *ON).code == 2
    assert dpx("env", "import", ".", *ON).code == 1
    assert sandbox.requests == []


def test_progress_on_a_terminal(dpx: Program, sandbox: Sandbox) -> None:
    """An import on a terminal shows a progress bar."""
    sandbox.fault("POST /projects/*/env-vars slow 100ms")
    (dpx.cwd / ".env").write_text("".join(f"K{n:03}=v\n" for n in range(40)), encoding="utf-8")
    result = dpx.tty("env", "import", ".env", *ON)
    assert result.code == 0, result
    assert "of 40 variables" in result.out
    assert "Set 40 variables in storefront." in result.out


# check


def test_check_of_what_is_there(dpx: Program) -> None:
    """`env check` passes if every key is set; a line may be a key alone, and --target asks for that environment."""
    (dpx.cwd / ".env.example").write_text("DATABASE_URL=\n# why\nSTRIPE_SECRET_KEY\n", encoding="utf-8")
    result = dpx("env", "check", ".env.example", *ON)
    assert (result.code, result.out) == (0, ""), result
    assert result.err == "Every key of .env.example is set (2).\n"
    result = dpx("env", "check", ".env.example", *ON, "--json")
    assert result.json == {"ok": True, "keys": ["DATABASE_URL", "STRIPE_SECRET_KEY"]}
    result = dpx("env", "check", ".env.example", *ON, "--target", "preview")
    assert result.code == 10, result
    assert result.err.startswith("error: Not set for preview: DATABASE_URL\nhint: ")


def test_check_warns_of_what_a_file_repeats_or_lacks(dpx: Program) -> None:
    """The keys are compared all the same."""
    result = dpx("env", "check", "-", *ON, stdin=b"DATABASE_URL=\nA=\nDATABASE_URL=1\n")
    assert result.code == 10, result
    assert "warning: Standard input has DATABASE_URL on lines 1 and 3.\n" in result.err
    assert "Not set: A\n" in result.err
    result = dpx("env", "check", "-", *ON, stdin=b"# nothing\n")
    assert (result.code, result.err.splitlines()[0]) == (0, "warning: Standard input has no variables."), result


def test_import_notes_references_that_stay_as_they_are(dpx: Program, sandbox: Sandbox) -> None:
    """Once a file."""
    result = dpx("env", "import", "-", *ON, stdin=b"A=${HOST}/a\nB=${HOST}/b\nC='${HOST}'\n")
    assert result.code == 0, result
    assert result.err.count("${…} is not replaced") == 1
    assert "in the values of A, B." in result.err
    assert sandbox.env_is("storefront", "A", "${HOST}/a")


def test_check_names_every_missing_key(dpx: Program) -> None:
    """`env check` names every missing key and exits 10, also with --json."""
    result = dpx("env", "check", "-", *ON, stdin=b"DATABASE_URL=\nA=\nB=\n")
    assert result.code == 10, result
    assert result.err.startswith("error: Not set: A, B\n")
    result = dpx("env", "check", "-", *ON, "--json", stdin=b"A=\n")
    assert result.code == 10, result
    assert result.error["code"] == "check_failed"
    assert dpx("env", "check", "none", *ON).code == 3


def test_a_limit_on_some_targets_says_that_it_cut(dpx: Program) -> None:
    """Without a cursor: it can't name a place within a page."""
    done = dpx("env", "list", "-p", "storefront", "--target", "production,preview", "--limit", "1")
    assert len(done.rows) == 1
    assert "variables" in done.err
    assert dpx("env", "list", "-p", "storefront", "--target", "production,preview").err == ""
