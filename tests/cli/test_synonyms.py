"""What users of other tools type first: each is run, or answered with the command to paste."""

from __future__ import annotations

import re
import shlex
import sys
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
GUESSES = """\
ls | sites:list | apps | apps list | services | repo list | projects list --token abc => dpx projects list
projcts list => dpx projects list
deploy --prod | deploy . | --prod | up | deploys create => dpx deploy
redeploy | restart | deploy rerun => dpx deploy again
inspect clm1 | run view clm1 | deploy get --id clm1 => dpx deploy get clm1
logs clm1 | deploy logs => dpx deploy get --latest
rollback clm1 | run rerun clm1 => dpx deploy again clm1
promote clm1 | deploy promote => dpx deploy --branch BRANCH
rm docs | apps:destroy docs | projects rm docs | project delete docs | projcts rm docs => dpx projects delete docs
projects delte docs => dpx projects delete docs
remove docs --yes | repo delete docs --yes => dpx projects delete docs --yes
project ls => runs dpx projects list
project add shop | sites:create --name shop | apps create shop => dpx projects create shop
project rm shop | sites:delete shop => dpx projects delete shop
env ls => runs dpx env list
env add API_KEY | secret set API_KEY => dpx env set API_KEY
env add API_KEY production => dpx env set API_KEY --target production
env rm API_KEY production => runs dpx env rm API_KEY production
env pull .env.local | pull => dpx env example
teams ls | orgs create shop => dpx orgs list
switch work => dpx auth switch work
domains ls | alias set a b | certs ls | domains:add example.com | addons => dpx projects get
dev => dpx sandbox serve
env:set API_KEY secret => dpx env set API_KEY …
env:unset API_KEY | secrets unset API_KEY | env unset API_KEY | secrets delete API_KEY => dpx env rm API_KEY
env:import .env | secrets import .env | env import --file .env => dpx env import .env
env:get API_KEY | config | config:get API_KEY | variables | variable list => dpx env list
env list --site docs | env list docs => dpx env list --project docs
open:site | dashboard | browse => dpx open
create shop => dpx init shop
apps:info docs | repo view docs | get docs => dpx projects get docs
apps:rename docs manual => dpx projects update docs --name manual
config:set API_KEY=secret -a shop => dpx env set API_KEY=… --project shop
config:unset API_KEY -a shop => dpx env rm API_KEY --project shop
releases => dpx deploy list
releases:rollback v1 => dpx deploy again v1
ps | ps:scale web=1 | scale count 2 | ssh console => dpx status
run npm test => dpx sandbox run -- npm test
access => dpx orgs --help
launch => dpx init
new shop --org acme => dpx init shop --org acme
secrets set API_KEY=secret | variables --set API_KEY=secret | env API_KEY=secret => dpx env set API_KEY=…
secrets list -a shop => dpx env list --project shop
auth whoami => dpx auth status
version | -V => runs dpx --version
up --detach => dpx deploy --no-wait
down | run cancel clm1 | deploy cancel clm1 => dpx deploy list --status queued,building
init shop => runs dpx init shop
environment => runs dpx env --help
deploys list => runs dpx deploy list
services -o json | projects list --output json | --json projects list | projects --json list => dpx projects list --json
projects list -o json | projects list --format json => dpx projects list --json
run list -L 5 => dpx deploy list --limit 5
run watch clm1 => dpx deploy wait clm1
auth refresh => dpx auth login
org list => runs dpx orgs list
listen --forward-to localhost:3000 => dpx webhook listen --forward-to localhost:3000
trigger deployment.ready => dpx webhook send deployment.ready --to URL
events => dpx webhook events
events resend file.json | webhook resend file.json => dpx webhook replay file.json --to URL
projects rm 'a b' => dpx projects delete 'a b'
projects new shop --org acme => dpx projects create shop --org acme
projects show docs | projects info docs => runs dpx projects get docs
projects view docs --json => runs dpx projects get docs --json
env add API_KEY secret --target preview --sensitive => dpx env set API_KEY … --target preview --sensitive
env remove A B -p docs => runs dpx env rm A B -p docs
env delete API_KEY => runs dpx env rm API_KEY
projects uninstall docs => dpx projects --help
profile deactivate work => dpx profile --help
env get API_KEY -p docs | -p docs env list => dpx env list -p docs
members acme => runs dpx orgs members acme
deployments -p docs => runs dpx deploy list -p docs
deployment show clm1 => runs dpx deploy get clm1
deployments main | deploy main => dpx deploy --branch main
deploy feature/x --no-wait => dpx deploy --branch feature/x --no-wait
deploy --no-wait main => dpx deploy --branch main --no-wait
logs -a docs => dpx deploy get --latest --project docs
deploy rollback => dpx deploy again ID
deploy --json list => dpx deploy list --json
--profile work projects rm docs => dpx projects delete docs --profile work
projects list --format=jsonl => dpx projects list --jsonl
-v => dpx --version
projects lsit --limt 3 => dpx projects list --limit 3
whoami --format json => dpx whoami --json
qqqq => dpx --help
deploy \u2013\u2013branch main | deploy \u2014branch main | deploy -branch main => dpx deploy --branch main
deploy prod | deploy production | deploy -y | deploy --yes => dpx deploy
deploy open => dpx open
deploy undo | undo => dpx deploy again ID
deploy latest => dpx deploy get --latest
env run -- npm start | exec npm start => dpx sandbox run -- npm start
ps:restart => dpx deploy again
members:add => dpx orgs members
profile current => dpx profile list
profile activate work => dpx profile use work
apply --auto-approve | apply -auto-approve => dpx apply --yes
enviroment list => dpx env list
vercel deploy => dpx help coming-from deploy
update docs | projects upgrade docs => dpx projects update docs
state list | ps list | status docs shop => dpx status --help
plans show => dpx plan --help
info -a docs | projects get --slug docs => dpx projects get --project docs
rename shop -a docs => dpx projects update --name shop --project docs
rename docs --name shop => dpx projects update docs --name shop
trigger deployment.ready --to localhost:1 => dpx webhook send deployment.ready --to localhost:1
projects update docs name=shop => dpx projects update --help
projects list help => dpx projects list --help
ci gitlab => dpx ci setup gitlab
env list --target production preview => dpx env list --target production --target preview
deploy gte clm1 => dpx deploy get clm1
env rotat API_KEY | env rotat API_KEY=secret => dpx env rotate API_KEY
--verison => dpx --version
deploy help | deploy version => runs dpx deploy --help
"""
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


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        (typed, wanted)
        for line in GUESSES.splitlines()
        for phrases, _, wanted in [line.partition(" => ")]
        for typed in phrases.split(" | ")
    ],
)
def test_a_first_guess_does_what_was_meant_or_prints_it(
    typed: str, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of each tool's users."""
    monkeypatch.setattr(suggest, "known", lambda *_: set())
    monkeypatch.setattr(sys, "platform", "linux")  # for its quotes
    kind, found = answer(shlex.split(typed))
    if wanted.startswith("runs dpx "):
        assert (kind, found) == ("runs", parsed(shlex.split(wanted.removeprefix("runs dpx "))))
    else:
        assert (kind, found) == ("hint", wanted)


def typed_lines() -> Iterator[list[str]]:
    """Command lines with every word of the table, and each of several kinds of arguments."""
    for start in (*synonyms.PHRASES, *synonyms.GROUPS):
        for words in WORDS:
            yield [*start.split(), *words]
    groups = [name for name, entry in TABLE.items() if "commands" in entry]
    for number, group in enumerate((*groups, *synonyms.GROUPS)):
        for at, verb in enumerate(synonyms.VERBS):
            yield [group, verb, *WORDS[(number + at) % len(WORDS)]]


def test_a_synonym_only_reads_and_a_hint_can_be_pasted(monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs reads (`env rm` asks); a hint's command parses, and deletes only if a word that says so was typed."""
    monkeypatch.setattr(suggest, "known", lambda *_: set())
    for words in typed_lines():
        try:
            call = main.parse_line(words)
        except UsageError as error:
            assert_can_be_pasted(words, str(error.hint))
        else:
            if isinstance(call, parser.Call) and not is_own(words):
                path = " ".join(filter(None, call.path))
                assert call.command["effect"] == "read" or path in {*synonyms.READS, "env rm"}, words


def is_own(words: list[str]) -> bool:
    """Return whether a command line begins with a command of dpx."""
    try:
        return bool(parser.route(words))
    except parser.Mistake:
        return False


def assert_can_be_pasted(words: list[str], hint: str) -> None:
    """Check the command of a hint."""
    assert hint, words
    assert SECRET not in hint or "dpx env set" not in hint, words
    found = re.search(r"Run: (dpx .*)", hint)
    if found is None:
        assert re.search(r"Use |Pass ", hint), (words, hint)
        return
    again = main.parse_line(shlex.split(found[1])[1:])
    path = " ".join(filter(None, getattr(again, "path", ())))
    if isinstance(again, parser.Call) and path in DELETING:
        assert synonyms.DESTRUCTIVE & set(words), (words, hint)


@pytest.mark.parametrize(
    ("words", "never"),
    [
        (["env", "unset", "A"], "env set"),
        (["deploy", "--wait"], "--no-wait"),
        (["projects", "list", "--unlimit", "3"], "--limit"),
        (["projects", "list", "--no-json"], "--jsonl?"),
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
