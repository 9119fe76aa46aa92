"""`dpx init`: what it proposes, that it creates nothing twice, and what it writes."""

from __future__ import annotations

import json
import os
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
from fault_server import FaultServer, hang_up, raw, reply

from dpx_cli.commands import detect

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dpx_cli.sandbox.server import Sandbox
    from tests.conftest import Program


def named(dpx: Program) -> str:
    """What deploxa.toml names."""
    found: str = tomllib.loads((dpx.cwd / "deploxa.toml").read_text(encoding="utf-8"))["project"]["slug"]
    return found


def slugs(dpx: Program) -> list[str]:
    """All projects."""
    return dpx("projects", "list", "-q").out.split()


@pytest.mark.parametrize(
    ("package", "given", "name", "slug"),
    [
        ({"name": "my-app"}, None, "my-app", "my-app"),
        ({"name": "@acme/web"}, None, "web", "web"),
        ({"name": "my-app"}, "Other App", "Other App", "other-app"),
        ({"name": ""}, None, "folder", "folder"),
        ({"name": 5}, None, "folder", "folder"),
        ({"name": "@scope/!"}, None, "folder", "folder"),
        ({}, None, "folder", "folder"),
    ],
)
def test_the_name(tmp_path: Path, package: dict[str, Any], given: str | None, name: str, slug: str) -> None:
    """As given, else the package's without its scope, else the directory's."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "package.json").write_text(json.dumps(package), encoding="utf-8")
    proposal = detect.propose(str(tmp_path / "folder"), given, None, None, None)
    assert (proposal.name, proposal.slug) == (name, slug)


def test_the_app_type_follows_the_framework(tmp_path: Path) -> None:
    """Also one that is given; given itself, it counts."""
    assert detect.propose(str(tmp_path), "x", None, None, None)[3:] == (None, None)
    (tmp_path / "package.json").write_text('{"dependencies": {"next": "15"}}', encoding="utf-8")
    assert detect.propose(str(tmp_path), "x", None, None, None)[3:] == ("NEXTJS", "NODEJS")
    assert detect.propose(str(tmp_path), "x", None, "VITE", None)[3:] == ("VITE", "STATIC")
    assert detect.propose(str(tmp_path), "x", None, None, "STATIC")[3:] == ("NEXTJS", "STATIC")


def package(start: str = "", build: str = "", runtime: Sequence[str] = (), dev: Sequence[str] = ()) -> dict[str, Any]:
    """A package.json."""
    scripts = {
        name: text for name, text in (("start", start), ("build", build), ("dev", "vite"), ("api", "node a")) if text
    }
    return {"scripts": scripts, "dependencies": dict.fromkeys(runtime, "1"), "devDependencies": dict.fromkeys(dev, "1")}


REMIX = ["react", "@remix-run/serve"]
ROUTER = ["react", "@react-router/serve"]
# Real ones, shortened: remix, epic-stack, SvelteKit, outline, plane, trigger.dev, and sites beside them.
VITE_SITE = ("vite build", ["react", "react-dom"], ["vite", "vitest"])


@pytest.mark.parametrize(
    ("start", "build", "runtime", "dev", "detected"),
    [
        ("react-router-serve ./build/server/index.js", "react-router build", ROUTER, ["vite"], ("NODEJS", "NODEJS")),
        ("remix-serve ./build/index.js", "remix vite:build", REMIX, ["vite"], ("VITE", "NODEJS")),
        ("cross-env NODE_ENV=production node index.js", "", ["express", "react"], ["vite"], ("NODEJS", "NODEJS")),
        ("node build", "vite build", [], ["@sveltejs/kit", "@sveltejs/adapter-node", "vite"], ("VITE", "NODEJS")),
        ("", "vite build", [], ["@sveltejs/kit", "@sveltejs/adapter-node", "vite"], ("VITE", "NODEJS")),
        ("node dist/index.js", "tsc", ["express", "react", "@react-email/components"], [], ("NODEJS", "NODEJS")),
        ("node .", "", ["fastify"], ["vite", "vitest"], ("NODEJS", "NODEJS")),
        ("nest start", "nest build", ["@nestjs/core"], ["vite"], ("NODEJS", "NODEJS")),
        ("tsx src/server.ts", "", ["react"], ["vitest", "vite"], ("NODEJS", "NODEJS")),
        ("bun run api", "", [], ["vite"], ("NODEJS", "NODEJS")),
        ("npm run api", "", ["react"], [], ("NODEJS", "NODEJS")),
        ("", "", ["koa", "react"], ["vite"], ("NODEJS", "NODEJS")),
        ("node server.js", "react-scripts build", ["react-scripts", "express", "react"], [], ("REACTJS", "NODEJS")),
        ("node server.js", "next build", ["next", "react", "express"], [], ("NEXTJS", "NODEJS")),
        ("", *VITE_SITE, ("VITE", "STATIC")),
        ("vite preview", *VITE_SITE, ("VITE", "STATIC")),
        ("npm run dev", *VITE_SITE, ("VITE", "STATIC")),
        ("bunx --bun vite", *VITE_SITE, ("VITE", "STATIC")),
        ("node --no-warnings ./node_modules/vite/bin/vite.js", *VITE_SITE, ("VITE", "STATIC")),
        ("serve -s dist", "vite build", ["react", "express"], ["vite"], ("VITE", "STATIC")),
        ("vite", "vite build", ["react"], ["vite", "express", "nodemon"], ("VITE", "STATIC")),
        ("react-scripts start", "react-scripts build", ["react", "react-scripts"], [], ("REACTJS", "STATIC")),
        ("", "", ["react"], ["@react-router/dev", "vite"], ("VITE", "STATIC")),
        ("", "", ["next", "react"], [], ("NEXTJS", "NODEJS")),
        ("x", "", ["react"], [], ("REACTJS", "STATIC")),
        ("x", "", [], [], ("NODEJS", "NODEJS")),
        ("", "x", [], [], (None, None)),
    ],
)  # fmt: skip
def test_the_framework_and_what_serves_itself(
    start: str, build: str, runtime: list[str], dev: list[str], detected: tuple[str, str]
) -> None:
    """By dependencies, by what the start script runs, and by servers and adapters; nothing makes it fail."""
    assert detect.detect(package(start, build, runtime, dev)) == detected
    odd = {"scripts": "start", "dependencies": ["next"], "devDependencies": None}
    assert detect.detect(odd) == detect.detect({}) == (None, None)


def test_init_creates_a_project_and_names_it(dpx: Program) -> None:
    """Then every command in the directory knows it, and a plan is empty."""
    dpx.write('{"name": "@me/my-shop", "devDependencies": {"vite": "7"}}', "package.json")
    result = dpx("init", "--yes", "--org", "acme")
    assert result.code == 0, result
    for line in ("Project:      my-shop", "Organization: acme", "Framework:    VITE", "App type:     STATIC"):
        assert f"{line}\n" in result.err
    assert result.rows[0][0] == "my-shop"
    assert named(dpx) == "acme/my-shop"
    assert dpx("projects", "get", "--fields", "slug,framework").rows == [["my-shop", "VITE"]]
    assert "my-shop" in dpx("projects", "list", "--org", "acme", "-q").out.split()
    assert dpx("plan", "--exit-code").code == 0


def test_it_shows_and_asks(dpx: Program) -> None:
    """No is the default and creates nothing; off a terminal it needs --yes. -q prints the slug, --json the object."""
    result = dpx("init", "--debug")
    assert (result.code, result.out) == (2, ""), result
    assert result.err == "error: Can't ask for confirmation (not a terminal).\nhint: Pass --yes.\n"
    result = dpx.tty("init", "my-app", answers=[("Create this project? [y/N]", "\r")])
    assert (result.code, "Slug:         my-app" in result.out) == (2, True), result
    assert "my-app" not in slugs(dpx)
    assert list(dpx.cwd.iterdir()) == []
    result = dpx.tty("init", "my-app", answers=[("Create this project? [y/N]", "y\r")])
    assert (result.code, named(dpx)) == (0, "my-app"), result
    (dpx.cwd / "deploxa.toml").unlink()
    assert dpx("init", "One", "-y", "-q").out == "one\n"
    (dpx.cwd / "deploxa.toml").unlink()
    assert dpx("init", "Two", "-y", "--json").json["slug"] == "two"
    (dpx.cwd / "deploxa.toml").unlink()
    assert dpx("init", "three", "-y", "--deploy").out == "https://three.deploxa.com\n"


def test_a_project_that_exists_is_offered(dpx: Program) -> None:
    """It is offered on a terminal, and used with --link; no second one is created."""
    before = slugs(dpx)
    result = dpx.tty("init", "docs", answers=[("Use it for this directory? [y/N]", "n\r")])
    assert result.code == 2
    assert "Project docs already exists." in result.out
    assert list(dpx.cwd.iterdir()) == []
    result = dpx("init", "Docs", "-y")
    assert (result.code, result.out) == (2, ""), result
    assert result.err == (
        "error: Project docs already exists.\n"
        "hint: To use it for this directory, pass --link. For a new one: dpx init NAME\n"
    )
    assert list(dpx.cwd.iterdir()) == []
    result = dpx("init", "Docs", "-y", "-q", "--link")
    assert (result.code, result.out) == (0, "docs\n"), result
    assert (named(dpx), slugs(dpx)) == ("docs", before)
    assert dpx("env", "list", "-q").out == "SEARCH_KEY\n"


def test_the_organization(dpx: Program, sandbox: Sandbox) -> None:
    """Tells which of several projects with the slug; none that doesn't exist, exit 3. It's no part of the name."""
    sandbox.seed_project("storefront", "globex")
    for argv, code in (("storefront", 2), ("globex/new", 2), ("./new", 2), ("storefront --org nobody", 3)):
        result = dpx("init", "-y", *argv.split())
        assert (result.code, result.out, list(dpx.cwd.iterdir())) == (code, "", []), result
    assert dpx("init", "storefront", "-y", "--link", "--org", "globex").code == 0
    assert named(dpx) == "globex/storefront"


def test_a_directory_with_a_project_is_left_alone(dpx: Program) -> None:
    """Whether the link file or deploxa.toml names it; one further up is no reason."""
    assert dpx("init", "one", "-y").code == 0
    result = dpx("init", "two", "-y")
    assert (result.code, result.out) == (2, ""), result
    assert "This directory already has a project (deploxa.toml)." in result.err
    (dpx.cwd / "below").mkdir()
    dpx.cwd = dpx.cwd / "below"
    assert dpx("init", "two", "-y").code == 0
    (dpx.cwd / "linked").mkdir()
    dpx.cwd = dpx.cwd / "linked"
    assert dpx("link", "docs").code == 0
    result = dpx("init", "three", "-y")
    assert (result.code, "is already linked to a project (.deploxa" in result.err) == (2, True), result
    assert {"one", "two"} < set(slugs(dpx))
    assert "three" not in slugs(dpx)


def test_what_a_file_says_already_stays(dpx: Program) -> None:
    """Its comments too; it only gets its slug."""
    dpx.write('# mine\n\n[env] # these\nA = "1" # x\n')
    assert dpx("init", "one", "-y").code == 0
    text = (dpx.cwd / "deploxa.toml").read_text(encoding="utf-8")
    assert all(kept in text for kept in ("# mine\n", "[env] # these\n", 'A = "1" # x\n')), text
    assert named(dpx) == "one"
    assert dpx("plan").rows == [["set", "A", "new"]]


@pytest.mark.posix
def test_bad_directories_and_packages(dpx: Program, tmp_path: Path) -> None:
    """Are named before anything is created; a damaged file is never overwritten, and no link written through."""
    package, file = dpx.cwd / "package.json", dpx.cwd / "deploxa.toml"
    package.write_text('{\n  "name": "x",\n  // no\n}\n', encoding="utf-8")
    result = dpx("init", "-y")
    assert (result.code, result.out) == (2, ""), result
    assert result.err.startswith("error: package.json:3:3: Not valid JSON: ")
    assert "hint: Fix it, or pass NAME, --framework and --app-type.\n" in result.err
    for text in ("[env\n", "= 1", '[project\nslug = "x"'):
        file.write_text(text, encoding="utf-8")
        result = dpx("init", "one", "-y")
        assert (result.code, result.out) == (2, ""), result
        assert "deploxa.toml is not valid TOML, at line 1, column " in result.err
        assert file.read_text(encoding="utf-8") == text
    file.unlink()
    # Name, framework and app type leave nothing to read.
    assert dpx("init", "x", "--framework", "vite", "--app-type", "static", "-y").code == 0
    file.unlink()
    package.write_text("[]", encoding="utf-8")
    assert dpx("init", "one", "-y").code == 2
    package.unlink()
    os.mkfifo(package)
    file.symlink_to(tmp_path / "elsewhere")
    result = dpx("init", "one", "-y")
    assert (result.code, "is not a regular file" in result.err) == (2, True), result
    (tmp_path / "elsewhere").write_text("[env]\n", encoding="utf-8")
    result = dpx("init", "one", "-y")
    assert (result.code, "is a symbolic link" in result.err) == (1, True), result
    file.unlink()
    assert dpx("init", "!", "-y").code == 2
    assert "one" not in slugs(dpx)
    assert dpx("init", "one", "-y").code == 0
    assert (tmp_path / "elsewhere").read_text(encoding="utf-8") == "[env]\n"


@pytest.mark.parametrize(
    ("fault", "effect"), [(hang_up, False), (hang_up, True), (reply(502, {"error": "x"}), True), (raw(b"x"), True)]
)
def test_nothing_is_created_twice(dpx_on_faults: Program, server: FaultServer, fault: Any, effect: bool) -> None:
    """If the response is lost, the list shows it; then the command uses what exists, or creates it."""
    server.on("POST", "/projects", fault, times=1, effect=effect)
    first = dpx_on_faults("init", "one", "-y")
    assert (first.code == 0) is effect, first
    if effect:
        assert "The response was lost, but project " in first.err
        (dpx_on_faults.cwd / "deploxa.toml").unlink()
    else:
        assert first.code == 11, first
        assert "Run: dpx projects list\n" in first.err
    assert dpx_on_faults("init", "one", "-y", "--link").code == 0
    assert [project["slug"] for project in server.projects] == ["shop", "one"]
    assert named(dpx_on_faults) == "one"


def test_looks_are_used_up_before_the_outcome_is_unknown(dpx_on_faults: Program, server: FaultServer) -> None:
    """If the response and every look after it are lost, it is 11, although the project exists."""
    dpx_on_faults.write('[project]\nslug = "one"\n')
    server.on("POST", "/projects", hang_up, times=1, effect=True)
    server.on("GET", "/projects", reply(500, {"error": "x"}), skip=3)
    lost = dpx_on_faults("apply", "-y")
    assert (lost.code, lost.out) == (11, ""), lost
    assert "Run: dpx projects list\n" in lost.err
    assert [project["slug"] for project in server.projects] == ["shop", "one"]


def test_two_at_once_create_one_project(dpx: Program) -> None:
    """On one machine: the second one waits for the first one's response, and uses what it created."""
    children = [dpx.start("init", "one", "-y") for _ in range(4)]
    codes = []
    for child in children:
        out, err = child.communicate(timeout=60)
        codes.append(child.returncode)
        assert child.returncode in (0, 2), (out, err)
    assert 0 in codes
    assert slugs(dpx).count("one") == 1
    assert not any(slug.startswith("one-") for slug in slugs(dpx))
    assert [path.name for path in dpx.cwd.iterdir()] == ["deploxa.toml"]


APPS = "apps/api, apps/web"
PNPM = "# x\npackages:\n  - 'apps/*' # y\n  - \"!apps/old\"\ncatalog:\n  - tools\n"


@pytest.mark.parametrize(
    ("files", "apps"),
    [
        ({"package.json": '{"workspaces": ["apps/*", "packages/**", "!apps/old"]}'}, f"{APPS}, packages/a/b"),
        ({"package.json": '{"workspaces": {"packages": ["./apps/web/"]}}'}, "apps/web"),
        ({"pnpm-workspace.yaml": PNPM}, APPS),
        ({"package.json": '{"workspaces": 5}'}, None),
        ({"package.json": "{}"}, None),
    ],
)  # fmt: skip
def test_the_root_of_a_monorepo(dpx: Program, files: dict[str, str], apps: str | None) -> None:
    """Says which apps have their own package.json; installed packages are none."""
    for folder in ("apps/web", "apps/api", "apps/old", "apps/api/node_modules/x", "packages/a/b", "tools"):
        dpx.write("{}", f"{folder}/package.json")
    for name, text in files.items():
        dpx.write(text, name)
    result = dpx("init", "one", "-y")
    assert result.code == 0, result
    assert ("note: This directory is the root of a monorepo." in result.err) is (apps is not None)
    assert apps is None or f"Apps with their own package.json: {apps}. For one of them, " in result.err


def test_another_slug_of_the_servers_is_taken(dpx_on_faults: Program, server: FaultServer) -> None:
    """And said: the file names what is there."""
    created = {"data": {"id": "clm1otherotherotherother1", "slug": "one-2", "name": "one"}}
    server.on("POST", "/projects", reply(201, created), times=1)
    result = dpx_on_faults("init", "one", "-y")
    assert result.code == 0, result
    assert "Deploxa named the project one-2, not one." in result.err
    assert named(dpx_on_faults) == "one-2"


@pytest.mark.parametrize(("system", "path"), [("github", ".github/workflows/deploy.yml"), ("gitlab", ".gitlab-ci.yml")])
def test_a_workflow_at_the_top_of_the_repository(dpx: Program, system: str, path: str) -> None:
    """It deploys this project; one that is there already is kept."""
    dpx.git("init", "-q")
    top, dpx.cwd = dpx.cwd, dpx.cwd / "web"
    dpx.cwd.mkdir()
    result = dpx("init", "web", "-y", "--org", "acme", "--ci", system)
    assert (result.code, "DPX_TOKEN" in result.err) == (0, True), result
    assert '"acme/web"' in (top / path).read_text(encoding="utf-8")
    (dpx.cwd / "deploxa.toml").unlink()
    (top / path).write_text("mine\n", encoding="utf-8")
    result = dpx("init", "web", "-y", "--link", "--org", "acme", "--ci", system)
    assert (result.code, "exists and was not changed" in result.err) == (0, True), result
    assert (top / path).read_text(encoding="utf-8") == "mine\n"
