"""What users of other tools type first: each is run, or answered with the command to paste."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING, Any

import pytest

from dpx_cli.cli import main, parser, suggest, synonyms
from dpx_cli.cli.command_table import TABLE
from dpx_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Program

# First guesses of users of vercel, netlify, heroku, fly, railway, render, gh and stripe, and what dpx does or prints.
# A command after "runs " is run at once; any other is in the hint.
GUESSES = [
    # vercel
    ("ls", "dpx projects list"),
    ("deploy --prod", "dpx deploy"),
    ("deploy .", "dpx deploy"),
    ("--prod", "dpx deploy"),
    ("redeploy", "dpx deploy again"),
    ("inspect clm1", "dpx deploy get clm1"),
    ("logs clm1", "dpx deploy get --latest"),
    ("rollback clm1", "dpx deploy again clm1"),
    ("promote clm1", "dpx deploy --branch BRANCH"),
    ("rm docs", "dpx projects delete docs"),
    ("remove docs --yes", "dpx projects delete docs --yes"),
    ("project ls", "runs dpx projects list"),
    ("project add shop", "dpx projects create shop"),
    ("project rm shop", "dpx projects delete shop"),
    ("env ls", "runs dpx env list"),
    ("env add API_KEY", "dpx env set API_KEY"),
    ("env add API_KEY production", "dpx env set API_KEY --target production"),
    ("env rm API_KEY production", "runs dpx env rm API_KEY production"),
    ("env pull .env.local", "dpx env example"),
    ("pull", "dpx env example"),
    ("teams ls", "dpx orgs list"),
    ("switch work", "dpx auth switch work"),
    ("domains ls", "dpx projects get"),
    ("alias set a b", "dpx projects get"),
    ("dev", "dpx sandbox serve"),
    ("certs ls", "dpx projects get"),
    # netlify
    ("sites:list", "dpx projects list"),
    ("sites:create --name shop", "dpx projects create shop"),
    ("sites:delete shop", "dpx projects delete shop"),
    ("env:set API_KEY secret", "dpx env set API_KEY …"),
    ("env:unset API_KEY", "dpx env rm API_KEY"),
    ("env:import .env", "dpx env import .env"),
    ("env:get API_KEY", "dpx env list"),
    ("env list --site docs", "dpx env list --project docs"),
    ("open:site", "dpx open"),
    # heroku
    ("create shop", "dpx init shop"),
    ("apps", "dpx projects list"),
    ("apps:info docs", "dpx projects get docs"),
    ("apps:destroy docs", "dpx projects delete docs"),
    ("apps:rename docs manual", "dpx projects update docs --name manual"),
    ("config", "dpx env list"),
    ("config:set API_KEY=secret -a shop", "dpx env set API_KEY=… --project shop"),
    ("config:get API_KEY", "dpx env list"),
    ("config:unset API_KEY -a shop", "dpx env rm API_KEY --project shop"),
    ("releases", "dpx deploy list"),
    ("releases:rollback v1", "dpx deploy again v1"),
    ("ps", "dpx status"),
    ("ps:scale web=1", "dpx status"),
    ("run npm test", "dpx sandbox run -- npm test"),
    ("access", "dpx orgs --help"),
    ("domains:add example.com", "dpx projects get"),
    ("addons", "dpx projects get"),
    # fly
    ("launch", "dpx init"),
    ("new shop --org acme", "dpx init shop --org acme"),
    ("apps list", "dpx projects list"),
    ("apps create shop", "dpx projects create shop"),
    ("secrets set API_KEY=secret", "dpx env set API_KEY=…"),
    ("secrets list -a shop", "dpx env list --project shop"),
    ("secrets unset API_KEY", "dpx env rm API_KEY"),
    ("secrets import .env", "dpx env import .env"),
    ("scale count 2", "dpx status"),
    ("ssh console", "dpx status"),
    ("dashboard", "dpx open"),
    ("auth whoami", "dpx auth status"),
    ("version", "runs dpx --version"),
    # railway
    ("up", "dpx deploy"),
    ("up --detach", "dpx deploy --no-wait"),
    ("down", "dpx deploy list --status queued,building"),
    ("init shop", "runs dpx init shop"),
    ("variables", "dpx env list"),
    ("variables --set API_KEY=secret", "dpx env set API_KEY=…"),
    ("environment", "runs dpx env --help"),
    # render
    ("services", "dpx projects list"),
    ("deploys list", "runs dpx deploy list"),
    ("deploys create", "dpx deploy"),
    ("services -o json", "dpx projects list --json"),
    ("projects list --output json", "dpx projects list --json"),
    ("restart", "dpx deploy again"),
    # gh
    ("repo list", "dpx projects list"),
    ("repo view docs", "dpx projects get docs"),
    ("repo delete docs --yes", "dpx projects delete docs --yes"),
    ("run list -L 5", "dpx deploy list --limit 5"),
    ("run view clm1", "dpx deploy get clm1"),
    ("run watch clm1", "dpx deploy wait clm1"),
    ("run cancel clm1", "dpx deploy list --status queued,building"),
    ("run rerun clm1", "dpx deploy again clm1"),
    ("secret set API_KEY", "dpx env set API_KEY"),
    ("variable list", "dpx env list"),
    ("browse", "dpx open"),
    ("auth refresh", "dpx auth login"),
    ("org list", "runs dpx orgs list"),
    # stripe
    ("listen --forward-to localhost:3000", "dpx webhook listen --forward-to localhost:3000"),
    ("trigger deployment.ready", "dpx webhook send deployment.ready --to URL"),
    ("events", "dpx webhook events"),
    ("events resend file.json", "dpx webhook replay file.json --to URL"),
    ("get docs", "dpx projects get docs"),
    # any
    ("projects rm docs", "dpx projects delete docs"),
    ("projects rm 'a b'", "dpx projects delete 'a b'"),
    ("projects new shop --org acme", "dpx projects create shop --org acme"),
    ("projects show docs", "runs dpx projects get docs"),
    ("projects view docs --json", "runs dpx projects get docs --json"),
    ("projects info docs", "runs dpx projects get docs"),
    ("project delete docs", "dpx projects delete docs"),
    ("env add API_KEY secret --target preview --sensitive", "dpx env set API_KEY … --target preview --sensitive"),
    ("env unset API_KEY", "dpx env rm API_KEY"),
    ("env remove A B -p docs", "runs dpx env rm A B -p docs"),
    ("env delete API_KEY", "runs dpx env rm API_KEY"),
    ("secrets delete API_KEY", "dpx env rm API_KEY"),
    ("projects uninstall docs", "dpx projects --help"),
    ("profile deactivate work", "dpx profile --help"),
    ("env get API_KEY -p docs", "dpx env list -p docs"),
    ("env API_KEY=secret", "dpx env set API_KEY=…"),
    ("members acme", "runs dpx orgs members acme"),
    ("orgs create shop", "dpx orgs list"),
    ("deployments -p docs", "runs dpx deploy list -p docs"),
    ("deployment show clm1", "runs dpx deploy get clm1"),
    ("deployments main", "dpx deploy --branch main"),
    ("deploy main", "dpx deploy --branch main"),
    ("deploy feature/x --no-wait", "dpx deploy --branch feature/x --no-wait"),
    ("deploy --no-wait main", "dpx deploy --branch main --no-wait"),
    ("deploy logs", "dpx deploy get --latest"),
    ("logs -a docs", "dpx deploy get --latest --project docs"),
    ("deploy rollback", "dpx deploy again ID"),
    ("deploy promote", "dpx deploy --branch BRANCH"),
    ("deploy cancel clm1", "dpx deploy list --status queued,building"),
    ("deploy --json list", "dpx deploy list --json"),
    ("--json projects list", "dpx projects list --json"),
    ("projects --json list", "dpx projects list --json"),
    ("-p docs env list", "dpx env list -p docs"),
    ("--profile work projects rm docs", "dpx projects delete docs --profile work"),
    ("projects list -o json", "dpx projects list --json"),
    ("projects list --format json", "dpx projects list --json"),
    ("projects list --format=jsonl", "dpx projects list --jsonl"),
    ("-V", "runs dpx --version"),
    ("-v", "dpx --version"),
    ("projects list --token abc", "dpx projects list"),
    ("env list docs", "dpx env list --project docs"),
    ("projcts list", "dpx projects list"),
    ("projcts rm docs", "dpx projects delete docs"),
    ("projects lsit --limt 3", "dpx projects list --limit 3"),
    ("projects delte docs", "dpx projects delete docs"),
    ("whoami --format json", "dpx whoami --json"),
    ("qqqq", "dpx --help"),
]
SECRET = "s3cr3t-v4lue"
DELETING = {"projects delete", "env rm", "profile remove"}
WORDS: tuple[list[str], ...] = (
    [],
    ["docs"],
    ["docs", "manual"],
    ["API_KEY", SECRET],
    [f"API_KEY={SECRET}"],
    ["--prod"],
    ["--json"],
    ["-y", "x"],
)


def answer(words: list[str]) -> tuple[str, Any]:
    """Return what a command line is answered: ("runs", what it is parsed to) or ("hint", the command in the hint)."""
    try:
        return "runs", parsed(words)
    except UsageError as error:
        return "hint", str(error.hint).rpartition("Run: ")[2]


def parsed(words: list[str]) -> Any:
    """Return what the parser makes of a command line, to be compared."""
    found = main.parse_line(words)
    return [(name, getattr(found, name, None)) for name in ("path", "values", "format", "profile")], type(found)


@pytest.mark.parametrize(("typed", "wanted"), GUESSES, ids=[typed for typed, _ in GUESSES])
def test_a_first_guess_does_what_was_meant_or_prints_it(
    typed: str, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of each tool's users."""
    monkeypatch.setattr(suggest, "known", lambda *_: set())
    kind, found = answer(shlex.split(typed))
    if wanted.startswith("runs dpx "):
        assert (kind, found) == ("runs", parsed(shlex.split(wanted.removeprefix("runs dpx "))))
    else:
        assert (kind, found) == ("hint", wanted)


def test_there_are_enough_guesses() -> None:
    """Sixty at least, each once."""
    assert len({typed for typed, _ in GUESSES}) == len(GUESSES) >= 60


def typed_lines() -> Iterator[list[str]]:
    """Command lines with every word of the table, and each of several kinds of arguments."""
    for start in (*synonyms.PHRASES, *synonyms.GROUPS):
        for words in WORDS:
            yield [*start.split(), *words]
    groups = [name for name, entry in TABLE.items() if "commands" in entry]
    for number, group in enumerate((*groups, *synonyms.GROUPS)):
        for at, verb in enumerate(synonyms.VERBS):
            yield [group, verb, *WORDS[(number + at) % len(WORDS)]]


def test_every_hint_can_be_pasted(monkeypatch: pytest.MonkeyPatch) -> None:
    """It exists, it parses, and it deletes only if a word that says so was typed."""
    monkeypatch.setattr(suggest, "known", lambda *_: set())
    for words in typed_lines():
        try:
            main.parse_line(words)
        except UsageError as error:
            hint = error.hint
        else:
            continue
        assert hint, words
        assert SECRET not in hint or "dpx env set" not in hint, words
        found = re.search(r"Run: (dpx .*)", hint)
        if found is None:
            assert re.search(r"Use |Pass ", hint), (words, hint)
            continue
        again = main.parse_line(shlex.split(found[1])[1:])
        path = " ".join(filter(None, getattr(again, "path", ())))
        if isinstance(again, parser.Call) and path in DELETING:
            assert synonyms.DESTRUCTIVE & set(words), (words, hint)


def test_what_runs_only_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """A synonym never runs a command that changes anything; `env rm` asks, whatever it's called."""
    monkeypatch.setattr(suggest, "known", lambda *_: set())
    for words in typed_lines():
        try:
            found = parser.route(words)
        except parser.Mistake:
            found = None
        if found is not None:
            continue  # dpx's own words
        try:
            call = main.parse_line(words)
        except UsageError:
            continue
        if isinstance(call, parser.Call):
            path = " ".join(filter(None, call.path))
            assert call.command["effect"] == "read" or path in {*synonyms.READS, "env rm"}, words


@pytest.mark.parametrize(
    ("words", "never"),
    [
        (["env", "unset", "A"], "env set"),
        (["deploy", "--wait"], "--no-wait"),
        (["projects", "list", "--unlimit", "3"], "--limit"),
        (["env", "run"], "env rm"),
        (["env", "rn"], "env rm"),
        (["projects", "relate", "docs"], "delete"),
    ],
)
def test_a_hint_never_names_the_opposite(words: list[str], never: str) -> None:
    """Nor something that deletes, for a word that does not say so."""
    kind, found = answer(words)
    assert kind == "hint"
    assert never not in found


def test_a_known_slug_is_a_project(dpx: Program) -> None:
    """The cache tells `deploy storefront` from `deploy main`; nothing is sent."""
    assert dpx("projects", "list").code == 0
    for words in (["deploy", "storefront"], ["deploy", "--no-wait", "storefront"]):
        result = dpx(*words)
        assert (result.code, result.out) == (2, ""), result
        assert "Run: dpx deploy --project storefront" in result.err
    assert "Run: dpx deploy --project docs --branch main --no-wait\n" in dpx("deploy", "docs", "main", "--no-wait").err
    assert "--branch main --project docs" in dpx("deploy", "main", "--project", "docs").err
    assert "Run: dpx deploy get --latest --project docs\n" in dpx("logs", "docs").err


def test_a_synonym_runs(dpx: Program) -> None:
    """As the command itself does, in every format."""
    for words, own in (
        (["project", "ls"], ["projects", "list"]),
        (["projects", "show", "docs", "--json"], ["projects", "get", "docs", "--json"]),
        (["members", "acme", "-q"], ["orgs", "members", "acme", "-q"]),
        (["deployments", "-p", "docs"], ["deploy", "list", "-p", "docs"]),
        (["version"], ["--version"]),
        (["-V"], ["--version"]),
    ):
        result = dpx(*words)
        assert (result.code, result.err) == (0, ""), result
        assert result.out == dpx(*own).out


@pytest.mark.parametrize(
    "words",
    [
        ["env", "add", "KEY", SECRET],
        ["env", "add", SECRET],
        ["env", "add", f"KEY={SECRET}", "OTHER=x"],
        ["env", "add", "KEY", f"--{SECRET}"],
        ["env", "add", "KEY", f"-{SECRET}"],
        ["env", f"KEY={SECRET}"],
        ["env", "new", "KEY", SECRET, "--target", "preview"],
        ["env", "unset", f"KEY={SECRET}"],
        ["env", "rmeove", f"KEY={SECRET}"],
        ["config:set", f"KEY={SECRET}"],
        ["secrets", "set", f"KEY={SECRET}"],
        ["variables", "--set", f"KEY={SECRET}"],
        ["set", "KEY", SECRET],
        ["env", "stt", "KEY", SECRET],
        ["envv", "set", "KEY", SECRET],
        ["auth", f"dpx_{SECRET}"],
        ["auth", "token", f"dpx_{SECRET}"],
        [f"dpx_{SECRET}"],
        ["projects", "get", "docs", f"dpx_{SECRET}"],
        ["projects", "rm", f"dpx_{SECRET}"],
        ["deploy", f"dpx_{SECRET}"],
        ["projects", "list", f"--dpx_{SECRET}"],
        ["projects", "list", "--token", SECRET],
        ["--token", SECRET, "projects", "list"],
        ["projects", "list", "--limit", f"dpx_{SECRET}"],
        ["signin", SECRET],
        ["signin", "--token", SECRET],
        ["listen", "--secret", SECRET],
        ["curl", "/x", "-f", f"token={SECRET}"],
    ],
    ids=" ".join,
)
def test_a_hint_never_repeats_a_value(dpx_offline: Program, words: list[str]) -> None:
    """Exit 2, one error and one hint."""
    result = dpx_offline(*words)
    assert (result.code, result.out) == (2, ""), result
    assert SECRET not in result.err
    assert len(result.err.splitlines()) == 2
    error = json.loads(dpx_offline(*words, "--json").err)["error"]
    assert error["code"] == "usage"
    assert SECRET not in json.dumps(error)
