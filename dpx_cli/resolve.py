"""Which project a command is about: by ID, by slug, or by org/slug."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from dpx_cli.errors import BadRequest, DpxError, Forbidden, NotFound, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import TypeVar

    from dpx_cli.api.client import Client
    from dpx_cli.cache import Names
    from dpx_cli.config.settings import Settings

    T = TypeVar("T")

# The IDs that the reference shows ("clm1abc…") are cuids; UUIDs and anything with a capital or a "_" ("prj_42") are
# just as easy to tell from a slug.
ID = re.compile(r"c[a-z0-9]{20,40}|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|.*[A-Z_].*")
FILE, LINK, PICKED = "deploxa.toml", "link", "picked"


class ProjectRef(NamedTuple):
    """A project as the user or a file of the directory specifies it. Two are the same project if their IDs are.

    Attributes:
        id: the ID; None before it is looked up.
        slug: the slug, where a file or the API has it.
        org: the slug of its organization, where it was specified.
        given: as it was typed, or as the file has it: ID, slug or "org/slug".
        source: "--project" (or PROJECT), "DPX_PROJECT", "deploxa.toml", "link", or "picked" from a list.
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


class Resolved(NamedTuple):
    """A project's ID, and why it may be wrong.

    Attributes:
        remembered: it comes from the cache, which may be stale.
        guessed: it was given and looks like an ID, which a slug may do as well.
    """

    id: str
    remembered: bool = False
    guessed: bool = False


def either(argument: str | None, option: str | None) -> str | None:
    """Return the project that was given as an argument or with --project, None if it was given in neither way.

    Raises:
        UsageError: if both were given, and differ; or if one is empty.
    """
    if argument is not None and option is not None and argument != option:
        raise UsageError(
            f"PROJECT and --project can't be used together: {argument}, {option}", hint="Pass the project once."
        )
    return option if argument is None else argument


def split_list(given: Sequence[str]) -> list[str]:
    """Return projects that were given one by one or separated by commas, each spelling once."""
    return list(dict.fromkeys(word.strip() for text in given for word in text.split(",")))


class Projects:
    """Finds projects by what users call them.

    Args:
        client: returns the API client.
        names: returns the cache of names.
        settings: the settings.
        pick: lets the user pick a project if none is specified; returns None if nobody can be asked.
    """

    def __init__(
        self,
        client: Callable[[], Client],
        names: Callable[[], Names],
        settings: Settings,
        pick: Callable[[], ProjectRef | None] = lambda: None,
    ) -> None:
        self._client = client
        self._names = names
        self._settings = settings
        self._pick = pick
        self._picked: ProjectRef | None = None

    def ref(self, given: str | None) -> ProjectRef:
        """Return the project that is given, else of DPX_PROJECT, else of a file of the directory, else the picked one.

        Raises:
            UsageError: if no project is specified anywhere.
        """
        if given is not None:
            if not given.strip():
                raise UsageError("The project is empty.", hint="Pass --project PROJECT, or leave --project out.")
            return ProjectRef(None, None, given.rpartition("/")[0] or None, given, "--project")
        if variable := self._settings.variable("DPX_PROJECT"):
            return ProjectRef(None, None, variable.rpartition("/")[0] or None, variable, "DPX_PROJECT")
        if file := self._settings.project_file:
            return ProjectRef(None, file.reference.rpartition("/")[2], file.org_slug, file.reference, FILE)
        if link := self._settings.link:
            return ProjectRef(link.project_id, link.project_slug, link.org_slug, link.project_id, LINK)
        self._picked = self._picked or self._pick()
        if self._picked is None:
            raise UsageError(
                "No project specified.",
                hint="Pass --project PROJECT, or link this directory to a project. Run: dpx link PROJECT",
            )
        return self._picked

    def refs(self, given: Sequence[str], *, keep_missing: bool = False) -> list[ProjectRef]:
        """Return the projects that are given, each once, in the order given; for none, that of `ref`.

        One project is looked up when it is used (`on`). Several are looked up here, in one complete list for all (and
        one for each organization that is specified): what names the same ID in several ways is one project. An item
        may be several, separated by commas. With `keep_missing` those that aren't found are returned without an ID.

        Raises:
            UsageError: if no project is specified anywhere, or one fits several projects, which are listed.
            NotFound: if there is no such project.
        """
        words = split_list(given)
        if len(words) <= 1:
            return [self.ref(words[0] if words else None)]
        asked = [self.ref(word) for word in words]
        for ref in asked:
            _check_segments(ref.given)
        lists: dict[str | None, list[dict[str, Any]]] = {}
        refs: dict[str, ProjectRef] = {}
        for ref in asked:
            if ref.org not in lists:
                lists[ref.org] = self.list_all(ref.org)
            try:
                project, _ = self._choose(ref.given.rpartition("/")[2], ref.org, lists[ref.org])
            except NotFound as missing:
                try:
                    project = self._unlisted(ref.given, missing)
                except NotFound:
                    if not keep_missing:
                        raise
                    refs.setdefault(ref.given, ref)
                    continue
            slug = project.get("slug")
            refs.setdefault(project["id"], ref._replace(id=project["id"], slug=slug if isinstance(slug, str) else None))
        return list(refs.values())

    def reference(self, given: str | None) -> str:
        """Return what `ref` says was given."""
        return self.ref(given).given

    def title(self, given: str | None) -> str:
        """Return the name of `ref`."""
        return self.ref(given).name

    def on(self, given: str | ProjectRef | None, action: Callable[[str], T]) -> T:
        """Call a function with the ID of a project and return its result.

        A remembered ID that responds 404 is looked up again, and the function called once more.

        Raises:
            NotFound: if there is no such project.
        """
        ref = given if isinstance(given, ProjectRef) else self.ref(given)
        if ref.id is not None and ref.source != LINK:
            return action(ref.id)
        with self._naming_file(ref):
            resolved = self.resolve(ref.given)
        try:
            return action(resolved.id)
        except NotFound as gone:
            if resolved.guessed:
                try:
                    again = self.look_up(ref.given)
                except NotFound:
                    raise gone from None
            elif resolved.remembered:
                self._names().forget_project(ref.given)
                with self._naming_file(ref):
                    again = self.look_up(ref.given)
            else:
                if ref.source == LINK:
                    self.check_link(resolved.id)
                raise
            if again.id == resolved.id:
                raise
            return action(again.id)

    def check_link(self, project_id: str) -> None:
        """Ask for the project of the link file, if that is the one that has this ID.

        Raises:
            NotFound: if the API doesn't have it; the message names the file.
        """
        from dpx_cli.api import projects

        link = self._settings.link
        if link is None or link.project_id != project_id:
            return
        try:
            projects.get_project(self._client(), project_id)
        except NotFound as missing:
            raise NotFound(
                f"No such project: {link.project_slug or project_id}, from the link file {link.path}",
                hint="To unlink the directory, run: dpx unlink; to link it to another project, run: dpx link PROJECT",
                status=missing.status,
                request=missing.request,
            ) from None
        except DpxError:
            return

    @contextlib.contextmanager
    def _naming_file(self, ref: ProjectRef) -> Iterator[None]:
        """Have a NotFound within the context name the deploxa.toml, if the project comes from there."""
        try:
            yield
        except NotFound as missing:
            file = self._settings.project_file if ref.source == FILE else None
            if file is None or missing.request is not None:
                raise
            raise NotFound(
                f"No such project: {file.slug}, from {file.path}", hint="Fix its slug, or create it. Run: dpx apply"
            ) from None

    def known(self, given: str | None = None) -> str | None:
        """Return the ID of the project; None if none is specified, or it can't be found. Never asks."""
        try:
            reference = given if given is not None else self._settings.project
            return self.resolve(reference).id if reference else None
        except DpxError:
            return None

    def resolve(self, reference: str) -> Resolved:
        """Find the ID of a project.

        Raises:
            UsageError: if the reference can't be one, or fits several projects, which are listed.
            NotFound: if it fits none.
        """
        if self._is_linked(reference):
            _check_segments(reference)
            return Resolved(reference)
        _check_segments(reference)
        if remembered := self._names().project_id(reference):
            return Resolved(remembered, remembered=True)
        if ID.fullmatch(reference) and "/" not in reference:
            return Resolved(reference, guessed=True)
        try:
            return self.look_up(reference)
        except NotFound as missing:
            return Resolved(self._unlisted(reference, missing)["id"])

    def remembered(self, reference: str) -> str | None:
        """Return the ID of a project if it is known without a request, else None."""
        if self._is_linked(reference) or ID.fullmatch(reference):
            return reference
        return self._names().project_id(reference)

    def look_up(self, reference: str) -> Resolved:
        """Find the ID of a project by slug or org/slug in the list of projects, and remember it; see `resolve`."""
        org, _, slug = reference.rpartition("/")
        project, chosen_by = self._choose(slug, org or None, self.list_all(org or None))
        # Remembered as what it was found by: tomorrow the default may be another organization.
        self._names().remember_project(f"{chosen_by}/{slug}" if chosen_by else slug, project["id"])
        return Resolved(project["id"])

    def list_all(self, org: str | None) -> list[dict[str, Any]]:
        """Return all projects, or those of an organization, that have an ID."""
        from dpx_cli.api import projects
        from dpx_cli.api.client import is_name

        pages = projects.list_projects(self._client(), org=org)
        return [project for page in pages for project in page if is_name(project.get("id"))]

    def _unlisted(self, reference: str, missing: NotFound) -> dict[str, Any]:
        """Get a project that is in no list by its ID: the reference promises neither a form of IDs nor such a list.

        Raises:
            NotFound: `missing`, if it is no project's ID either.
        """
        from dpx_cli.api import projects

        if "/" in reference:
            raise missing
        try:
            project = projects.get_project(self._client(), reference)
        except (BadRequest, Forbidden, NotFound):
            raise missing from None
        self._names().remember_project(reference, reference)
        return {**project, "id": reference}

    def _is_linked(self, reference: str) -> bool:
        """Return whether a reference is the ID in the link file, which needs no look-up."""
        try:
            link = self._settings.link
        except DpxError:
            # The project was given another way then, and a damaged file is no reason to stop.
            return False
        return link is not None and reference == link.project_id

    def _choose(
        self, slug: str, org: str | None, listed: Sequence[dict[str, Any]]
    ) -> tuple[dict[str, Any], str | None]:
        """Return the one project of a list that a slug or ID fits, and the organization that it was chosen by.

        If several fit, the default organization decides; see `resolve` for errors.
        """
        fitting = _fitting(slug, org, listed)
        if len(fitting) > 1 and not org and (default := self._settings.org):
            org = default
            with contextlib.suppress(NotFound):
                fitting = _fitting(slug, default, self.list_all(default))
        if len(fitting) > 1:
            names = ", ".join(f"{project['id']} ({project.get('slug')})" for project in fitting)
            raise UsageError(f"{slug} fits several projects: {names}", hint=f"Pass an ID, or ORG/{slug}.")
        return fitting[0], org


def _check_segments(reference: str) -> None:
    """Raise UsageError for a reference that could change the path of a request."""
    from dpx_cli.api.client import segment

    org, slash, slug = reference.rpartition("/")
    segment(slug, "project")
    if slash:
        segment(org, "organization")


def _fitting(slug: str, org: str | None, listed: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the projects that a reference fits: by slug, else by slug in another case, and by ID.

    Raises:
        NotFound: if it fits none; the hint has the nearest slug.
    """
    slugs = [str(project.get("slug")) for project in listed]
    exact, folded, by_id = [], [], []
    for name, project in zip(slugs, listed, strict=True):
        if name == slug:
            exact.append(project)
        elif name.casefold() == slug.casefold():
            folded.append(project)
        elif project["id"] == slug:
            by_id.append(project)
    # One project's ID may be another's slug: then it must not be guessed which is specified.
    if fitting := (exact or folded) + by_id:
        return fitting
    import difflib

    close = difflib.get_close_matches(slug, slugs, n=1)
    raise NotFound(
        f"No such project: {f'{org}/{slug}' if org else slug}",
        hint=f"Did you mean {close[0]}? List projects: dpx projects list" if close else "Run: dpx projects list",
    )
