"""The link file: what `dpx link` writes, where it is found, and that `dpx unlink` leaves nothing of it."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from program import git

from dpx_cli.config import link
from dpx_cli.config.settings import Settings
from dpx_cli.errors import Failed

if TYPE_CHECKING:
    from pathlib import Path

    from dpx_cli.config.link import Link
    from tests.conftest import Program


def find(cwd: str) -> Link | None:
    """Return the link of a directory."""
    return Settings({}, cwd=cwd).link


def test_what_is_written(tmp_path: Path) -> None:
    """The three names and nothing else, no null; the folder keeps itself out of git. A link can be written anew."""
    link.write(str(tmp_path), "clm1b", None, None)
    assert json.loads((tmp_path / ".deploxa" / "project.json").read_bytes()) == {"projectId": "clm1b"}
    path = link.write(str(tmp_path), "clm1a", "shop", "acme")
    names = {"projectId": "clm1a", "projectSlug": "shop", "orgSlug": "acme"}
    assert json.loads((tmp_path / ".deploxa" / "project.json").read_bytes()) == names
    assert (tmp_path / ".deploxa" / ".gitignore").read_text(encoding="utf-8") == "*\n"
    assert link.read(path) == (path, "clm1a", "shop", "acme")


@pytest.mark.parametrize("damage", ["{ my notes", "[]", '{"projectId": 1}', "null", ""])
def test_a_damaged_one_is_exit_2_and_blocks_neither_link_nor_unlink(dpx: Program, damage: str) -> None:
    """The error names the file and the two commands; a damaged file is replaced or removed."""
    path = dpx.cwd / ".deploxa" / "project.json"

    def break_it() -> None:
        path.parent.mkdir(exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_text(damage, encoding="utf-8")

    break_it()
    done = dpx("deploy", "list")
    assert (done.code, str(dpx.cwd) in done.err, "dpx unlink" in done.err) == (2, False, True), done
    assert path.relative_to(dpx.cwd).as_posix() in done.err
    assert dpx("link", "storefront").code == 0
    assert json.loads(path.read_bytes())["projectSlug"] == "storefront"
    break_it()
    assert dpx("unlink").code == 0
    assert not path.parent.exists()


@pytest.mark.posix
def test_a_link_file_is_private_and_deploxa_toml_follows_the_umask(dpx: Program) -> None:
    """The former is for its owner only, the latter for everybody who may read the checkout."""
    assert dpx("init", "one", "-y").code == 0
    (dpx.cwd / "mine").touch()
    assert (dpx.cwd / "deploxa.toml").stat().st_mode == (dpx.cwd / "mine").stat().st_mode
    assert dpx("link", "storefront").code == 0
    assert (dpx.cwd / ".deploxa").stat().st_mode & 0o777 == 0o700
    assert (dpx.cwd / ".deploxa" / "project.json").stat().st_mode & 0o777 == 0o600


def test_removing_takes_the_folder_where_it_is_empty(tmp_path: Path) -> None:
    """And leaves what else is in it."""
    found = link.write(str(tmp_path), "clm1a", None, None)
    (tmp_path / ".deploxa" / "mine").write_text("", encoding="utf-8")
    link.remove(found)
    assert sorted(os.listdir(tmp_path / ".deploxa")) == [".gitignore", "mine"]
    (tmp_path / ".deploxa" / "mine").unlink()
    link.remove(link.write(str(tmp_path), "clm1a", None, None))
    assert os.listdir(tmp_path) == []


@pytest.mark.posix
@pytest.mark.parametrize("name", [".deploxa", ".deploxa/project.json", ".deploxa/.gitignore"])
def test_a_symbolic_link_is_not_followed(tmp_path: Path, name: str) -> None:
    """It comes with a checkout, and would have us replace or remove whatever it leads to."""
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "project.json").write_text('{"projectId": "clm1"}', encoding="utf-8")
    work = tmp_path / "work"
    (work / name).parent.mkdir(parents=True)
    (work / name).symlink_to(mine if name == ".deploxa" else mine / "project.json")
    with pytest.raises(Failed, match="symbolic link"):
        link.write(str(work), "clm1a", None, None)
    if name == ".deploxa":
        with pytest.raises(Failed, match="symbolic link"):
            link.remove(str(work / ".deploxa" / "project.json"))
    assert (mine / "project.json").read_bytes() == b'{"projectId": "clm1"}'


@pytest.mark.root
def test_a_link_that_a_stranger_put_into_a_folder_open_to_all_is_not_looked_at(tmp_path: Path) -> None:
    """As in /tmp; one in a checkout that is wholly somebody else's is, as in a container."""
    below = tmp_path / "work"
    below.mkdir()
    link.write(str(tmp_path), "clm1a", None, None)
    os.chown(tmp_path / ".deploxa", 65534, 65534)
    assert find(str(below)) is not None
    tmp_path.chmod(0o1777)
    assert find(str(below)) is None
    os.chown(tmp_path, 65534, 65534)
    assert find(str(below)) is not None


def test_link_and_unlink(dpx: Program) -> None:
    """As a user does it, in a repository, whose status stays clean."""
    git(dpx.cwd, "init", "-q")
    done = dpx("link", "acme/storefront")
    assert (done.code, done.out, "Linked" in done.err) == (0, "", True), done
    content = json.loads((dpx.cwd / ".deploxa" / "project.json").read_bytes())
    assert (content["projectSlug"], content["orgSlug"], len(content)) == ("storefront", "acme", 3)
    assert git(dpx.cwd, "status", "--porcelain") == ""
    assert dpx("projects", "get", "--json").json["slug"] == "storefront"
    assert dpx("unlink").code == 0
    assert not (dpx.cwd / ".deploxa").exists()
    assert dpx("unlink").code == 3
