"""Which project a person means: by id, by slug, or by org/slug.

Floor 2; neighbour: `session.py`.
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any

from dpx_cli.errors import BadRequest, DpxError, Forbidden, NotFound, UsageError

if TYPE_CHECKING:
    from dpx_cli.session import Session

# The ids that the reference shows ("clm1abc…") are cuids; UUIDs are told as easily, and so is what has a capital or a
# "_" in it ("prj_42"). None of them is a plausible slug.
ID = re.compile(r"c[a-z0-9]{20,40}|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|.*[A-Z_].*")


class Resolved:
    """A project's id, and why it may be wrong.

    Attributes:
        id: the id.
        remembered: it comes from memory, which may be stale.
        guessed: it is what was given and looks like an id, which a long slug may as well.
    """

    __slots__ = ("guessed", "id", "remembered")

    def __init__(self, project_id: str, *, remembered: bool = False, guessed: bool = False) -> None:
        self.id = project_id
        self.remembered = remembered
        self.guessed = guessed


def resolve(session: Session, reference: str) -> Resolved:
    """Find the id of a project.

    Raises:
        UsageError: where the reference could not be one, or fits several projects; they are listed.
        NotFound: where it fits none.
    """
    from dpx_cli.api.client import segment

    if _is_linked(session, reference):
        segment(reference, "project")
        return Resolved(reference)
    org, slash, slug = reference.rpartition("/")
    segment(slug, "project")
    if slash:
        segment(org, "organization")
    if remembered := session.names.project_id(reference):
        return Resolved(remembered, remembered=True)
    if not slash and ID.fullmatch(reference):
        return Resolved(reference, guessed=True)
    try:
        return look_up(session, reference)
    except NotFound as missing:
        if slash:
            raise
        return _unlisted(session, reference, missing)


def look_up(session: Session, reference: str) -> Resolved:
    """Find the id of a project that is named by slug or org/slug in the list of projects, and remember it.

    Raises: see `resolve`.
    """
    org, _, slug = reference.rpartition("/")
    found = _look_up(session, slug, org or None)
    if len(found) > 1 and not org and session.settings.org:
        with contextlib.suppress(NotFound):
            found = _look_up(session, slug, session.settings.org)
        # Remembered as what it was found by: tomorrow the default may be another organization.
        reference = f"{session.settings.org}/{slug}"
    if len(found) > 1:
        listed = ", ".join(f"{project['id']} ({project.get('name', slug)})" for project in found)
        raise UsageError(f"{slug} fits several projects: {listed}", hint=f"name one by its id, or as ORG/{slug}")
    project_id = found[0]["id"]
    session.names.remember_project(reference, project_id)
    return Resolved(project_id)


def _unlisted(session: Session, reference: str, missing: NotFound) -> Resolved:
    """A project that is in no list, by its id: what ids look like, and that every project is listed, nobody promises.

    Raises:
        NotFound: `missing`, where it is no project's id either.
    """
    from dpx_cli.api import projects

    try:
        projects.get_project(session.client, reference)
    except (BadRequest, Forbidden, NotFound):
        raise missing from None
    session.names.remember_project(reference, reference)
    return Resolved(reference)


def _is_linked(session: Session, reference: str) -> bool:
    """Whether a reference is the id in the link file, which needs no looking up."""
    try:
        link = session.settings.link
    except DpxError:
        # It named nothing then: the reference was given, and a damaged file is no reason not to go on.
        return False
    return link is not None and reference == link.project_id


def _look_up(session: Session, slug: str, org: str | None) -> list[dict[str, Any]]:
    """All projects with a slug (or, failing that, an id) in the list of projects.

    Raises:
        NotFound: where there is none; the hint names the nearest.
    """
    from dpx_cli.api import projects
    from dpx_cli.api.client import is_name

    by_slug, by_id, slugs = [], [], []
    for page in projects.list_projects(session.client, org=org):
        for project in page:
            if not is_name(project.get("id")):
                continue
            if project.get("slug") == slug:
                by_slug.append(project)
            elif project["id"] == slug:
                by_id.append(project)
            slugs.append(str(project.get("slug")))
    if found := by_slug or by_id:
        return found
    import difflib

    close = difflib.get_close_matches(slug, slugs, n=1)
    raise NotFound(
        f"no such project: {f'{org}/{slug}' if org else slug}",
        hint=f"did you mean {close[0]}? See dpx projects list" if close else "see dpx projects list",
    )
