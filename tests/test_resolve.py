"""Which project is meant: by id, slug or org/slug; what is looked up, remembered, forgotten, and never sent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import fault_server as faults
import pytest
from fault_server import OTHER, PROJECT, TOKEN, FaultServer

from dpx_cli.cli.main import make_screen
from dpx_cli.errors import NotFound
from dpx_cli.session import Session
from dpx_cli.system import shell

if TYPE_CHECKING:
    from pathlib import Path

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


def test_an_id_is_used_as_it_is(dpx_on_faults: Program, server: FaultServer) -> None:
    """Nothing is looked up and nothing remembered."""
    assert dpx_on_faults(*GET, PROJECT).code == 0
    assert asked(server) == [f"/projects/{PROJECT}"]


def test_a_slug_is_looked_up_once(dpx_on_faults: Program, server: FaultServer) -> None:
    """And remembered for the next run; org/slug by both."""
    for reference, org in (("shop", None), ("acme/shop", "acme")):
        assert dpx_on_faults(*GET, reference).code == 0
        assert server.requests[0].query.get("org") == org
        assert asked(server) == ["/projects", f"/projects/{PROJECT}"]
        assert dpx_on_faults(*GET, reference).code == 0
        assert asked(server) == [f"/projects/{PROJECT}"]


def test_another_token_looks_it_up_itself(dpx_on_faults: Program, server: FaultServer) -> None:
    """It may see another project of that slug."""
    dpx_on_faults(*GET, "shop")
    asked(server)
    assert dpx_on_faults(*GET, "shop", env={"DPX_TOKEN": "dpx_other"}).code == 4
    assert asked(server) == ["/projects"]


def test_a_remembered_id_that_is_gone_is_looked_up_again(dpx_on_faults: Program, server: FaultServer) -> None:
    """The project was made anew under the same slug; it is found, once, and remembered."""
    dpx_on_faults(*GET, "shop")
    server.projects[0]["id"] = OTHER
    asked(server)
    assert dpx_on_faults(*GET, "shop", "--json").json["id"] == OTHER
    assert asked(server) == [f"/projects/{PROJECT}", "/projects", f"/projects/{OTHER}"]
    dpx_on_faults(*GET, "shop")
    assert asked(server) == [f"/projects/{OTHER}"]
    server.projects.clear()
    done = dpx_on_faults(*GET, "shop", "--json")
    assert (done.code, done.out, done.error["code"]) == (3, "", "not_found"), done
    assert asked(server) == [f"/projects/{OTHER}", "/projects", "/projects/shop"]


def test_a_404_of_something_else_is_no_reason_to_do_it_twice(dpx_on_faults: Program, server: FaultServer) -> None:
    """The variable is missing, not the project."""
    dpx_on_faults("env", "list", "-p", "shop")
    asked(server)
    assert dpx_on_faults("env", "rm", "NONE", "-p", "shop", "--yes").code == 3
    assert asked(server) == [f"/projects/{PROJECT}/env-vars", "/projects"]


def test_a_deployment_of_a_stale_slug_is_made_once_and_of_the_right_project(
    dpx_on_faults: Program, server: FaultServer
) -> None:
    """The list before the POST finds it out."""
    dpx_on_faults(*GET, "shop")
    server.projects[0]["id"] = OTHER
    done = dpx_on_faults("deploy", "-p", "shop", "--no-wait")
    assert done.code == 0, done
    assert [r.path for r in server.requests if r.method == "POST"] == [f"/projects/{OTHER}/deployments"]
    assert server.made == 1


def test_a_slug_that_fits_several_is_an_error_that_lists_them(dpx_on_faults: Program, server: FaultServer) -> None:
    """And nothing is done to any."""
    server.projects.append({"id": OTHER, "name": "Other shop", "slug": "shop"})
    done = dpx_on_faults("projects", "delete", "shop", "--yes", "--json")
    assert (done.code, done.out) == (2, ""), done
    assert PROJECT in done.error["message"]
    assert OTHER in done.error["message"]
    assert len(server.projects) == 2
    server.on("GET", "/projects", faults.reply(200, {"data": []}), skip=1)
    done = dpx_on_faults("projects", "delete", "shop", "--yes", "--json", env={"DPX_ORG": "initech"})
    assert (done.code, done.out) == (2, ""), done


def test_a_slug_that_fits_several_is_the_default_organizations(dpx_on_faults: Program, server: FaultServer) -> None:
    """Where there is one."""
    both = [{"id": PROJECT, "slug": "shop"}, {"id": OTHER, "slug": "shop"}]
    server.on("GET", "/projects", faults.reply(200, {"data": both}), times=1)
    done = dpx_on_faults(*GET, "shop", "--json", env={"DPX_ORG": "acme"})
    assert done.code == 0, done
    assert [request.query.get("org") for request in server.requests] == [None, "acme", None]
    asked(server)
    server.on("GET", "/projects", faults.reply(200, {"data": both}), times=1)
    server.on("GET", "/projects", faults.reply(200, {"data": both[1:]}), times=1)
    server.projects.append(both[1])
    assert dpx_on_faults(*GET, "shop", "--json", env={"DPX_ORG": "globex"}).json["id"] == OTHER


def test_a_slug_that_looks_like_an_id_is_found(dpx_on_faults: Program, server: FaultServer) -> None:
    """Ids begin with c and are long; so may a slug."""
    server.projects.append({"id": OTHER, "slug": "customerportalbackend2"})
    assert dpx_on_faults(*GET, "customerportalbackend2", "--json").json["id"] == OTHER
    done = dpx_on_faults(*GET, "clm1thereisnosuchproject", "--json")
    assert (done.code, done.error["request"]) == (3, "GET /projects/clm1thereisnosuchproject"), done


def test_what_cannot_be_a_slug_is_an_id(dpx_on_faults: Program, server: FaultServer) -> None:
    """It has a capital or a "_": it is asked for at once, and looked up only where it is not there."""
    server.projects += [{"id": "prj_Ab9", "slug": "other"}, {"id": OTHER, "slug": "Big_Shop"}]
    assert dpx_on_faults(*GET, "prj_Ab9", "--json").json["slug"] == "other"
    assert asked(server) == ["/projects/prj_Ab9"]
    assert dpx_on_faults(*GET, "Big_Shop", "--json").json["id"] == OTHER
    asked(server)
    dpx_on_faults(*GET, "Big_Shop")
    assert asked(server) == [f"/projects/{OTHER}"]


def test_an_id_that_no_list_has_is_found_too(dpx_on_faults: Program, server: FaultServer) -> None:
    """Nobody promises that every project is listed; it is remembered to be an id."""
    server.projects.append({"id": "p1", "slug": "other"})
    server.on("GET", "/projects", faults.reply(200, {"data": []}), times=1)
    assert dpx_on_faults(*GET, "p1", "--json").json["slug"] == "other"
    assert asked(server) == ["/projects", "/projects/p1", "/projects/p1"]
    dpx_on_faults(*GET, "p1")
    assert asked(server) == ["/projects/p1"]


def test_no_project_anywhere_is_a_usage_error_that_names_link(dpx_on_faults: Program, server: FaultServer) -> None:
    """Before any request."""
    for words in (("deploy",), ("env", "list"), ("projects", "get"), ("deploy", "list"), ("status",)):
        done = dpx_on_faults(*words)
        assert (done.code, done.out) == (2, ""), done
        assert "dpx link" in done.err
    assert server.connections == 0


@pytest.mark.parametrize("name", ["..", "a/..", "../a", "a/b/c", "/a", "a?b", "a#b", "%2e%2e", "a\nb", "a\udcff", ""])
def test_a_name_that_could_change_the_path_never_leaves(dpx_on_faults: Program, server: FaultServer, name: str) -> None:
    """In an argument, in an option, in the environment and in the link file."""
    done = dpx_on_faults(*GET, name)
    assert (done.code, done.out) == (2, ""), done
    assert dpx_on_faults("env", "list", "-p", name).code == 2
    assert dpx_on_faults("deploy", "--no-wait", env={"DPX_PROJECT": name}).code == 2
    link(dpx_on_faults.cwd, {"projectId": name.encode("utf-8", "replace").decode()})
    assert dpx_on_faults("deploy", "--no-wait").code in (1, 2)
    assert server.connections == 0


def test_precedence_flag_environment_link(dpx_on_faults: Program, server: FaultServer) -> None:
    """Each goes before the next."""
    server.projects += [{"id": OTHER, "slug": "env"}, {"id": "clm1linkedprojectlinked1", "slug": "linked"}]
    link(dpx_on_faults.cwd, {"projectId": "clm1linkedprojectlinked1", "projectSlug": "linked", "orgSlug": "acme"})
    below = dpx_on_faults.cwd / "a" / "b"
    below.mkdir(parents=True)
    assert dpx_on_faults(*GET, "--json").json["slug"] == "linked"
    dpx_on_faults.cwd = below
    assert dpx_on_faults(*GET, "--json").json["slug"] == "linked"
    assert dpx_on_faults(*GET, "--json", env={"DPX_PROJECT": OTHER}).json["slug"] == "env"
    assert dpx_on_faults("env", "list", "-p", PROJECT, env={"DPX_PROJECT": OTHER}).code == 0
    assert server.requests[-1].path == f"/projects/{PROJECT}/env-vars"


def test_the_link_files_id_is_used_as_it_is(dpx_on_faults: Program, server: FaultServer) -> None:
    """Whatever it looks like: `dpx link` wrote it."""
    server.projects.append({"id": "prj_42", "slug": "other"})
    link(dpx_on_faults.cwd, {"projectId": "prj_42"})
    assert dpx_on_faults(*GET, "--json").json["slug"] == "other"
    assert asked(server) == ["/projects/prj_42"]


def test_a_link_file_has_no_url_and_no_token(dpx_on_faults: Program, server: FaultServer) -> None:
    """Whatever else is in it is ignored, and an ID with "/" is refused: it may come with somebody's checkout."""
    with FaultServer() as other:
        extra = {"apiUrl": other.url, "DPX_API_URL": other.url, "token": "dpx_evil", "timeout": 0}
        link(dpx_on_faults.cwd, {"projectId": PROJECT, **extra})
        assert dpx_on_faults(*GET).code == 0
        assert other.connections == 0
    assert server.requests[-1].headers["authorization"] == f"Bearer {TOKEN}"
    asked(server)
    link(dpx_on_faults.cwd, {"projectId": "acme/shop"})
    assert dpx_on_faults("deploy", "--no-wait").code == 2
    assert asked(server) == []


def test_one_project_specified_in_several_ways_is_one(dpx_on_faults: Program, server: FaultServer) -> None:
    """Slug, slug in another case, org/slug and ID: one project, with a cold cache too."""
    server.projects.append({"id": OTHER, "name": "Other", "slug": "other"})
    session = Session(dpx_on_faults.env, make_screen(None, dpx_on_faults.env))
    refs = session.projects.refs(["SHOP", "other", "shop", "acme/shop", PROJECT])
    assert [(ref.id, ref.name, ref.source) for ref in refs] == [
        (PROJECT, "shop", "--project"),
        (OTHER, "other", "--project"),
    ]
    assert [(request.path, request.query.get("org")) for request in server.requests] == [
        ("/projects", None),
        ("/projects", "acme"),
    ]
    with pytest.raises(NotFound):
        session.projects.refs(["shop", "nope"])
    assert [ref.given for ref in session.projects.refs(["shop", "shop"])] == ["shop"]


def test_a_command_in_a_hint_has_profile_and_project(dpx_on_faults: Program) -> None:
    """The project of the directory's own file needs no option."""
    env = {**dpx_on_faults.env, "DPX_PROFILE": "work"}
    session = Session(env, make_screen(None, env), cwd=str(dpx_on_faults.cwd))
    command = session.command("deploy", "wait", "d 1", project="shop")
    assert command == f"dpx deploy wait {shell.quote('d 1')} --project shop --profile work"
    (dpx_on_faults.cwd / "deploxa.toml").write_text('[project]\nslug = "acme/shop"\n', encoding="utf-8")
    ref = session.projects.ref(None)
    assert (ref.name, ref.slug, ref.org, ref.source) == ("acme/shop", "shop", "acme", "deploxa.toml")
    assert session.command("deploy", project=ref) == "dpx deploy --profile work"
