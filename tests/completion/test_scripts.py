"""The completion scripts in the real shells: typed, completed with TAB, and read from the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dpx_cli import completion

if TYPE_CHECKING:
    from tests.completion.conftest import Desk

# What is typed, and what the line is after a TAB; None: as it was.
STATIC = (
    ("dpx whoa", "dpx whoami "),
    ("dpx proj", "dpx projects "),
    ("dpx nothing", None),
    ("dpx projects up", "dpx projects update "),
    ("dpx projects nothing ", None),
    ("dpx deploy l", "dpx deploy list "),
    ("dpx deploy --br", "dpx deploy --branch"),
    ("dpx deploy --branch main l", None),
    ("dpx --profile work --deb", "dpx --profile work --debug "),
    ("dpx --profile work deploy li", "dpx --profile work deploy list "),
    ("dpx --profile=work deploy li", "dpx --profile=work deploy list "),
    ("dpx --debug projects cr", "dpx --debug projects create "),
    ("dpx deploy list --status buil", "dpx deploy list --status BUILDING "),
    ("dpx deploy list --status BUIL", "dpx deploy list --status BUILDING "),
    ("dpx deploy list --status=buil", "dpx deploy list --status=BUILDING "),
    ("dpx projects create x --framework next", "dpx projects create x --framework NEXTJS "),
    ("dpx webhook send deployment.rol", "dpx webhook send deployment.rollback "),
    ("dpx projects list --json --json", None),
    ("dpx projects list --json --qui", None),
    ("dpx projects list -q --js", None),
    ("dpx projects list --lim", "dpx projects list --limit"),
    ("dpx projects list --limit 3 --lim", None),
    ("dpx env set K v --target preview --targ", "dpx env set K v --target preview --target"),
    ("dpx env import setti", "dpx env import settings.env "),
    ("dpx env set K --from-file setti", "dpx env set K --from-file settings.env "),
    ("dpx env set K --from-file=setti", "dpx env set K --from-file=settings.env "),
    ("dpx projects list setti", None),
    ("dpx deploy -- --br", None),
    ("dpx projects get -- ", None),
    ("dpx sandbox run -- dpx proj", "dpx sandbox run -- dpx projects "),
    (
        "dpx sandbox run --slots 1 -- dpx deploy list --status buil",
        "dpx sandbox run --slots 1 -- dpx deploy list --status BUILDING ",
    ),
    ("dpx completion install powe", "dpx completion install powershell "),
    ("dpx help exit", "dpx help exit-codes "),
    ("dpx help projects upd", "dpx help projects update "),
    ("dpx __comp", None),
    ("dpx deploy --project 'a;b' --bran", "dpx deploy --project 'a;b' --branch"),
    ('dpx deploy --message "it\'s" --bran', 'dpx deploy --message "it\'s" --branch'),
)


@pytest.mark.parametrize(("typed", "wanted"), STATIC, ids=[typed for typed, _ in STATIC])
def test_what_is_known_beforehand_is_completed_without_starting_dpx(desk: Desk, typed: str, wanted: str | None) -> None:
    """Groups, commands, options, fixed values and files."""
    line = desk.shell.line(typed)
    if wanted and wanted.rpartition(" ")[2].startswith("--"):
        # zsh goes on with "=", the others with a space; both are the option's spelling.
        assert line in {f"{wanted} ", f"{wanted}="}
    else:
        assert line == (typed if wanted is None else wanted)
    assert desk.calls() == []


DYNAMIC = (
    ("dpx deploy --project sto", "dpx deploy --project storefront ", "project"),
    ("dpx deploy --project=sto", "dpx deploy --project=storefront ", "project"),
    ("dpx deploy -p sto", "dpx deploy -p storefront ", "project"),
    ("dpx deploy -psto", "dpx deploy -pstorefront ", "project"),
    ("dpx projects get sto", "dpx projects get storefront ", "project"),
    ("dpx projects list --org glo", "dpx projects list --org globex ", "org"),
    ("dpx orgs members ac", "dpx orgs members acme ", "org"),
    ("dpx env rm -p storefront DATA", "dpx env rm -p storefront DATABASE_URL ", "key --project storefront"),
    (
        "dpx env rm --project=storefront DATA",
        "dpx env rm --project=storefront DATABASE_URL ",
        "key --project storefront",
    ),
    ("dpx --profile wo", "dpx --profile work ", "profile"),
    ("dpx profile use wo", "dpx profile use work ", "profile"),
    (
        "dpx --profile=work env rm -p storefront DATA",
        "dpx --profile=work env rm -p storefront DATABASE_URL ",
        "key --profile work --project storefront",
    ),
    ("dpx env set -p storefront DATA", "dpx env set -p storefront DATABASE_URL ", "key --project storefront"),
    ("dpx sandbox run -- dpx projects get sto", "dpx sandbox run -- dpx projects get storefront ", "project"),
)


@pytest.mark.parametrize(("typed", "wanted", "asked"), DYNAMIC, ids=[typed for typed, *_ in DYNAMIC])
def test_remembered_names_are_asked_of_dpx_once(desk: Desk, typed: str, wanted: str, asked: str) -> None:
    """By the hidden entry, with as much of the line as names depend on."""
    assert desk.shell.line(typed) == wanted
    assert desk.calls() == [f"__complete {asked}"]


def test_a_value_of_a_variable_is_not_completed(desk: Desk) -> None:
    """What follows a key may be its value, which is nobody's to look at."""
    assert desk.shell.line("dpx env set -p storefront KEY DATA") == "dpx env set -p storefront KEY DATA"
    assert desk.calls() == []


def test_commands_are_listed_with_what_they_do(desk: Desk) -> None:
    """In bash by name alone."""
    shown = desk.shell.listed("dpx orgs ", "members")
    assert "list" in shown
    assert "get" in shown
    assert ("List the organizations you belong to" in shown) == (desk.shell.name != "bash")


def test_options_are_listed_with_what_they_do(desk: Desk) -> None:
    """And those that would contradict the line are not."""
    shown = desk.shell.listed("dpx projects list --json --limit 1 --", "--cursor")
    assert "--org" in shown
    assert not {"--jsonl", "--quiet", "--help  -h"} & set(shown.split())
    assert ("Organization slug" in shown) == (desk.shell.name != "bash")


def test_a_hostile_name_is_not_offered(desk: Desk) -> None:
    """Nothing that a shell could take for more than a name comes out of the cache."""
    shown = desk.shell.listed("dpx projects get ", "storefront")
    assert "docs" in shown
    offered = shown.partition("dpx projects get")[2]
    for text in ("touch", "pwned", "ore", "`", ";", "'", '"', "\\", "-st", "~st"):
        assert text not in offered.replace("storefront", "")
    assert desk.shell.line("dpx projects get st") == "dpx projects get storefront "
    assert not (desk.cwd / "pwned").exists()


@pytest.mark.parametrize(
    "word", ["$(touch pwned)", "`touch pwned`", "(touch pwned)", "'$(touch pwned)'", "$HOME[(touch pwned)]"]
)
def test_what_is_on_the_line_is_never_run(desk: Desk, word: str) -> None:
    """Completing a line must not do what the line only would do."""
    desk.shell.line(f"dpx env rm --project {word} DATA")
    desk.shell.line(f"dpx deploy --project={word} --bran")
    desk.shell.line(f"dpx --profile {word} projects get sto")
    desk.shell.line(f"dpx sandbox run -- dpx env rm -p {word} ")
    assert not (desk.cwd / "pwned").exists()


def test_it_is_silent_where_dpx_is_gone(desk: Desk) -> None:
    """No error in the middle of a half-typed line."""
    desk.shell.run("set SAVED $PATH; set PATH /nowhere" if desk.shell.name == "fish" else "SAVED=$PATH; PATH=/nowhere")
    try:
        shown = desk.shell.line("dpx projects get sto")
    finally:
        desk.shell.run("set PATH $SAVED" if desk.shell.name == "fish" else "PATH=$SAVED")
    assert shown == "dpx projects get sto"


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_the_files_are_what_the_program_makes(shell: str) -> None:
    """Otherwise: python -m dpx_cli.cli.build_table."""
    from tests.completion.conftest import SCRIPTS

    assert (SCRIPTS / completion.FILES[shell]).read_bytes() == completion.script(shell)


def test_the_powershell_script_is_ascii_and_balanced() -> None:
    """No PowerShell is at hand to run it; what can be told from the text is."""
    text = completion.script("powershell").decode("ascii")
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    outside = "".join(code.split("'")[::2])
    for opening, closing in ("{}", "()", "[]"):
        assert outside.count(opening) == outside.count(closing)
