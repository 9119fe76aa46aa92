"""What a directory is: the project that its package.json proposes, and the apps of a monorepo."""

from __future__ import annotations

import contextlib
import json
import os
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from dpx_cli.commands.state.workspaces import PNPM, is_member, read_patterns, read_pnpm
from dpx_cli.errors import DpxError, UsageError
from dpx_cli.reference import slug_of
from dpx_cli.system import files

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_PACKAGE = 4 * 1024 * 1024  # bytes of package.json
# What a dependency says of the framework; the first one counts.
FRAMEWORKS = (("next", "NEXTJS"), ("vite", "VITE"), ("react-scripts", "REACTJS"), ("react", "REACTJS"))
# What a framework's build is served as, unless the package serves it itself.
APP_TYPES = {"NEXTJS": "NODEJS", "VITE": "STATIC", "REACTJS": "STATIC", "NODEJS": "NODEJS"}
# Dependencies that serve what another tool builds, and those that make a package a server.
ADAPTERS = re.compile("@(remix-run|react-router)/serve|@sveltejs/adapter-node|@astrojs/node|nuxt|nitropack")
SERVERS = re.compile(
    r"express|fastify|koa|hono|@hono/node-server|@hapi/hapi|@nestjs/core|restify|polka|h3|@apollo/server|apollo-server"
    r"|graphql-yoga|@adonisjs/core|@feathersjs/feathers|elysia|@(remix-run|react-router)/express|vite-express"
)
# Commands of a start script: those that run a server, and those that serve files or run a development server.
RUNNERS = re.compile(
    r"node|nodemon|tsx|ts-node(-dev)?|bun|deno|nest|pm2(-runtime)?|fastify|remix-serve|react-router-serve|srvx|nitro"
)
STATIC = re.compile(r"vite|react-scripts|serve|http-server|webpack(-dev-server)?|parcel|ng|live-server|sirv")
_RUN = re.compile(r"(?:npm|pnpm|yarn|bun)(?:\s+(?:run|-s|--silent))*\s+([\w:.-]+)")


class Proposal(NamedTuple):
    """A project to create; None for what isn't known, or for the user's own organization."""

    name: str
    slug: str
    org: str | None
    framework: str | None
    app_type: str | None

    @property
    def reference(self) -> str:
        """What deploxa.toml calls the project."""
        return f"{self.org}/{self.slug}" if self.org else self.slug


def propose(folder: str, name: str | None, org: str | None, framework: str | None, app_type: str | None) -> Proposal:
    """Return the project that a directory should become; what is given counts, package.json fills the rest."""
    package = {} if name and framework and app_type else read_package(folder)
    if name is None:
        packaged = package.get("name")
        # The scope is the owner's: "@acme/web".
        name = packaged.rpartition("/")[2] if isinstance(packaged, str) and slug_of(packaged) else ""
        name = name if slug_of(name) else os.path.basename(os.path.abspath(folder))
    elif "/" in name:  # ./app, acme/app
        hint = "The project is for this directory; --org specifies its organization. Run: dpx init NAME"
        raise UsageError(f"Not a project name: {name}", hint=hint)
    slug = slug_of(name)
    if not slug:
        raise UsageError("The slug needs at least one of a-z or 0-9.", hint="Run: dpx init NAME")
    detected, served = detect(package)
    if app_type is None:
        app_type = served if framework in (None, detected) else APP_TYPES.get(framework or "")
    return Proposal(name, slug, org, framework or detected, app_type)


def read_package(folder: str) -> dict[str, Any]:
    """Return package.json; {} if there is none. Raises UsageError, with line and column, if it isn't a JSON object."""
    path = os.path.join(folder, "package.json")
    data = files.read_bytes(path, "the package", MAX_PACKAGE) if os.path.isfile(path) else None
    if data is None:
        return {}
    hint = "Fix it, or pass NAME, --framework and --app-type."
    try:
        package = json.loads(data.decode("utf-8-sig"))
    except json.JSONDecodeError as problem:
        place = f"package.json:{problem.lineno}:{problem.colno}"
        raise UsageError(f"{place}: Not valid JSON: {problem.msg[:1].lower()}{problem.msg[1:]}.", hint=hint) from None
    except (ValueError, RecursionError):
        package = None
    if not isinstance(package, dict):
        raise UsageError("package.json is not a JSON object.", hint=hint)
    return package


def detect(package: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Return framework and app type of a package; None for what it doesn't tell."""
    runtime = _keys(package, "dependencies")
    dependencies = runtime | _keys(package, "devDependencies")
    framework = next((framework for name, framework in FRAMEWORKS if name in dependencies), None)
    scripts = package.get("scripts")
    scripts = {key: text for key, text in scripts.items() if isinstance(text, str)} if isinstance(scripts, dict) else {}
    if framework != "NEXTJS" and _is_server(scripts, runtime, dependencies):
        # Vite and React may only be there for tests or e-mails: they count if they build what is served.
        is_built = framework and ("vite" in scripts.get("build", "") or "react-scripts" in scripts.get("build", ""))
        return (framework if is_built else "NODEJS"), "NODEJS"
    if framework is None and "start" in scripts:
        framework = "NODEJS"
    return framework, APP_TYPES.get(framework or "")


def _keys(package: Mapping[str, Any], kind: str) -> set[str]:
    value = package.get(kind)
    return set(value) if isinstance(value, dict) else set()


def _is_server(scripts: Mapping[str, str], runtime: set[str], dependencies: set[str]) -> bool:
    """Return whether a package serves requests itself, by its start script, else by its dependencies."""
    if any(map(ADAPTERS.fullmatch, dependencies)):
        return True
    start, seen = scripts.get("start", ""), {"start"}
    while (other := _RUN.search(start)) and other[1] in scripts and other[1] not in seen:
        seen.add(other[1])
        start = scripts[other[1]]
    # `node node_modules/vite/bin/vite.js` runs vite.
    start = re.sub(r"node\s+(?:-\S+\s+)*(?:\./)?node_modules/(?:\.bin/)?([\w-]+)\S*", r"\1", start)
    words = [word.rpartition("/")[2] for word in re.split(r"[\s;&|\"']+", start)]
    if any(map(STATIC.fullmatch, words)):
        return False
    return any(map(RUNNERS.fullmatch, words)) or any(map(SERVERS.fullmatch, runtime))


def find_apps(folder: str) -> list[str]:
    """Return the packages of a workspace (npm, yarn, pnpm) whose root a directory is, as relative paths."""
    patterns: list[str] = []
    with contextlib.suppress(DpxError):  # what is damaged has none
        patterns += read_patterns(read_package(folder))
    path = os.path.join(folder, PNPM)
    data = files.read_bytes(path, "the workspace", MAX_PACKAGE) if os.path.isfile(path) else None
    patterns += read_pnpm((data or b"").decode("utf-8", "replace"))
    apps = []
    for parent, names, file_names in os.walk(folder) if patterns else ():
        names[:] = [name for name in names if name != "node_modules" and not name.startswith(".")]
        path = os.path.relpath(parent, folder).replace(os.sep, "/")
        if "package.json" in file_names and is_member(path, patterns):
            apps.append(path)
    return sorted(apps)
