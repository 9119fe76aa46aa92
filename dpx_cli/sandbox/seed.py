"""What a sandbox starts with: the usual organizations and projects, or those of `dpx rehearse`.

The usual IDs are the same in every sandbox, so that examples can use them.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import sqlite3
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypedDict

from dpx_cli.reference import TARGETS
from dpx_cli.sandbox import timeline
from dpx_cli.sandbox.store import digest_of, fixed_id, new_id, timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dpx_cli.sandbox.store import Store

# The email address of the tokens' person in a rehearsal, who isn't in the lists of members.
ME = ""
# The person of a token is the one with its role; each has that role in both organizations.
PEOPLE = {"owner": "olivia@acme.com", "admin": "alice@acme.com", "member": "max@acme.com"}
ORGS = (
    ("acme", "Acme Corp", ("olivia@acme.com", "alice@acme.com", "max@acme.com", "bob@acme.com", "carol@acme.com")),
    ("globex", "Globex", ("olivia@acme.com", "alice@acme.com", "max@acme.com", "hank@globex.com")),
    # No token's person belongs to this one: its projects are 404.
    ("initech", "Initech", ("peter@initech.com",)),
)
ROLES = {
    "olivia@acme.com": "OWNER",
    "alice@acme.com": "ADMIN",
    "peter@initech.com": "OWNER",
    "hank@globex.com": "ADMIN",
}

HOUR, DAY = 3600.0, 86400.0
# Hours ago, branch, seconds, fails, message; newest first.
_HISTORY: dict[str, Sequence[tuple[float, str, float, bool, str]]] = {
    "storefront": (
        (3, "main", 63, False, "Fix the cart badge"),
        (49, "main", 64, False, "Pin the image library"),
        (50, "main", 12, True, "Bump the image library"),
        (96, "main", 66, False, "Merge feature/checkout"),
        (191, "feature/checkout", 74, False, "Rework checkout, with its lock file"),
        (214, "feature/checkout", 72, True, "Rework checkout"),
        (262, "main", 61, False, "Show stock on the product page"),
        (310, "main", 58, False, "Launch the summer collection"),
    ),
    "docs": (
        (27, "main", 22, False, "Fix dead links"),
        (120, "main", 23, False, "Describe webhooks"),
        (400, "main", 21, False, "First pages"),
    ),
    "api": (
        (6, "main", 39, True, "Move to the new driver"),
        (73, "main", 44, False, "Page the orders"),
        (500, "main", 41, False, "Health check"),
    ),
}
# Organization, framework, description, variables with their targets; newest first.
_PROJECTS = {
    "storefront": (
        "acme",
        "NEXTJS",
        "The shop",
        {"DATABASE_URL": "production", "NEXT_PUBLIC_API_URL": "", "STRIPE_SECRET_KEY": "production preview"},
    ),
    "docs": ("globex", "VITE", "Documentation", {"SEARCH_KEY": "production"}),
    "api": (
        "acme",
        "NODEJS",
        "Orders and customers",
        {"DATABASE_URL": "production preview", "LOG_LEVEL": ""},
    ),
}
_SENSITIVE = frozenset({"STRIPE_SECRET_KEY", "SEARCH_KEY"})
# What GET /projects/:id shows in any case.
_PROJECT = {
    "framework": None,
    "description": None,
    "build_command": None,
    "install_command": None,
    "output_dir": None,
}
_ELSEWHERE = frozenset({"id", "slug", "org", "current_deployment", "env_vars", "deployments"})


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


def usual_seed(now: float, count: int = len(_PROJECTS)) -> Seed:
    """Return the usual content. `count` projects: first `storefront`, `docs` and `api`, then generated ones."""
    orgs = [
        {
            "id": fixed_id(f"org {slug}"),
            "name": name,
            "slug": slug,
            "members": [
                {
                    "id": fixed_id(f"member {slug} {email}"),
                    "role": ROLES.get(email, "MEMBER"),
                    "user": {"email": email},
                }
                for email in emails
            ],
        }
        for slug, name, emails in ORGS
    ]
    generated = [*generate_projects(1, count - len(_PROJECTS), "acme", now - 60 * DAY)]
    payroll = _base_project(fixed_id("project payroll"), "payroll", "initech", now - 90 * DAY)
    known = [_known_project(slug, now) for slug in list(_PROJECTS)[:count]]
    return {"orgs": orgs, "projects": [*known, *reversed(generated), payroll]}


def generate_projects(first: int, count: int, org: str, now: float) -> Iterator[dict[str, Any]]:
    """Yield projects with one deployment each, `project-00001` and so on, oldest first."""
    for number in range(first, first + count):
        deployment = {"id": new_id(), "status": "READY", "created_at": timestamp(now), "buildDurationMs": 30_000}
        yield {**_base_project(new_id(), f"project-{number:05}", org, now), "deployments": [deployment]}


def fill(store: Store, seed: Seed, now: float, build_seconds: float, person: str | None = ME) -> None:
    """Fill an empty store, completely or not at all.

    Args:
        store: a fresh one.
        seed: its content.
        now: in seconds since 1970.
        build_seconds: how long deployments that are under way still take.
        person: email address of the tokens' person, who has each organization's `role`; None: members only.

    Raises:
        ValueError: an object lacks an id or slug, or two have the same.
    """
    try:
        with store.change() as db:
            if person is not None:
                _find_or_add_user(db, person)
            for org in seed.get("orgs", ()):
                _add_org(db, org, person)
            for project in reversed(seed.get("projects", ())):
                add_project(db, project, now, build_seconds)
    except KeyError as error:
        raise ValueError(f"The seed lacks {error}.") from error
    except (sqlite3.IntegrityError, LookupError) as error:
        raise ValueError(f"The seed contradicts itself: {error}") from error


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
    seq: int = db.execute("SELECT seq FROM users WHERE email = ?", (email,)).fetchone()["seq"]
    return seq


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
    created_at = _parse_time(deployment.get("created_at"), now)
    seconds = now + build_seconds - created_at
    if status in ("READY", "ERROR"):
        milliseconds = deployment.get("buildDurationMs")
        seconds = milliseconds / 1000 if isinstance(milliseconds, int) else 0.0
    timeline.insert(
        db,
        project,
        {**deployment, "branch": deployment.get("branch") or "main"},
        created_at,
        building_at=now + build_seconds * timeline.QUEUED_SHARE if status == "QUEUED" else min(created_at, now),
        seconds=seconds,
        outcome="ERROR" if status == "ERROR" else "READY",
    )


def _base_project(identity: str, slug: str, org: str, created_at: float) -> dict[str, Any]:
    return {"id": identity, "name": slug, "slug": slug, "org": org, "created_at": timestamp(created_at)}


def _known_project(slug: str, now: float) -> dict[str, Any]:
    org, framework, description, variables = _PROJECTS[slug]
    history = _HISTORY[slug]
    deployments: list[dict[str, Any]] = []
    for number, (hours, branch, seconds, fails, message) in enumerate(reversed(history)):
        deployment = {
            "id": fixed_id(f"deployment {slug} {number}"),
            "status": "ERROR" if fails else "READY",
            "branch": branch,
            "commitMessage": message,
            "commitSha": hashlib.sha256(f"{slug} {number}".encode()).hexdigest()[:40],
            "created_at": timestamp(now - hours * HOUR),
            "buildDurationMs": round(seconds * 1000),
        }
        deployments.insert(0, deployment)
    born = now - history[-1][0] * HOUR - DAY
    return {
        **_base_project(fixed_id(f"project {slug}"), slug, org, born),
        "framework": framework,
        "description": description,
        "deployments": deployments,
        "env_vars": [
            {
                "id": fixed_id(f"variable {slug} {key}"),
                "key": key,
                "targets": targets.split() or list(TARGETS),
                "sensitive": key in _SENSITIVE,
            }
            for key, targets in variables.items()
        ],
    }


def _parse_time(text: Any, default: float) -> float:
    """Return a time of the API in seconds since 1970."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except (TypeError, ValueError):
        return default
