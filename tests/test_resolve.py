"""Which project is meant: by id, slug or org/slug; what is looked up, remembered, forgotten, and never sent."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import fault_server as faults
import pytest
from fault_server import OTHER, PROJECT, TOKEN, FaultServer

if TYPE_CHECKING:
    from pathlib import Path

    from dpx_cli.sandbox.server import Sandbox
    from tests.conftest import Program

GET = ("projects", "get")


def asked(server: FaultServer) -> list[str]:
    """The paths that were asked for since the last time."""
    found = [request.path for request in server.requests]
    server.requests.clear()
    return found


def link(folder: Path, content: object) -> Path:
    """Write a link file, as it may come with a checkout."""
    path = folder / ".deploxa" / "project.json"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def test_an_id_is_used_as_it_is(here: Program, server: FaultServer) -> None:
    """Nothing is looked up and nothing remembered."""
    assert here(*GET, PROJECT).code == 0
    assert asked(server) == [f"/projects/{PROJECT}"]


def test_a_slug_is_looked_up_once(here: Program, server: FaultServer) -> None:
    """And remembered for the next run."""
    assert here(*GET, "shop").code == 0
    assert asked(server) == ["/projects", f"/projects/{PROJECT}"]
    assert here(*GET, "shop").code == 0
    assert asked(server) == [f"/projects/{PROJECT}"]


def test_another_token_looks_it_up_itself(here: Program, server: FaultServer) -> None:
    """It may see another project of that slug."""
    here(*GET, "shop")
    asked(server)
    assert here(*GET, "shop", env={"DPX_TOKEN": "dpx_other"}).code == 4
    assert asked(server) == ["/projects"]


def test_a_remembered_id_that_is_gone_is_looked_up_again(here: Program, server: FaultServer) -> None:
    """The project was made anew under the same slug; it is found, once, and remembered."""
    here(*GET, "shop")
    server.projects[0]["id"] = OTHER
    asked(server)
    done = here(*GET, "shop", "--json")
    assert done.json["id"] == OTHER
    assert asked(server) == [f"/projects/{PROJECT}", "/projects", f"/projects/{OTHER}"]
    here(*GET, "shop")
    assert asked(server) == [f"/projects/{OTHER}"]


def test_a_remembered_project_that_was_deleted_is_not_found(here: Program, server: FaultServer) -> None:
    """After one more look."""
    here(*GET, "shop")
    server.projects.clear()
    asked(server)
    done = here(*GET, "shop", "--json")
    assert (done.code, done.out, done.error["code"]) == (3, "", "not_found"), done
    assert asked(server) == [f"/projects/{PROJECT}", "/projects"]


def test_a_404_of_something_else_is_no_reason_to_do_it_twice(here: Program, server: FaultServer) -> None:
    """The variable is missing, not the project."""
    here("env", "list", "-p", "shop")
    asked(server)
    assert here("env", "rm", "NONE", "-p", "shop", "--yes").code == 3
    assert asked(server) == [f"/projects/{PROJECT}/env-vars/NONE", "/projects"]


def test_a_deployment_of_a_stale_slug_is_made_once_and_of_the_right_project(here: Program, server: FaultServer) -> None:
    """The list before the POST finds it out."""
    here(*GET, "shop")
    server.projects[0]["id"] = OTHER
    done = here("deploy", "-p", "shop", "--no-wait")
    assert done.code == 0, done
    assert [r.path for r in server.requests if r.method == "POST"] == [f"/projects/{OTHER}/deployments"]
    assert server.made == 1


def test_a_slug_that_fits_several_is_an_error_that_lists_them(here: Program, server: FaultServer) -> None:
    """And nothing is done to any."""
    server.projects.append({"id": OTHER, "name": "Other shop", "slug": "shop"})
    done = here("projects", "delete", "shop", "--yes", "--json")
    assert (done.code, done.out) == (2, ""), done
    assert PROJECT in done.error["message"]
    assert OTHER in done.error["message"]
    assert len(server.projects) == 2
    server.on("GET", "/projects", faults.reply(200, {"data": []}), skip=1)
    done = here("projects", "delete", "shop", "--yes", "--json", env={"DPX_ORG": "initech"})
    assert (done.code, done.out) == (2, ""), done


def test_org_and_slug_ask_for_that_organization(here: Program, server: FaultServer) -> None:
    """And are remembered by both."""
    here(*GET, "acme/shop")
    assert server.requests[0].query["org"] == "acme"
    asked(server)
    here(*GET, "acme/shop")
    assert asked(server) == [f"/projects/{PROJECT}"]
    here(*GET, "globex/shop")
    assert server.requests[0].query["org"] == "globex"


def test_a_slug_that_fits_several_is_the_default_organizations(here: Program, server: FaultServer) -> None:
    """Where there is one."""
    both = [{"id": PROJECT, "slug": "shop"}, {"id": OTHER, "slug": "shop"}]
    server.on("GET", "/projects", faults.reply(200, {"data": both}), times=1)
    done = here(*GET, "shop", "--json", env={"DPX_ORG": "acme"})
    assert done.code == 0, done
    assert [request.query.get("org") for request in server.requests] == [None, "acme", None]
    asked(server)
    server.on("GET", "/projects", faults.reply(200, {"data": both}), times=1)
    server.on("GET", "/projects", faults.reply(200, {"data": both[1:]}), times=1)
    server.projects.append(both[1])
    assert here(*GET, "shop", "--json", env={"DPX_ORG": "globex"}).json["id"] == OTHER


def test_a_slug_that_looks_like_an_id_is_found(here: Program, server: FaultServer) -> None:
    """Ids begin with c and are long; so may a slug."""
    server.projects.append({"id": OTHER, "slug": "customerportalbackend2"})
    assert here(*GET, "customerportalbackend2", "--json").json["id"] == OTHER
    done = here(*GET, "clm1thereisnosuchproject", "--json")
    assert (done.code, done.error["request"]) == (3, "GET /projects/clm1thereisnosuchproject"), done


def test_an_id_of_another_look_is_found_in_the_list(here: Program, server: FaultServer) -> None:
    """What ids look like is documented nowhere."""
    server.projects.append({"id": "prj_42", "slug": "other"})
    assert here(*GET, "prj_42", "--json").json["slug"] == "other"


def test_what_cannot_be_a_slug_is_an_id(here: Program, server: FaultServer) -> None:
    """It has a capital or a "_": it is asked for at once, and looked up only where it is not there."""
    server.projects += [{"id": "prj_Ab9", "slug": "other"}, {"id": OTHER, "slug": "Big_Shop"}]
    assert here(*GET, "prj_Ab9", "--json").json["slug"] == "other"
    assert asked(server) == ["/projects/prj_Ab9"]
    assert here(*GET, "Big_Shop", "--json").json["id"] == OTHER
    asked(server)
    here(*GET, "Big_Shop")
    assert asked(server) == [f"/projects/{OTHER}"]


def test_an_id_that_no_list_has_is_found_too(here: Program, server: FaultServer) -> None:
    """Nobody promises that every project is listed; it is remembered to be an id."""
    server.projects.append({"id": "p1", "slug": "other"})
    server.on("GET", "/projects", faults.reply(200, {"data": []}), times=1)
    assert here(*GET, "p1", "--json").json["slug"] == "other"
    assert asked(server) == ["/projects", "/projects/p1", "/projects/p1"]
    here(*GET, "p1")
    assert asked(server) == ["/projects/p1"]


def test_a_linked_id_is_never_taken_for_an_organization_and_slug(here: Program, server: FaultServer) -> None:
    """A link file comes with a checkout; an id with "/" in it is none."""
    link(here.cwd, {"projectId": "acme/shop"})
    done = here("deploy", "--no-wait")
    assert (done.code, done.out) == (2, ""), done
    assert server.connections == 0


def test_a_project_that_is_not_there_has_the_nearest_name_in_its_hint(here: Program) -> None:
    """Exit 3."""
    done = here(*GET, "shopp")
    assert (done.code, done.out) == (3, ""), done
    assert "hint: did you mean shop?" in done.err


def test_no_project_anywhere_is_a_usage_error_that_names_link(here: Program, server: FaultServer) -> None:
    """Before any request."""
    for words in (("deploy",), ("env", "list"), ("projects", "get"), ("deploy", "list"), ("status",)):
        done = here(*words)
        assert (done.code, done.out) == (2, ""), done
        assert "dpx link" in done.err
    assert server.connections == 0


@pytest.mark.parametrize("name", ["..", "a/..", "../a", "a/b/c", "/a", "a?b", "a#b", "%2e%2e", "a\nb", "a\udcff", ""])
def test_a_name_that_could_change_the_path_never_leaves(here: Program, server: FaultServer, name: str) -> None:
    """In an argument, in an option, in the environment and in the link file."""
    done = here(*GET, name)
    assert (done.code, done.out) == (2, ""), done
    assert here("env", "list", "-p", name).code == 2
    assert here("deploy", "--no-wait", env={"DPX_PROJECT": name}).code == 2
    link(here.cwd, {"projectId": name.encode("utf-8", "replace").decode()})
    assert here("deploy", "--no-wait").code in (1, 2)
    assert server.connections == 0


def test_precedence_flag_environment_link(here: Program, server: FaultServer) -> None:
    """Each goes before the next."""
    server.projects += [{"id": OTHER, "slug": "env"}, {"id": "clm1linkedprojectlinked1", "slug": "linked"}]
    link(here.cwd, {"projectId": "clm1linkedprojectlinked1", "projectSlug": "linked", "orgSlug": "acme"})
    below = here.cwd / "a" / "b"
    below.mkdir(parents=True)
    assert here(*GET, "--json").json["slug"] == "linked"
    here.cwd = below
    assert here(*GET, "--json").json["slug"] == "linked"
    assert here(*GET, "--json", env={"DPX_PROJECT": OTHER}).json["slug"] == "env"
    assert here("env", "list", "-p", PROJECT, env={"DPX_PROJECT": OTHER}).code == 0
    assert server.requests[-1].path == f"/projects/{PROJECT}/env-vars"


def test_the_link_files_id_is_used_as_it_is(here: Program, server: FaultServer) -> None:
    """Whatever it looks like: `dpx link` wrote it."""
    server.projects.append({"id": "prj_42", "slug": "other"})
    link(here.cwd, {"projectId": "prj_42"})
    assert here(*GET, "--json").json["slug"] == "other"
    assert asked(server) == ["/projects/prj_42"]


@pytest.mark.parametrize(
    "content",
    [b"{", b"", b"[]", b"null", b'{"projectSlug": "shop"}', b'{"projectId": 5}', b'{"projectId": ""}', b"[" * 65000,
     b'{"projectId": "x", "orgSlug": []}', b"\xff", b" " * 70_000],
)  # fmt: skip
def test_a_damaged_link_file_is_named_and_left_alone(here: Program, server: FaultServer, content: bytes) -> None:
    """Nothing is guessed in its stead, nothing overwrites it; a project that is named needs it not."""
    path = link(here.cwd, content)
    for words in (("deploy",), ("env", "list"), ("unlink",), ("link", "shop")):
        done = here(*words)
        assert (done.code, done.out) == (1, ""), done
        assert str(path) in done.err
    assert path.read_bytes() == content
    assert server.count("POST") == 0
    assert here("env", "list", "-p", "shop").code == 0
    assert here("deploy", "list", "-p", "shop").code == 0


@pytest.mark.parametrize("kind", ["device", "pipe", "folder", "loop", "nothing"])
def test_a_link_file_that_is_no_file_is_named(here: Program, kind: str) -> None:
    """A checkout may hold a symbolic link to an endless or silent one."""
    path = link(here.cwd, {})
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to({"device": "/dev/zero", "loop": str(path), "nothing": "/nowhere/at/all"}[kind])
    done = here("deploy", seconds=20)
    assert (done.code, done.out) == (1, ""), done
    assert str(path) in done.err


def test_a_link_file_names_no_url_and_no_token(here: Program, server: FaultServer) -> None:
    """Whatever else is in it is ignored: it may come with somebody's checkout."""
    with FaultServer() as other:
        extra = {
            "api_url": other.url, "apiUrl": other.url, "DPX_API_URL": other.url, "token": "dpx_evil", "profile": "evil",
            "timeout": 0, "caBundle": "/nowhere",
        }  # fmt: skip
        link(here.cwd, {"projectId": PROJECT, **extra})
        assert here(*GET).code == 0
        assert other.connections == 0
    assert server.requests[-1].headers["authorization"] == f"Bearer {TOKEN}"


def test_a_sandboxed_world_by_org_and_slug(dpx: Program, box: Sandbox) -> None:
    """The same against a server that knows organizations."""
    assert dpx(*GET, "acme/storefront", "--json").json["slug"] == "storefront"
    done = dpx(*GET, "globex/storefront")
    assert done.code == 3, done
    assert box.url
