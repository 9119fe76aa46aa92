"""Which project a command is about: by ID, by slug, or by org/slug."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from dpx_cli.api import projects
from dpx_cli.api.client import Client, is_name, segment
from dpx_cli.errors import BadRequest, DpxError, Forbidden, NotFound, NotLoggedIn, UsageError
from dpx_cli.system import files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import TypeVar

    from dpx_cli.cache import Names
    from dpx_cli.config.settings import Settings

    T = TypeVar("T")

# The IDs that the reference shows ("clm1abc…") are cuids; UUIDs and anything with a capital or a "_" ("prj_42") are
# just as easy to tell from a slug.
ID = re.compile(r"c[a-z0-9]{20,40}|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|.*[A-Z_].*")
FILE, LINK, PICKED = "deploxa.toml", "link", "picked"


class ProjectRef(NamedTuple):
    """A project as the user or a file of the directory specifies it. Two are the same project if their IDs are.

    `id` is None before it is looked up; slug and organization are known where a file, the API or the user has them;
    `given` is the text: ID, slug or "org/slug"; `source` is an option, "DPX_PROJECT", FILE, LINK or PICKED.
    """

    id: str | None
    slug: str | None
    org: str | None
    given: str
    source: str

    @property
    def name(self) -> str:
        """What messages call it: "org/slug" if that was specified, else the slug, else what the user typed."""
        return self.given if "/" in self.given else self.slug or self.given


class Projects:
    """Finds projects by what users call them; `pick` lets the user pick one if none is specified, or returns None."""

    def __init__(
        self,
        client: Callable[[], Client],
        names: Callable[[], Names],
        settings: Settings,
        pick: Callable[[], ProjectRef | None],
        command: Callable[..., str],
    ) -> None:
        self._client = client
        self._names = names
        self._settings = settings
        self._pick = pick
        self._picked: ProjectRef | None = None
        self._command = command

    def ref(self, given: str | None) -> ProjectRef:
        """Return the project that is given, else of DPX_PROJECT, a file of the directory, or the one that is picked."""
        source = "--project" if given is not None else "DPX_PROJECT"
        if (text := given if given is not None else self._settings.variable("DPX_PROJECT")) is not None:
            if not text.strip():
                raise UsageError("The project is empty.", hint="Pass --project PROJECT, or leave --project out.")
            return ProjectRef(None, None, text.rpartition("/")[0] or None, text, source)
        if file := self._settings.project_file:
            return ProjectRef(None, file.reference.rpartition("/")[2], file.org_slug, file.reference, FILE)
        if link := self._settings.link:
            return ProjectRef(link.project_id, link.project_slug, link.org_slug, link.project_id, LINK)
        self._picked = self._picked or self._pick()
        if self._picked is None:
            command = self._command("link", "PROJECT")
            hint = f"Pass --project PROJECT, or link this directory to a project. Run: {command}"
            raise UsageError("No project specified.", hint=hint)
        return self._picked

    def refs(self, given: Sequence[str], *, keep_missing: bool = False) -> list[ProjectRef]:
        """Return the projects that are given, each once, in the order given; for none, that of `ref`.

        One project is looked up when it is used (`on`). Several are looked up here, in a complete list: what has the
        same ID in several spellings is one project. With `keep_missing` others are returned without an ID.
        """
        words = list(dict.fromkeys(given))
        if len(words) <= 1:
            return [self.ref(words[0] if words else None)]
        asked = [self.ref(word) for word in words]
        for ref in asked:
            _check_segments(ref.given)
        lists = {org: projects.list_usable(self._client(), org) for org in dict.fromkeys(ref.org for ref in asked)}
        refs: dict[str, ProjectRef] = {}
        for ref in asked:
            try:
                project, _ = self._choose(ref.given, lists[ref.org])
            except NotFound:
                if not keep_missing:
                    raise
                refs.setdefault(ref.given, ref)
            else:
                slug = project.get("slug")
                refs.setdefault(project["id"], ref._replace(id=project["id"], slug=slug if is_name(slug) else None))
        return list(refs.values())

    def on(self, given: str | ProjectRef | None, action: Callable[[str], T]) -> T:
        """Call a function with the ID of a project and return its result.

        A remembered ID that responds 404 is looked up again, and the function called once more.
        """
        ref = given if isinstance(given, ProjectRef) else self.ref(given)
        _check_segments(ref.given)
        if (guess := self.remembered(ref)) is None:
            return action(self._look_up(ref))
        try:
            return action(guess)
        except NotFound as gone:
            if ref.id is not None:
                if ref.source == LINK:
                    self.check_link()
                raise
            self._names().forget_project(ref.given)
            try:
                project_id = self._look_up(ref)
            except NotFound as missing:
                raise gone if ID.fullmatch(ref.given) else missing from None
            if project_id == guess:  # something else is missing
                raise
            return action(project_id)

    def get(self, given: str | ProjectRef | None) -> dict[str, Any]:
        """Return a project; see `on`."""
        return self.on(given, lambda project_id: projects.get_project(self._client(), project_id))

    def known(self, given: str | None = None) -> str | None:
        """Return the ID of the project; None if none is specified, or it can't be found. Never asks."""
        with contextlib.suppress(DpxError):
            if given is not None or self._settings.project:
                return self.on(given, str)
        return None

    def remembered(self, ref: ProjectRef) -> str | None:
        """Return the ID of a project if it is linked, remembered or looks like one: without a request. Else None."""
        if ref.id is not None:
            return ref.id
        with contextlib.suppress(NotLoggedIn):  # names are remembered for a token
            if project_id := self._names().project_id(ref.given):
                return project_id
        return ref.given if ID.fullmatch(ref.given) and "/" not in ref.given else None

    def check_link(self) -> None:
        """Raise NotFound, which names the link file, if the API has no project with the ID in it."""
        if (link := self._settings.link) is None:
            return
        try:
            projects.get_project(self._client(), link.project_id)
        except NotFound as missing:
            missing.message = f"No such project: {link.project_slug or link.project_id}"
            missing.message += f", from the link file {files.short(link.path)}"
            missing.hint = (
                f"To unlink the directory, run: {self._command('unlink')}; "
                f"to link it to another project, run: {self._command('link', 'PROJECT')}"
            )
            raise
        except DpxError:
            return

    def _look_up(self, ref: ProjectRef) -> str:
        """Find a project in the list of projects, remember it, and return its ID.

        Raise NotFound, which mentions the deploxa.toml if the project comes from there, or UsageError for several.
        """
        org, _, slug = ref.given.rpartition("/")
        try:
            project, chosen_by = self._choose(ref.given, projects.list_usable(self._client(), org or None))
        except NotFound as missing:
            file = self._settings.project_file if ref.source == FILE else None
            if file and missing.request is None:
                missing.message = f"No such project: {file.slug}, from {files.short(file.path)}"
                missing.hint = f"Fix its slug, or create it. Run: {self._command('apply')}"
            raise
        # Remembered as what it was found by: tomorrow the default may be another organization.
        self._names().remember_project(f"{chosen_by}/{slug}" if chosen_by else slug, project["id"])
        return str(project["id"])

    def list_refs(self, org: str | None) -> Iterator[list[ProjectRef]]:
        """Yield the projects of an organization, or all, page by page."""
        for page in projects.list_projects(self._client(), org=org):
            rows = [row for row in page if is_name(row.get("id"))]
            names = [(row["id"], row["slug"] if is_name(row.get("slug")) else row["id"]) for row in rows]
            yield [ProjectRef(project_id, slug, org, slug, "--org" if org else "--all") for project_id, slug in names]

    def _choose(self, reference: str, listed: Sequence[dict[str, Any]]) -> tuple[dict[str, Any], str | None]:
        """Return the one project of a list that a reference fits, and the organization that it was chosen by.

        If several fit, the default organization decides. If none fits, the reference may be an ID: the API's reference
        promises neither a form of IDs nor that every project is listed.
        """
        org, _, slug = reference.rpartition("/")
        fitting = _fitting(slug, listed)
        if len(fitting) > 1 and not org and (default := self._settings.org):
            org = default
            fitting = _fitting(slug, projects.list_usable(self._client(), default)) or fitting
        if len(fitting) > 1:
            names = ", ".join(f"{project['id']} ({project.get('slug')})" for project in fitting)
            raise UsageError(f"{slug} matches several projects: {names}", hint=f"Pass an ID, or ORG/{slug}.")
        if fitting:
            return fitting[0], org or None
        if slug == reference:
            with contextlib.suppress(BadRequest, Forbidden, NotFound):
                return projects.get_project(self._client(), reference), None
        import difflib

        close = difflib.get_close_matches(slug, [str(project.get("slug")) for project in listed], n=1)
        lists = self._command("projects", "list")
        hint = f"Did you mean {close[0]}? List projects: {lists}" if close else f"Run: {lists}"
        raise NotFound(f"No such project: {reference}", hint=hint)


def _fitting(slug: str, listed: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the projects with a slug, else with it in another case, and that with it as its ID: none is guessed."""
    fitting = [project for project in listed if project.get("slug") == slug]
    fitting = fitting or [project for project in listed if str(project.get("slug")).casefold() == slug.casefold()]
    return fitting + [project for project in listed if project["id"] == slug and project not in fitting]


def _check_segments(reference: str) -> None:
    """Raise UsageError for a reference that could change the path of a request."""
    org, slash, slug = reference.rpartition("/")
    segment(slug, "project")
    if slash:
        segment(org, "organization")
