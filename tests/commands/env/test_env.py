"""`dpx env` against the sandbox: list, set, rm, import, check and example, on and off a terminal."""

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
EVERY = "production,preview,development"


def posts(sandbox: Sandbox) -> int:
    """Return how many requests changed something."""
    return sum(seen.method != "GET" for seen in sandbox.requests)


# Every list


@pytest.mark.parametrize(
    ("argv", "key", "heading"),
    [
        (("env", "list", *ON), "key", "Targets"),
        (("env", "where", "DATABASE_URL"), "project", "Targets"),
        (("env", "diff", ".env", *ON), "key", "Only in"),
        (("env", "diff", "--against", "docs", *ON), "key", "Only in"),
        (("env", "scan", *ON), "key", "Missing in"),
        (("env", "scan", "--unused", *ON), "key", "Targets"),
        (("plan",), "name", "Action"),
    ],
)
def test_a_list_in_every_format(dpx: Program, sandbox: Sandbox, argv: tuple[str, ...], key: str, heading: str) -> None:
    """All formats have the same rows; no list changes anything."""
    files = {
        ".env": "NEW=1\n",
        "a.js": "process.env.NEW",
        "deploxa.toml": '[project]\nslug = "docs"\n[env]\nNEW = "1"\n',
    }
    for name, text in files.items():
        (dpx.cwd / name).write_text(text, encoding="utf-8")
    rows = dpx(*argv, "--json").json
    assert rows
    assert [json.loads(line) for line in dpx(*argv, "--jsonl").out.splitlines()] == rows
    identifiers = [row[key] for row in rows]
    assert dpx(*argv, "-q").out.split() == dpx(*argv, "--fields", key).out.split() == identifiers
    assert [row.count(identifier) for row, identifier in zip(dpx(*argv).rows, identifiers, strict=True)] == [1] * len(
        rows
    )
    shown = dpx.tty(*argv).out
    assert all(text in shown for text in (heading, *identifiers)), shown
    assert posts(sandbox) == 0


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (("env", "list", "-p", "bare"), "No variables."),
        (("env", "list", "-p", "docs", "--target", "preview"), "No variables."),
        (("env", "diff", "--against", "bare", "-p", "bare"), "No difference."),
        (("env", "scan", *ON), "The project has every variable that the code reads."),
        (("env", "scan", "--unused", "-p", "bare"), "The code reads every variable of the project."),
        (("plan", "--exit-code"), "docs matches deploxa.toml."),
    ],
)
def test_an_empty_list_in_every_format(dpx: Program, sandbox: Sandbox, argv: tuple[str, ...], sentence: str) -> None:
    """Nothing, an empty array, or a sentence on a terminal."""
    sandbox.seed_project("bare")
    dpx.write("process.env.NEXT_PUBLIC_API_URL", "a.js")
    dpx.write('[project]\nslug = "docs"\n')
    for flags, out in (((), ""), (("--json",), "[]\n"), (("--jsonl",), ""), (("-q",), "")):
        result = dpx(*argv, *flags)
        assert (result.code, result.out) == (0, out), result
    assert sentence in dpx.tty(*argv).out


# list


def test_list_shows_no_value(dpx: Program) -> None:
    """Only keys, targets, and whether they are sensitive; the ID only in JSON."""
    assert dpx("env", "list", *ON).rows == [
        ["DATABASE_URL", "production", "false"],
        ["NEXT_PUBLIC_API_URL", EVERY, "false"],
        ["STRIPE_SECRET_KEY", "production,preview", "true"],
    ]
    found = dpx("env", "list", *ON, "--json").json
    assert [set(item) for item in found] == [{"id", "key", "targets", "sensitive"}] * 3


def test_two_pages_are_one_list_and_limit_says_how_to_go_on(dpx: Program) -> None:
    """A list of 131 variables is complete, and --limit says how to continue."""
    file = "".join(f"K{number:03}=v\n" for number in range(130))
    assert dpx("env", "import", "-", "-p", "docs", stdin=file.encode()).code == 0
    whole = dpx("env", "list", "-p", "docs", "-q").out.split()
    assert len(whole) == 131
    assert len(dpx("env", "list", "-p", "docs", "--json").json) == 131
    first = dpx("env", "list", "-p", "docs", "--limit", "120")
    assert [row[0] for row in first.rows] == whole[:120]
    cursor = first.err.split("--cursor ")[1].strip()
    assert dpx("env", "list", "-p", "docs", "-q", "--cursor", cursor).out.split() == whole[120:]


def test_list_of_some_targets(dpx: Program) -> None:
    """The keys that have any of the targets; --limit counts what is left, and says that it cut, without a cursor."""
    argv = ("env", "list", *ON, "-q", "--target")
    assert dpx(*argv, "Development").out.split() == ["NEXT_PUBLIC_API_URL"]
    assert dpx(*argv, "preview,production").out.split() == KEYS
    assert dpx(*argv, "preview", "--target", "development").out.split() == KEYS[1:]
    assert dpx(*argv, "staging").code == 2
    cut = dpx("env", "list", *ON, "--target", "preview", "--limit", "1")
    assert ([row[0] for row in cut.rows], "variables" in cut.err, "--cursor" in cut.err) == (KEYS[1:2], True, False)
    assert dpx("env", "list", *ON, "--target", "preview").err == ""


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


@pytest.mark.parametrize(
    ("words", "values"),
    [
        (("A", CANARY, *ON), {"A": CANARY}),
        ((f"B={CANARY}=x", "D=a b", *ON), {"B": f"{CANARY}=x", "D": "a b"}),
        ((*ON, "--", "A", "-x=1"), {"A": "-x=1"}),
        ((*ON, "A", "b=c"), {"A": "b=c"}),
        (("A=", "--allow-empty", *ON), {"A": ""}),
        (("A", "", "--allow-empty", *ON), {"A": ""}),
        (("A", "--stdin", "--allow-empty", *ON), {"A": ""}),
        (("A", "--from-file", "empty", "--allow-empty", *ON), {"A": ""}),
    ],
)
def test_set_one_and_several(dpx: Program, sandbox: Sandbox, words: tuple[str, ...], values: dict[str, str]) -> None:
    """Values arrive unchanged and are shown nowhere; the rows are the keys."""
    dpx.write("", "empty")
    result = dpx("env", "set", "-q", *words)
    assert (result.code, result.out.split()) == (0, list(values)), result
    assert all(sandbox.env_is("storefront", key, value) for key, value in values.items())
    assert CANARY not in result.err


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
    ("given", "value"),
    [
        (b"x", "x"),
        (b"x\n", "x"),
        (b"x\r\n", "x"),
        (b"x\n\n", "x\n"),
        (b" x\r", " x\r"),
        (b"\nx\r\n\r\n", "\nx\r\n"),
        (b'"x" $HOME \\n', '"x" $HOME \\n'),
        ("\ufeffä".encode(), "\ufeffä"),
    ],
)
def test_read_values_lose_exactly_one_newline(dpx: Program, sandbox: Sandbox, given: bytes, value: str) -> None:
    """A value that is read loses exactly one final newline, with a note; so has a byte order mark."""
    dpx.write(given, "value")
    for flags in (("--stdin",), ("--from-file", "value"), ("--from-file", "-")):
        result = dpx("env", "set", "S", *flags, *ON, stdin=given)
        assert result.code == 0, result
        assert sandbox.env_is("storefront", "S", value)
        assert ("The final newline is not part of the value" in result.err) is (given != value.encode())
        assert ("begins with a byte order mark" in result.err) is value.startswith("\ufeff")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("A", "--from-file", "none"), "No such file"),
        (("A=1", "--stdin"), "can't be used with KEY=VALUE"),
        (("A", "b", "--stdin"), "The value of A is given twice"),
        (("A", "--stdin", "--from-file", "none"), "can't be used together"),
        (("1A=x",), "Invalid variable name"),
        (("A-B", "x"), "Invalid variable name"),
        (("Ä=x",), "Invalid variable name"),
        (("A=1", "A=2"), "A is given twice"),
        (("A=1", "B"), "Argument 2 is not KEY=VALUE"),
        (("A", "b", "c"), "Too many arguments after A"),
        (("A",), "No value given"),
        (("=x",), "Invalid variable name"),
        (("A=1", "--target", "staging"), "staging"),
        ((), "KEY"),
        *((words, "--allow-empty") for words in [("A", ""), ("A", "--stdin"), ("A", "--from-file", "empty")]),
        *((words, "The value of A is empty.") for words in [("A=",), ("B=1", "A=")]),
        (("A", "--from-file", "zero"), "NUL character"),
        (("A", "--from-file", "latin"), "is not UTF-8"),
        (("A", "--from-file", "utf16"), "is UTF-16"),
        (("FOO=1", "Production"), "--target production"),
        (("FOO", "1", "preview"), "--target preview"),
    ],
)
def test_what_cannot_be_set_is_refused_before_any_request(
    dpx: Program, sandbox: Sandbox, words: tuple[str, ...], message: str
) -> None:
    """Exit 2 (3 for a missing file), with the reason."""
    for name, data in {"empty": b"", "zero": b"a\0b", "latin": b"a\xff", "utf16": "secret".encode("utf-16")}.items():
        dpx.write(data, name)
    result = dpx("env", "set", *words, *ON)
    assert (result.code, result.out) == (3 if message == "No such file" else 2, ""), result
    assert message in result.err
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


def test_a_terminal_is_asked_twice_and_shows_nothing(dpx: Program, sandbox: Sandbox) -> None:
    """The hidden prompt shows nothing, and sets nothing if the two answers differ."""
    result = dpx.tty("env", "set", "A", *ON, answers=[("of A: ", f"{CANARY}\r"), ("A again: ", f"{CANARY}\r")])
    assert result.code == 0, result
    assert CANARY not in result.out
    assert sandbox.env_is("storefront", "A", CANARY)
    result = dpx.tty("env", "set", "B", *ON, answers=[("of B: ", f"{CANARY}\r"), ("again: ", "other\r")] * 3)
    assert (result.code, "match" in result.out) == (2, True), result
    assert "B" not in sandbox.env_keys("storefront")
    assert dpx.tty("env", "set", "B", *ON, env={"DPX_NO_INPUT": "1"}).code == 2


def test_deploy_after_a_change(dpx: Program, sandbox: Sandbox) -> None:
    """--deploy deploys each project once, after all variables are set, and waits; not after a failure."""
    before = {project: len(sandbox.deployments(project)) for project in ("storefront", "docs")}
    result = dpx("env", "set", "A=1", "B=2", *ON, "--deploy")
    assert result.code == 0, result
    sent = [seen.path.rpartition("/")[2] for seen in sandbox.requests if seen.method == "POST"]
    assert sent == ["env-vars", "env-vars", "deployments"]
    assert "is READY" in result.err
    assert "next deployment" not in result.err
    assert dpx("env", "import", "-", *ON, "--deploy", stdin=b"A=1\n").code == 0
    sandbox.fault(f"POST /projects/{sandbox.project_id('docs')}/env-vars 403")
    assert dpx("env", "set", "A=1", "-p", "docs", *ON, "--deploy").code == 5
    assert len(sandbox.deployments("docs")) == before["docs"]
    assert len(sandbox.deployments("storefront")) == before["storefront"] + 3
    sandbox.clear_faults()
    sandbox.fault("POST /projects/*/deployments ERROR")
    result = dpx("env", "set", "A=1", *ON, "--deploy")
    assert (result.code, result.rows[0][0]) == (9, "A"), result


# rm


def test_rm_asks_on_a_terminal_and_refuses_elsewhere(dpx: Program, sandbox: Sandbox) -> None:
    """No is the default; each key is removed once."""
    assert dpx("env", "rm", "DATABASE_URL", *ON).code == 2
    result = dpx.tty("env", "rm", "DATABASE_URL", *ON, answers=[("[y/N]", "\r")])
    assert (result.code, "nothing was changed" in result.out) == (2, True), result
    assert posts(sandbox) == 0
    assert dpx.tty("env", "rm", "DATABASE_URL", *ON, answers=[("[y/N]", "y\r")]).code == 0
    dpx("env", "set", "A=1", "B=2", "C=3", *ON)
    result = dpx("env", "rm", "A", "B", "A", *ON, "-y", "--json")
    assert result.json == [{"key": "A", "deleted": True}, {"key": "B", "deleted": True}]
    assert dpx("env", "rm", "C", *ON, "--yes").out == "C\ttrue\n"
    assert sorted(sandbox.env_keys("storefront")) == KEYS[1:]


def test_rm_of_what_is_not_there(dpx: Program, sandbox: Sandbox) -> None:
    """All keys are looked up before the first is removed; a target is no key."""
    result = dpx("env", "rm", "DATABASE_URL", "NONE", *ON, "-y")
    assert (result.code, result.out) == (3, ""), result
    assert result.err.startswith("error: storefront has no variable NONE; nothing was removed.\n")
    assert dpx("env", "rm", "DATABASE_URL", "-p", "docs", *ON, "-y").code == 3
    assert posts(sandbox) == 0
    sandbox.clear_requests()
    target = dpx("env", "rm", "FOO", "production", *ON, "-y")
    kept = "Run: dpx env set FOO --project storefront --target preview --target development\n"
    assert (target.code, target.err.endswith(kept), sandbox.requests) == (2, True, []), target
    assert [dpx("env", *words, *ON, "-y").code for words in (("set", "PREVIEW=1"), ("rm", "PREVIEW"))] == [0, 0]


def test_rm_says_what_reads_the_key(dpx: Program, sandbox: Sandbox) -> None:
    """Before it asks; with --dry-run also which targets lose it and which other projects have it, and only GETs."""
    dpx.write("\nprocess.env.DATABASE_URL ?? 1", "a.js")
    dpx.write("process.env.DATABASE_URL", "b.js")
    argv = ("env", "rm", "DATABASE_URL", "STRIPE_SECRET_KEY", *ON)
    places = ["b.js:1", "a.js:2 (with a default)"]
    assert f"DATABASE_URL is read at {', '.join(places)}." in dpx.tty(*argv, answers=[("[y/N]", "n\r")]).out
    columns = ("key", "targets", "file", "line", "optional", "places", "projects")
    assert dpx(*argv, "--dry-run", "--json").json == [
        dict(zip(columns, ("DATABASE_URL", ["production"], "b.js", 1, False, places, ["api"]), strict=True)),
        dict(zip(columns, ("STRIPE_SECRET_KEY", ["production", "preview"], None, None, None, [], []), strict=True)),
    ]
    assert dpx(*argv, "--dry-run").rows == [
        ["DATABASE_URL", "production", ",".join(places), "api"],
        ["STRIPE_SECRET_KEY", "production,preview", "", ""],
    ]
    assert posts(sandbox) == 0


# import


def test_import_sets_every_line(dpx: Program, sandbox: Sandbox) -> None:
    """From a file or standard input; one note for references, which stay as they are."""
    text = f"# all\nexport A={CANARY}\nB='x ${{y}}'\nC=\"1\\n2\"\n"
    dpx.write(text, ".env")
    result = dpx("env", "import", ".env", *ON, "--target", "preview")
    assert result.code == 0, result
    assert [row[:2] for row in result.rows] == [[key, "preview"] for key in "ABC"]
    assert sandbox.env_is("storefront", "C", "1\n2")
    assert result.err.startswith("Set 3 variables in storefront.\n")
    again = dpx("env", "import", "-", *ON, "--json", stdin=text.encode())
    assert [item["key"] for item in again.json] == ["A", "B", "C"]
    assert CANARY not in result.out + result.err + again.out + again.err
    noted = dpx("env", "import", "-", *ON, "-q", stdin=b"A=${HOST}/a\nB=${HOST}/b\nC='${HOST}'\n")
    assert (noted.code, noted.out.split(), noted.err.count("${…} is not replaced")) == (0, ["A", "B", "C"], 1), noted
    assert "in the values of A, B." in noted.err
    assert sandbox.env_is("storefront", "A", "${HOST}/a")


def test_dry_run_shows_the_plan_and_changes_nothing(dpx: Program, sandbox: Sandbox) -> None:
    """What would be added, replaced and removed."""
    argv = ("env", "import", "-", *ON, "--dry-run", "--prune")
    file = b"DATABASE_URL=x\nNEW=y\n"
    assert dpx(*argv, stdin=file).rows == [
        ["replace", "DATABASE_URL", "production", "production"],
        ["add", "NEW", "", EVERY],
        ["remove", "NEXT_PUBLIC_API_URL", EVERY, ""],
        ["remove", "STRIPE_SECRET_KEY", "production,preview", ""],
    ]
    row = {"action": "add", "key": "NEW", "before": [], "after": EVERY.split(",")}
    assert dpx(*argv, "--json", stdin=file).json[1] == row
    narrowed = dpx("env", "import", "-", *ON, "--dry-run", "--target", "preview", stdin=file)
    assert narrowed.rows == [["replace", "DATABASE_URL", "production", "preview"], ["add", "NEW", "", "preview"]]
    assert "warning: The import removes a target. DATABASE_URL: production -> preview\n" in narrowed.err
    assert posts(sandbox) == 0


def test_prune_removes_what_the_file_lacks(dpx: Program, sandbox: Sandbox) -> None:
    """--prune removes other variables after a yes; with --target only those without another target."""
    argv = ("env", "import", "-", *ON, "--prune")
    assert dpx(*argv, stdin=b"DATABASE_URL=x\n").code == 2
    assert dpx(*argv, "-y", stdin=b"# nothing\n").code == 2
    assert posts(sandbox) == 0
    result = dpx(*argv, "-y", "--target", "production", stdin=b"DATABASE_URL=x\n")
    assert result.err.startswith("Set 1 variable in storefront.\n")
    # One that is gone already counts as removed.
    sandbox.fault("DELETE /projects/*/env-vars/STRIPE_SECRET_KEY 404")
    result = dpx(*argv, "-y", "--json", stdin=b"DATABASE_URL=x\nB=2\n")
    assert result.err.startswith("Set 2 variables and removed 2 variables in storefront.\n")
    assert [(row["action"], row["key"]) for row in result.json] == [
        *(("replace", "DATABASE_URL"), ("add", "B")),
        *(("remove", "NEXT_PUBLIC_API_URL"), ("remove", "STRIPE_SECRET_KEY")),
    ]


def test_a_failure_half_way_says_what_is_done(dpx: Program, sandbox: Sandbox) -> None:
    """Keys that were set before count, those that were not removed don't; the exit code is the failure's."""
    sandbox.fault("POST /projects/*/env-vars 403 after 2 x1")
    result = dpx("env", "import", "-", *ON, stdin="".join(f"K{n}=v\n" for n in range(30)).encode())
    assert result.code == 5, result
    done = result.err.split("; done: ")[1].split("; not done: ")[0].split(", ")
    assert sorted(done) == [key for key in sandbox.env_keys("storefront") if key not in KEYS]
    sandbox.fault("DELETE /projects/*/env-vars/* 403")
    result = dpx("env", "import", "-", "-p", "docs", "--prune", "-y", stdin=b"A=1\nB=2\n")
    assert (result.code, result.out) == (5, ""), result
    assert "; done: A, B; not done: SEARCH_KEY" in result.err, result
    assert "Set 2 variables in docs.\n" in result.err
    sandbox.fault("POST /projects/*/env-vars lost")
    result = dpx("env", "set", "A=1", "-p", "docs")
    assert (result.code, result.err.endswith("Run: dpx env list --project docs\n")) == (11, True), result


def test_bad_empty_and_endless_files(dpx: Program, sandbox: Sandbox) -> None:
    """A bad line rejects the file, an empty one is nothing to do, an endless one is refused; nothing is sent."""
    result = dpx("env", "import", "-", *ON, stdin=f"A=1\nB {CANARY}\nC='{CANARY}\n".encode())
    assert (result.code, "input:2: " in result.err, "input:3: " in result.err) == (2, True, True), result
    assert CANARY not in result.err
    result = dpx("env", "import", "-", *ON)
    assert (result.code, result.out) == (0, ""), result
    assert result.err == "warning: Standard input has no variables; nothing was changed.\n"
    assert dpx("env", "import", "/dev/zero", *ON).code == 2
    assert dpx("env", "import", ".", *ON).code == 1
    assert sandbox.requests == []


# check


def test_check_of_what_is_there(dpx: Program) -> None:
    """`env check` passes if every key is set; a line may be a key alone, and --target asks for that environment."""
    dpx.write("DATABASE_URL=\n# why\nSTRIPE_SECRET_KEY\n", ".env.example")
    result = dpx("env", "check", ".env.example", *ON)
    assert (result.code, result.out) == (0, ""), result
    assert result.err == "Every key of .env.example is set (2).\n"
    result = dpx("env", "check", ".env.example", *ON, "--json")
    assert result.json == {"ok": True, "keys": ["DATABASE_URL", "STRIPE_SECRET_KEY"]}
    result = dpx("env", "check", ".env.example", *ON, "--target", "preview")
    assert result.code == 10, result
    assert result.err.startswith("error: Not set for preview: DATABASE_URL\nhint: ")


def test_check_names_every_missing_key(dpx: Program) -> None:
    """And exits 10, also with --json; a key that the file repeats and an empty file are warnings."""
    result = dpx("env", "check", "-", *ON, stdin=b"DATABASE_URL=\nA=\nB=\nDATABASE_URL=1\n")
    assert result.code == 10, result
    assert "warning: Standard input has DATABASE_URL on lines 1 and 4.\nerror: Not set: A, B\n" in result.err
    result = dpx("env", "check", "-", *ON, "--json", stdin=b"A=\n")
    assert (result.code, result.error["code"]) == (10, "check_failed"), result
    assert dpx("env", "check", "none", *ON).code == 3
    result = dpx("env", "check", "-", *ON, stdin=b"# nothing\n")
    assert (result.code, result.err.splitlines()[0]) == (0, "warning: Standard input has no variables."), result


# diff


def diff(dpx: Program, *argv: str, stdin: bytes = b"") -> list[tuple[str, str, list[str]]]:
    """Return the rows of a diff, and check its exit code and note."""
    result = dpx("env", "diff", *argv, "--json", stdin=stdin)
    assert result.code == 0, result
    assert result.err.endswith("note: Values can't be compared: the API doesn't return them.\n")
    return [(row["only"], row["key"], row["targets"]) for row in result.json]


def test_diff_of_a_file(dpx: Program, sandbox: Sandbox) -> None:
    """What only the file has comes first; with --target a variable for another target only is missing for this one."""
    assert diff(dpx, "-", "-p", "storefront", stdin=b"NEW=1\nDATABASE_URL=2\n") == [
        ("file", "NEW", []),
        ("project", "NEXT_PUBLIC_API_URL", EVERY.split(",")),
        ("project", "STRIPE_SECRET_KEY", ["production", "preview"]),
    ]
    assert diff(dpx, "-", "-p", "storefront", "--target", "preview", stdin=b"NEW=1\nDATABASE_URL=2\n") == [
        ("file", "NEW", ["preview"]),
        ("file", "DATABASE_URL", ["preview"]),
        ("project", "NEXT_PUBLIC_API_URL", ["preview"]),
        ("project", "STRIPE_SECRET_KEY", ["preview"]),
    ]
    assert diff(dpx, "-", "-p", "docs", "--target", "preview") == []
    for file in (b"A=canary\n", b"A canary\n"):
        result = dpx("env", "diff", "-", "-p", "storefront", stdin=file)
        assert "canary" not in result.out + result.err
    assert all(seen.method == "GET" for seen in sandbox.requests)


def test_diff_exit_code(dpx: Program) -> None:
    """10 where there is a difference and it was asked for, after the rows."""
    argv = ("env", "diff", "-", "-p", "docs", "--exit-code")
    result = dpx(*argv, stdin=b"SEARCH_KEY=\n")
    assert (result.code, result.out) == (0, ""), result
    result = dpx(*argv)
    assert (result.code, result.rows) == (10, [["project", "SEARCH_KEY", "production"]]), result


def test_diff_against_another_project(dpx: Program, sandbox: Sandbox) -> None:
    """The keys of each side with the targets that the other lacks; nothing is changed."""
    dpx("env", "set", "DATABASE_URL=1", "-p", "docs", "--target", "preview")
    sandbox.clear_requests()
    argv = ("--against", "docs", "-p", "acme/storefront")
    assert diff(dpx, *argv) == [
        ("acme/storefront", "DATABASE_URL", ["production"]),
        ("acme/storefront", "NEXT_PUBLIC_API_URL", EVERY.split(",")),
        ("acme/storefront", "STRIPE_SECRET_KEY", ["production", "preview"]),
        ("docs", "SEARCH_KEY", ["production"]),
        ("docs", "DATABASE_URL", ["preview"]),
    ]
    only_preview = [key for _, key, _ in diff(dpx, *argv, "--target", "preview")]
    assert only_preview == ["NEXT_PUBLIC_API_URL", "STRIPE_SECRET_KEY", "DATABASE_URL"]
    assert dpx("env", "diff", *argv, "--exit-code").code == 10
    assert dpx("env", "diff", "--against", "docs", "-p", "docs", "--exit-code").code == 0
    assert dpx("env", "diff", "--against", "none", "-p", "storefront").code == 3
    assert all(seen.method == "GET" for seen in sandbox.requests)


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("diff", "-p", "storefront"), "Pass either FILE or --against PROJECT."),
        (("diff", "-", "--against", "docs", "-p", "storefront"), "Pass either FILE or --against PROJECT."),
        (("copy", "storefront", "docs"), "dpx env diff --against PROJECT"),
    ],
)
def test_what_cannot_be_compared(dpx: Program, sandbox: Sandbox, argv: tuple[str, ...], message: str) -> None:
    """Both or neither, exit 2; `copy` is answered with the command that shows what the other project lacks."""
    result = dpx("env", *argv)
    assert (result.code, result.out, message in result.err) == (2, "", True), result
    assert sandbox.requests == []
