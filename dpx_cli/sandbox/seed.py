"""What a sandbox starts with: two organizations, their people, and three projects that have been deployed before.

The ids are the same in every sandbox, so that examples can name them.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from typing import TYPE_CHECKING

from dpx_cli.reference import TARGETS
from dpx_cli.sandbox import course
from dpx_cli.sandbox.store import digest_of, fixed_id, new_id

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from dpx_cli.sandbox.store import Store

# The person of a token is the one with its role; each has that role in both organizations.
PEOPLE = {"owner": "olivia@acme.com", "admin": "alice@acme.com", "member": "max@acme.com"}
ORGS = (
    ("acme", "Acme Corp", ("olivia@acme.com", "alice@acme.com", "max@acme.com", "bob@acme.com", "carol@acme.com")),
    ("globex", "Globex", ("olivia@acme.com", "alice@acme.com", "max@acme.com", "hank@globex.com")),
    # No token's person belongs to this one: its projects answer 404.
    ("initech", "Initech", ("peter@initech.com",)),
)
ROLES = {
    "olivia@acme.com": "OWNER",
    "alice@acme.com": "ADMIN",
    "peter@initech.com": "OWNER",
    "hank@globex.com": "ADMIN",
}

HOUR, DAY = 3600.0, 86400.0
# Hours ago, branch, seconds, fails, message; oldest first.
_HISTORY: dict[str, Sequence[tuple[float, str, float, bool, str]]] = {
    "storefront": (
        (310, "main", 58, False, "Launch the summer collection"),
        (262, "main", 61, False, "Show stock on the product page"),
        (214, "feature/checkout", 72, True, "Rework checkout"),
        (191, "feature/checkout", 74, False, "Rework checkout, with its lock file"),
        (96, "main", 66, False, "Merge feature/checkout"),
        (50, "main", 12, True, "Bump the image library"),
        (49, "main", 64, False, "Pin the image library"),
        (3, "main", 63, False, "Fix the cart badge"),
    ),
    "docs": (
        (400, "main", 21, False, "First pages"),
        (120, "main", 23, False, "Describe webhooks"),
        (27, "main", 22, False, "Fix dead links"),
    ),
    "api": (
        (500, "main", 41, False, "Health check"),
        (73, "main", 44, False, "Page the orders"),
        (6, "main", 39, True, "Move to the new driver"),
    ),
}
# Organization, framework, app type, description, variables with their targets; newest last.
_PROJECTS = {
    "api": (
        "acme",
        "NODEJS",
        "NODEJS",
        "Orders and customers",
        {"DATABASE_URL": "production preview", "LOG_LEVEL": ""},
    ),
    "docs": ("globex", "VITE", "STATIC", "Documentation", {"SEARCH_KEY": "production"}),
    "storefront": (
        "acme",
        "NEXTJS",
        "NODEJS",
        "The shop",
        {"DATABASE_URL": "production", "NEXT_PUBLIC_API_URL": "", "STRIPE_SECRET_KEY": "production preview"},
    ),
}
_SENSITIVE = frozenset({"STRIPE_SECRET_KEY", "SEARCH_KEY"})
KNOWN = len(_PROJECTS)


def seed(store: Store, now: float, count: int = KNOWN) -> None:
    """Fill an empty store, completely or not at all.

    Args:
        store: a fresh one.
        now: in seconds since 1970; all deployments ended before.
        count: number of projects; `storefront`, `docs` and `api` come first, made-up ones after.
    """
    with store.change() as db:
        people: dict[str, int] = {}
        for org, (slug, name, emails) in enumerate(ORGS, 1):
            db.execute("INSERT INTO orgs VALUES (?, ?, ?, ?)", (org, fixed_id(f"org {slug}"), name, slug))
            for email in emails:
                if email not in people:
                    people[email] = len(people) + 1
                    db.execute("INSERT INTO users VALUES (?, ?, ?)", (people[email], fixed_id(email), email))
                db.execute(
                    "INSERT INTO members (id, org, user, role) VALUES (?, ?, ?, ?)",
                    (fixed_id(f"member {slug} {email}"), org, people[email], ROLES.get(email, "MEMBER")),
                )
        project(db, "payroll", "initech", now - 90 * DAY, identity=fixed_id("project payroll"))
        # Lists are newest first, so the well-known projects are created last.
        if count > KNOWN:
            make_up(db, count - KNOWN, "acme", now - 60 * DAY)
        for slug in list(_PROJECTS)[max(KNOWN - count, 0) :]:
            _known(db, slug, now)


def _known(db: sqlite3.Connection, slug: str, now: float) -> None:
    org, framework, app_type, description, variables = _PROJECTS[slug]
    history = _HISTORY[slug]
    born = now - history[0][0] * HOUR - DAY
    seq = project(db, slug, org, born, identity=fixed_id(f"project {slug}"), framework=framework)
    db.execute("UPDATE projects SET app_type = ?, description = ? WHERE seq = ?", (app_type, description, seq))
    for number, (hours, branch, seconds, fails, message) in enumerate(history):
        course.add(
            db,
            seq,
            branch,
            now - hours * HOUR,
            seconds=seconds,
            fails=fails,
            message=message,
            sha=hashlib.sha256(f"{slug} {number}".encode()).hexdigest()[:40],
            identity=fixed_id(f"deployment {slug} {number}"),
        )
    for key, targets in variables.items():
        variable(db, seq, key, targets.split() or TARGETS, sensitive=key in _SENSITIVE, identity=f"{slug} {key}")


def project(
    db: sqlite3.Connection,
    slug: str,
    org: str,
    now: float,
    *,
    identity: str | None = None,
    framework: str | None = None,
) -> int:
    """Store a project of the organization's first member and return its `seq`."""
    row = db.execute(
        "INSERT INTO projects (id, org, owner, name, slug, framework, created_at)"
        " SELECT ?, o.seq, m.user, ?, ?, ?, ? FROM orgs o JOIN members m ON m.org = o.seq WHERE o.slug = ?"
        " ORDER BY m.seq LIMIT 1",
        (identity or new_id(), slug, slug, framework, now, org),
    )
    if not row.rowcount or row.lastrowid is None:
        raise LookupError(f"no organization {org}")
    return row.lastrowid


def variable(
    db: sqlite3.Connection, seq: int, key: str, targets: Sequence[str], *, sensitive: bool, identity: str
) -> None:
    """Store a variable with a random value."""
    salt = secrets.token_bytes(16)
    db.execute(
        "INSERT INTO env_vars (id, project, key, targets, sensitive, salt, digest) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            fixed_id(f"variable {identity}"),
            seq,
            key,
            json.dumps(list(targets)),
            sensitive,
            salt,
            digest_of(secrets.token_hex(), salt),
        ),
    )


def make_up(db: sqlite3.Connection, count: int, org: str, now: float) -> list[str]:
    """Store `count` made-up projects with one deployment each and return their slugs, `project-00001` and so on."""
    last = "SELECT max(CAST(substr(slug, 9) AS INTEGER)) FROM projects WHERE slug GLOB 'project-[0-9]*'"
    first = (db.execute(last).fetchone()[0] or 0) + 1
    slugs = [f"project-{number:05}" for number in range(first, first + count)]
    for slug in slugs:
        course.add(db, project(db, slug, org, now), "main", now, seconds=30)
    return slugs
