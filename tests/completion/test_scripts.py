"""The completion scripts in the real shells: typed, completed with TAB, and read from the screen."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import shells

from dpx_cli import completion

if TYPE_CHECKING:
    from tests.completion.conftest import Desk

SCRIPTS = Path(__file__).parents[2] / "completions"

# What is typed, and what the line is after a TAB; None: as it was.
LINES = (
    ("dpx whoa", "dpx whoami "),
    ("dpx-cli proj", "dpx-cli projects "),
    ("dpx nothing", None),
    ("dpx --profile=work deploy li", "dpx --profile=work deploy list "),
    ("dpx deploy list --status=buil", "dpx deploy list --status=BUILDING "),
    ("dpx env import x --target preview,pro", "dpx env import x --target preview,production "),
    ("dpx env import x --target=preview,pro", "dpx env import x --target=preview,production "),
    ("dpx env import setti", "dpx env import settings.env "),
    ("dpx env set K --from-file setti", "dpx env set K --from-file settings.env "),
    ("dpx env set K --from-file=setti", "dpx env set K --from-file=settings.env "),
    ("dpx sandbox run -- dpx proj", "dpx sandbox run -- dpx projects "),
    ("dpx sandbox run -- mkfif", "dpx sandbox run -- mkfifo "),
    ("dpx deploy --project 'a;b' --bran", "dpx deploy --project 'a;b' --branch "),
    ('dpx deploy --message "it\'s" --bran', 'dpx deploy --message "it\'s" --branch '),
    ("dpx deploy --message a:b=c --bran", "dpx deploy --message a:b=c --branch "),
    ("dpx deploy --project sto", "dpx deploy --project storefront "),
    ("dpx deploy --project=sto", "dpx deploy --project=storefront "),
    ("dpx deploy -psto", "dpx deploy -pstorefront "),
    ("dpx projects get STO", "dpx projects get storefront "),
    ('dpx projects get "sto', 'dpx projects get "storefront" '),
    ("dpx env rm --project='storefront' DATA", "dpx env rm --project='storefront' DATABASE_URL "),
    ("dpx deploy --branch feat", "dpx deploy --branch feature/one "),
    ("dpx deploy --branch=feat", "dpx deploy --branch=feature/one "),
)


@pytest.mark.parametrize(("typed", "wanted"), LINES, ids=[typed for typed, _ in LINES])
def test_a_line_is_completed(desk: Desk, typed: str, wanted: str | None) -> None:
    """Commands, options, fixed values, files, and names that dpx remembers."""
    assert desk.shell.line(typed) == (typed if wanted is None else wanted)
    assert len(desk.calls()) <= 1


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("dpx ", [""]),
        ("dpx projects ge", ["projects", "ge"]),
        ("dpx deploy --message 'two words' --bran", ["deploy", "--message", "two words", "--bran"]),
        ("dpx deploy --message a:b=c --bran", ["deploy", "--message", "a:b=c", "--bran"]),
        ("dpx api -H 'X: 1' ", ["api", "-H", "X: 1", ""]),
        ("dpx deploy --project=sto", ["deploy", "--project=sto"]),
        ("dpx deploy list --status=", ["deploy", "list", "--status="]),
        ("true && A=1 dpx pro", ["pro"]),
    ],
)
def test_dpx_is_given_the_words_up_to_the_cursor(desk: Desk, typed: str, words: list[str]) -> None:
    """Without their quotes, and put together again where the shell has taken them apart."""
    desk.shell.line(typed)
    assert desk.calls() == [["__complete", *words]]


def test_commands_and_options_are_listed_with_what_they_do(desk: Desk) -> None:
    """And options that would contradict the line are not."""
    shown = desk.shell.listed("dpx orgs ", "members")
    assert {"list", "get"} <= set(shown.split())
    assert "List the organizations you belong to" in shown
    shown = desk.shell.listed("dpx projects list --json --limit 1 --", "--cursor")
    assert "Organization slug" in shown
    assert not {"--jsonl", "--quiet"} & set(shown.split())


def test_deployments_are_listed_newest_first_with_status_branch_and_age(desk: Desk) -> None:
    """The order is that of the list, not the alphabet's; and the ID is what is inserted."""
    shown = desk.shell.listed("dpx deploy get clm1", desk.deployments[-1])
    at = [shown.index(one) for one in desk.deployments]
    assert at == sorted(at)
    assert "READY main" in shown
    only = desk.deployments[0]
    assert desk.shell.line(f"dpx deploy get {only[:-1]}") == f"dpx deploy get {only} "


def test_a_hostile_name_is_not_offered(desk: Desk) -> None:
    """Nothing that a shell could take for more than a name comes out of the cache."""
    shown = desk.shell.listed("dpx projects get ", "storefront")
    assert "docs" in shown
    offered = shown.partition("dpx projects get")[2]
    for text in ("touch", "pwned", "ore", "`", ";", "'", '"', "\\", "-st", "~st"):
        assert text not in offered.replace("storefront", "")
    assert desk.shell.line("dpx projects get st") == "dpx projects get storefront "
    assert not (desk.cwd / "pwned").exists()


def test_a_menu_inserts_candidates_without_descriptions(desk: Desk) -> None:
    """If the shell inserts one candidate after the other, only the name is inserted."""
    before, after, typed = {
        "bash": ("bind 'TAB: menu-complete'", "bind 'TAB: complete'", "dpx orgs "),
        "zsh": ("bindkey '^I' menu-complete", "bindkey '^I' expand-or-complete", "dpx orgs "),
        "fish": ("true", "true", "dpx orgs \t"),  # the first TAB opens the menu
    }[desk.shell.name]
    desk.shell.run(before)
    try:
        assert desk.shell.line(typed).rstrip() == "dpx orgs list"
    finally:
        desk.shell.run(after)


def test_what_is_on_the_line_is_never_run(desk: Desk) -> None:
    """Completing a line must not do what the line only would do."""
    for word in ("$(touch pwned)", "`touch pwned`", "(touch pwned)", "'$(touch pwned)'", "$HOME[(touch pwned)]"):
        desk.shell.line(f"dpx env rm --project {word} DATA")
        desk.shell.line(f"dpx deploy --project={word} --bran")
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
def test_the_copies_for_packagers_are_the_scripts(shell: str) -> None:
    """Otherwise: dpx completion SHELL > completions/FILE. And they are short."""
    script = (SCRIPTS / completion.FILES[shell]).read_bytes()
    assert script == completion.script(shell)
    assert script.count(b"\n") <= 70


def test_the_powershell_script_is_ascii_and_balanced() -> None:
    """No PowerShell is at hand to run it; what can be told from the text is."""
    text = completion.script("powershell").decode("ascii")
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    outside = "".join(code.split("'")[::2])
    for opening, closing in ("{}", "()", "[]"):
        assert outside.count(opening) == outside.count(closing)


def test_zsh_may_read_the_script_before_compinit() -> None:
    """It says nothing then, and dpx is completed as soon as compinit has run, with its own options."""
    if not shells.is_installed("zsh"):
        pytest.skip("zsh is NOT INSTALLED: its completion is not tested")
    for then, registered in (("", ""), ("autoload -Uz compinit; compinit -D -i;", "_dpx")):
        done = subprocess.run(
            ["zsh", "-fc", f"source {SCRIPTS / '_dpx'}; {then} print -r -- ${{_comps[dpx]}}"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, f"{registered}\n", "")


@pytest.mark.posix
@pytest.mark.parametrize(
    ("typed", "replies"),
    [("dpx env import ", ["a\\ b.env", "\\$\\(id\\).env"]), ("dpx env import a", ["a\\ b.env"])],
)
def test_bash_without_compopt_is_offered_quoted_file_names(tmp_path: Path, typed: str, replies: list[str]) -> None:
    """As in version 3.2, where no other part of bash quotes them."""
    for name in ("a b.env", "$(id).env"):
        (tmp_path / name).touch()
    words = typed.split(" ")
    script = f"""
        compopt() {{ return 1; }}; dpx() {{ echo :file; }}; command() {{ "$@"; }}
        source {SCRIPTS / "dpx.bash"}
        COMP_LINE={shlex.quote(typed)} COMP_POINT={len(typed)} COMP_WORDS=({shlex.join(words)})
        COMP_CWORD={len(words) - 1}
        set -u; _dpx; printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (sorted(done.stdout.splitlines()), done.stderr) == (sorted(replies), "")
