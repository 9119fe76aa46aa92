"""What a sandbox starts with: the usual organizations and projects, or those of `dpx rehearse`.

The usual IDs are the same in every sandbox, so that examples can use them.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from importlib.resources import files
from typing import Any, TypedDict

from dpx_cli.errors import Failed
from dpx_cli.sandbox import timeline
from dpx_cli.sandbox.store import Store, digest_of, new_id, timestamp

# The email address of the tokens' person in a rehearsal, who isn't in the lists of members.
ME = ""
# The person of a token is the one with its role; each has that role in both organizations.
PEOPLE = {"owner": "olivia@acme.com", "admin": "alice@acme.com", "member": "max@acme.com"}
KNOWN = 3  # of its projects are visible
HOUR, DAY = 3600.0, 86400.0

# What GET /projects/:id shows in any case.
_PROJECT = dict.fromkeys(("framework", "description", "build_command", "install_command", "output_dir"))
_ELSEWHERE = frozenset({"id", "slug", "org", "current_deployment", "env_vars", "deployments"})


class Seed(TypedDict, total=False):
    """What `Sandbox(seed=...)` starts with, in the API's own objects, as its GET requests return them.

    Each of `orgs` has `members` too, and the `role` of the tokens' person (without it, owner). Each of `projects`
    (newest first) has `org` (a slug, or None for the person's own), `env_vars` and `deployments` (newest first). Fields
    that the reference doesn't know are returned as given.
    """

    orgs: Sequence[Mapping[str, Any]]
    projects: Sequence[Mapping[str, Any]]


def usual_seed(now: float, count: int = KNOWN) -> Seed:
    """Return the usual content. `count` projects: first `storefront`, `docs` and `api`, then generated ones.

    In the file, `hours_ago` is a creation time, and no token's person belongs to initech: its projects are 404.
    """

    def date(item: dict[str, Any]) -> dict[str, Any]:
        return item if "hours_ago" not in item else item | {"created_at": timestamp(now - item.pop("hours_ago") * HOUR)}

    usual: Seed = json.loads(files(__package__).joinpath("usual.json").read_bytes(), object_hook=date)
    *known, payroll = usual["projects"]
    generated = [*generate_projects(1, count - KNOWN, "acme", now - 60 * DAY)]
    return {"orgs": usual["orgs"], "projects": [*known[:count], *reversed(generated), payroll]}


def generate_projects(first: int, count: int, org: str, now: float) -> Iterator[dict[str, Any]]:
    """Yield projects with one deployment each, `project-00001` and so on, oldest first."""
    for number in range(first, first + count):
        deployment = {"id": new_id(), "status": "READY", "created_at": timestamp(now), "buildDurationMs": 30_000}
        yield {"id": new_id(), "slug": f"project-{number:05}", "org": org, "deployments": [deployment]}


def fill(store: Store, seed: Seed, now: float, build_seconds: float, person: str | None = ME) -> None:
    """Fill an empty store, completely or not at all; raise Failed if an ID or slug is missing or there twice.

    Deployments that are under way still take `build_seconds`. `person` is the email address of the tokens' person, who
    has each organization's `role`; None: members only.
    """
    try:
        with store.change() as db:
            if person is not None:
                _find_or_add_user(db, person)
            for org in seed.get("orgs", ()):
                _add_org(db, org, person)
            for project in reversed(seed.get("projects", ())):
                add_project(db, project, now, build_seconds)
    except (sqlite3.IntegrityError, LookupError) as error:
        raise Failed(f"The sandbox can't be filled: {error}.") from error


def insert_project(
    db: sqlite3.Connection, project: Mapping[str, Any], *, org: int | None, owner: int, now: float
) -> dict[str, Any]:
    """Store a project, an object of the API, without what belongs to it; return its `seq` and `slug`."""
    document = {"name": project["slug"], "created_at": timestamp(now), "domains": [timeline.domain(project["slug"])]}
    document |= _PROJECT | {name: value for name, value in project.items() if name not in _ELSEWHERE}
    row = db.execute(
        "INSERT INTO projects (id, org, owner, slug, document) VALUES (?, ?, ?, ?, ?)",
        (project["id"], org, owner, project["slug"], json.dumps(document)),
    )
    return {"seq": row.lastrowid, "slug": project["slug"]}


def add_project(
    db: sqlite3.Connection, project: Mapping[str, Any], now: float, build_seconds: float = 0.0
) -> dict[str, Any]:
    """Store a project of a seed with everything in it. It belongs to the first person if it has no `org`."""
    org = None
    if project.get("org") is not None:
        row = db.execute("SELECT seq FROM orgs WHERE slug = ?", (project["org"],)).fetchone()
        if row is None:
            raise LookupError(f"no organization {project['org']}")
        org = row["seq"]
    stored = insert_project(db, project, org=org, owner=1, now=now)
    current = project.get("current_deployment") or {}
    deployments = list(project.get("deployments", ()))
    if current.get("id") and current["id"] not in [deployment["id"] for deployment in deployments]:
        deployments.insert(0, current)
    for deployment in reversed(deployments):
        _add_deployment(db, stored, deployment, now, build_seconds)
    if current.get("id"):
        newest = "SELECT seq FROM deployments WHERE id = ?"
        db.execute(f"UPDATE projects SET newest = ({newest}) WHERE seq = ?", (current["id"], stored["seq"]))  # noqa: S608 - no value is in it
    for variable in project.get("env_vars", ()):
        store_variable(db, stored["seq"], {"id": new_id(), "targets": [], "sensitive": False, **variable}, None)
    return stored


def store_variable(db: sqlite3.Connection, project: int, variable: Mapping[str, Any], value: str | None) -> None:
    """Store a variable, an object of the API; None is an unknown value."""
    salt = secrets.token_bytes(16)
    digest = digest_of(secrets.token_hex() if value is None else value, salt)
    db.execute(
        "INSERT INTO env_vars (project, key, document, salt, digest) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (project, key) DO UPDATE SET document = excluded.document, salt = excluded.salt,"
        " digest = excluded.digest",
        (project, variable["key"], json.dumps(variable), salt, digest),
    )


def _find_or_add_user(db: sqlite3.Connection, email: str) -> int:
    db.execute("INSERT OR IGNORE INTO users (id, email) VALUES (?, ?)", (new_id(), email))
    return int(db.execute("SELECT seq FROM users WHERE email = ?", (email,)).fetchone()["seq"])


def _add_org(db: sqlite3.Connection, org: Mapping[str, Any], person: str | None) -> None:
    seq = db.execute(
        "INSERT INTO orgs (id, name, slug) VALUES (?, ?, ?)", (org["id"], org.get("name") or org["slug"], org["slug"])
    ).lastrowid
    members = [
        (member["id"], (member.get("user") or {}).get("email") or f"member-{member['id']}", member.get("role"))
        for member in org.get("members", ())
    ]
    if person is not None:
        members.insert(0, (new_id(), person, org.get("role") or "owner"))
    for identity, email, role in members:
        db.execute(
            "INSERT INTO members (id, org, user, role) VALUES (?, ?, ?, ?)",
            (identity, seq, _find_or_add_user(db, email), str(role or "member").upper()),
        )


def _add_deployment(
    db: sqlite3.Connection, project: Mapping[str, Any], deployment: Mapping[str, Any], now: float, build_seconds: float
) -> None:
    status = deployment.get("status")
    if status in ("READY", "ERROR"):
        milliseconds = deployment.get("buildDurationMs")
        seconds = milliseconds / 1000 if isinstance(milliseconds, int) else 0.0
        created_at = _parse_time(deployment.get("created_at"), now)
    else:
        seconds = build_seconds
        created_at = now if status == "QUEUED" else now - build_seconds * timeline.QUEUED_SHARE
    timeline.add(db, project, deployment, created_at, seconds=seconds, fails=status == "ERROR")


def _parse_time(text: Any, default: float) -> float:
    """Return a time of the API in seconds since 1970."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except (TypeError, ValueError):
        return default
