"""Fill a sandbox with given organizations and projects, for `dpx rehearse`."""

from __future__ import annotations

import json
import secrets
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypedDict

from dpx_cli.sandbox.store import digest_of, new_id

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    from dpx_cli.sandbox.store import Store

# The e-mail address of the tokens' person, who isn't in the lists of members.
ME = ""

_PROJECT = ("id", "name", "slug", "framework", "description", "build_command", "install_command", "output_dir")
_KNOWN_OF_PROJECT = frozenset(
    {*_PROJECT, "app_type", "created_at", "current_deployment", "org", "env_vars", "deployments"}
)
_KNOWN_OF_DEPLOYMENT = frozenset(
    {"id", "status", "branch", "commitMessage", "commitSha", "created_at", "buildDurationMs", "bundleSizeKb"}
)


class Seed(TypedDict, total=False):
    """What `Sandbox(seed=...)` starts with, in the API's own objects, as its GET requests return them.

    Attributes:
        orgs: objects of GET /orgs (`id`, `name`, `slug`, `role`), each with `members`: objects of
            GET /orgs/:slug/members. `role` is the role of the tokens' person; without it, owner.
        projects: objects of GET /projects/:id, in the order of GET /projects (newest first), each with `org` (the slug
            of an organization in `orgs`, or None for the person's own), `env_vars` (objects of
            GET /projects/:id/env-vars; their values are unknown to the sandbox) and `deployments` (objects of
            GET /projects/:id/deployments, newest first). Fields that the reference doesn't know are returned as given.
            A `current_deployment` that isn't among the deployments is added to them.
    """

    orgs: Sequence[Mapping[str, Any]]
    projects: Sequence[Mapping[str, Any]]


def fill(store: Store, seed: Seed, now: float, build_seconds: float) -> None:
    """Fill an empty store, completely or not at all.

    Args:
        store: a fresh one.
        seed: its content.
        now: in seconds since 1970.
        build_seconds: how long deployments that are under way still take.

    Raises:
        ValueError: an object lacks an id or slug, or two have the same.
    """
    import sqlite3

    try:
        with store.change() as db:
            me = _user(db, ME)
            orgs = {org["slug"]: _org(db, org, me) for org in seed.get("orgs", ())}
            for project in reversed(seed.get("projects", ())):
                _project(db, project, orgs, me, now, build_seconds)
    except KeyError as error:
        raise ValueError(f"The seed lacks {error}.") from error
    except sqlite3.IntegrityError as error:
        raise ValueError(f"The seed contradicts itself: {error}") from error


def _user(db: sqlite3.Connection, email: str) -> int:
    db.execute("INSERT OR IGNORE INTO users (id, email) VALUES (?, ?)", (new_id(), email))
    seq: int = db.execute("SELECT seq FROM users WHERE email = ?", (email,)).fetchone()["seq"]
    return seq


def _org(db: sqlite3.Connection, org: Mapping[str, Any], me: int) -> int:
    seq = db.execute(
        "INSERT INTO orgs (id, name, slug) VALUES (?, ?, ?)", (org["id"], org.get("name") or org["slug"], org["slug"])
    ).lastrowid
    add = "INSERT INTO members (id, org, user, role) VALUES (?, ?, ?, ?)"
    db.execute(add, (new_id(), seq, me, str(org.get("role") or "owner").upper()))
    for member in org.get("members", ()):
        email = (member.get("user") or {}).get("email") or f"member-{member['id']}"
        role = str(member.get("role") or "member").upper()
        db.execute(add, (member["id"], seq, _user(db, email), role))
    return int(seq or 0)


def _project(
    db: sqlite3.Connection,
    project: Mapping[str, Any],
    orgs: Mapping[str, int],
    me: int,
    now: float,
    build_seconds: float,
) -> None:
    org = project.get("org")
    values = {name: project.get(name) for name in _PROJECT}
    values |= {"id": project["id"], "slug": project["slug"], "name": project.get("name") or project["slug"]}
    values |= {"org": None if org is None else orgs[org], "owner": me, "app_type": project.get("app_type")}
    values |= {"created_at": _seconds(project.get("created_at"), now), "extra": _extra(project, _KNOWN_OF_PROJECT)}
    seq = _insert(db, "projects", values)
    given = list(project.get("deployments", ()))
    current = project.get("current_deployment") or {}
    if current.get("id") and current["id"] not in [deployment["id"] for deployment in given]:
        given.insert(0, current)
    for deployment in reversed(given):
        _deployment(db, seq, deployment, now, build_seconds)
    newest = "SELECT seq FROM deployments WHERE project = ? ORDER BY (id = ?) DESC, seq DESC LIMIT 1"
    db.execute(f"UPDATE projects SET newest = ({newest}) WHERE seq = ?", (seq, current.get("id"), seq))  # noqa: S608 - no value is in it
    for variable in project.get("env_vars", ()):
        salt = secrets.token_bytes(16)
        targets = json.dumps(list(variable.get("targets") or ()))
        row = {"id": variable.get("id") or new_id(), "project": seq, "key": variable["key"], "targets": targets}
        row |= {"sensitive": bool(variable.get("sensitive")), "salt": salt}
        _insert(db, "env_vars", row | {"digest": digest_of(secrets.token_hex(), salt)})


def _deployment(
    db: sqlite3.Connection, project: int, deployment: Mapping[str, Any], now: float, build_seconds: float
) -> None:
    status = deployment.get("status")
    created = _seconds(deployment.get("created_at"), now)
    milliseconds = deployment.get("buildDurationMs")
    kilobytes = deployment.get("bundleSizeKb")
    ended = created if status in ("READY", "ERROR") else now + build_seconds
    values = {
        "id": deployment["id"],
        "project": project,
        "branch": deployment.get("branch") or "main",
        "commit_message": deployment.get("commitMessage"),
        "commit_sha": deployment.get("commitSha"),
        "outcome": "ERROR" if status == "ERROR" else "READY",
        "created_at": created,
        "building_at": now + build_seconds * 0.2 if status == "QUEUED" else min(created, now),
        "ended_at": ended,
        "build_ms": milliseconds if isinstance(milliseconds, int) else 0,
        "bundle_kb": kilobytes if isinstance(kilobytes, int) else 0,
        "extra": _extra(deployment, _KNOWN_OF_DEPLOYMENT),
    }
    _insert(db, "deployments", values)


def _insert(db: sqlite3.Connection, table: str, values: Mapping[str, Any]) -> int:
    names = ", ".join(values)
    marks = ", ".join("?" * len(values))
    row = db.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(values.values()))  # noqa: S608 - the names are this module's
    return int(row.lastrowid or 0)


def _extra(item: Mapping[str, Any], known: frozenset[str]) -> str | None:
    """Return the fields that no column has, as JSON; None if there are none."""
    extra = {key: value for key, value in item.items() if key not in known}
    return json.dumps(extra) if extra else None


def _seconds(text: Any, default: float) -> float:
    """Return a time of the API in seconds since 1970."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except (TypeError, ValueError):
        return default
