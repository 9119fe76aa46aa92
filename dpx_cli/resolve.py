"""Which project is meant: by ID, by slug, or by org/slug."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from dpx_cli.errors import BadRequest, DpxError, Forbidden, NotFound, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeVar

    from dpx_cli.api.client import Client
    from dpx_cli.cache import Names
    from dpx_cli.config.settings import Settings

    T = TypeVar("T")

# The IDs that the reference shows ("clm1abc…") are cuids; UUIDs and anything with a capital or a "_" ("prj_42") are
# just as easy to tell from a slug.
ID = re.compile(r"c[a-z0-9]{20,40}|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|.*[A-Z_].*")


class Resolved(NamedTuple):
    """A project's ID, and why it may be wrong.

    Attributes:
        id: the ID.
        remembered: it comes from the cache, which may be stale.
        guessed: it was given and looks like an ID, which a slug may do as well.
    """

    id: str
    remembered: bool = False
    guessed: bool = False


def either(argument: str | None, option: str | None) -> str | None:
    """Return the project that was given as an argument or with --project, None if it was given in neither way.

    Raises:
        UsageError: if both were given, and differ.
    """
    if argument is not None and option is not None and argument != option:
        raise UsageError(
            f"PROJECT and --project can't be used together: {argument}, {option}", hint="Pass the project once."
        )
    return option if argument is None else argument


class Projects:
    """Finds projects by what users call them.

    Args:
        client: returns the API client.
        names: returns the cache of names.
        settings: the settings.
    """

    def __init__(self, client: Callable[[], Client], names: Callable[[], Names], settings: Settings) -> None:
        self._client = client
        self._names = names
        self._settings = settings

    def reference(self, given: str | None) -> str:
        """Return what the meant project is called: given, else DPX_PROJECT, else in a file of the directory.

        Raises:
            UsageError: if no project is specified anywhere.
        """
        reference = given if given is not None else self._settings.project
        if reference is None:
            raise UsageError(
                "No project specified.",
                hint="Pass --project PROJECT, or link this directory to a project. Run: dpx link PROJECT",
            )
        return reference

    def title(self, given: str | None) -> str:
        """Return how a user knows the meant project: as given, or the slug in a file of the directory."""
        reference = self.reference(given)
        if given is not None or self._settings.variable("DPX_PROJECT") or self._settings.project_file:
            return reference
        link = self._settings.link
        return link.project_slug or reference if link else reference

    def on(self, given: str | None, action: Callable[[str], T]) -> T:
        """Call a function with the ID of the meant project and return its result.

        A remembered ID that answers 404 is looked up again, and the function called once more.

        Raises:
            NotFound: if there is no such project.
        """
        reference = self.reference(given)
        with self._naming_file(given):
            resolved = self.resolve(reference)
        try:
            return action(resolved.id)
        except NotFound as gone:
            if resolved.guessed:
                try:
                    again = self.look_up(reference)
                except NotFound:
                    raise gone from None
            elif resolved.remembered:
                self._names().forget_project(reference)
                with self._naming_file(given):
                    again = self.look_up(reference)
            else:
                if given is None and not self._settings.variable("DPX_PROJECT"):
                    self.check_link(resolved.id)
                raise
            if again.id == resolved.id:
                raise
            return action(again.id)

    def check_link(self, project_id: str) -> None:
        """Ask for the project of the link file, if that is the one that names this ID.

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
                f"No such project: {link.project_slug or project_id}, named by the link file {link.path}",
                hint="To unlink the directory, run: dpx unlink; to link it to another project, run: dpx link PROJECT",
                status=missing.status,
                request=missing.request,
            ) from None
        except DpxError:
            return

    @contextlib.contextmanager
    def _naming_file(self, given: str | None) -> Iterator[None]:
        """Have a NotFound within the context name the deploxa.toml, if that is what names the project."""
        try:
            yield
        except NotFound as missing:
            file = None if given is not None or self._settings.variable("DPX_PROJECT") else self._settings.project_file
            if file is None or missing.request is not None:
                raise
            raise NotFound(
                f"No such project: {file.slug}, named by {file.path}", hint="Fix its slug, or create it. Run: dpx apply"
            ) from None

    def known(self, given: str | None = None) -> str | None:
        """Return the ID of the meant project; None if no project is specified, or it can't be found."""
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
        from dpx_cli.api.client import segment

        if self._is_linked(reference):
            segment(reference, "project")
            return Resolved(reference)
        org, slash, slug = reference.rpartition("/")
        segment(slug, "project")
        if slash:
            segment(org, "organization")
        if remembered := self._names().project_id(reference):
            return Resolved(remembered, remembered=True)
        if not slash and ID.fullmatch(reference):
            return Resolved(reference, guessed=True)
        try:
            return self.look_up(reference)
        except NotFound as missing:
            if slash:
                raise
            return self._unlisted(reference, missing)

    def remembered(self, reference: str) -> str | None:
        """Return the ID of a project if it is known without a request, else None."""
        if self._is_linked(reference) or ID.fullmatch(reference):
            return reference
        return self._names().project_id(reference)

    def look_up(self, reference: str) -> Resolved:
        """Find the ID of a project by slug or org/slug in the list of projects, and remember it.

        Raises: see `resolve`.
        """
        org, _, slug = reference.rpartition("/")
        found = self._listed(slug, org or None)
        if len(found) > 1 and not org and (default := self._settings.org):
            with contextlib.suppress(NotFound):
                found = self._listed(slug, default)
            # Remembered as what it was found by: tomorrow the default may be another organization.
            reference = f"{default}/{slug}"
        if len(found) > 1:
            listed = ", ".join(f"{project['id']} ({project.get('slug')})" for project in found)
            raise UsageError(f"{slug} fits several projects: {listed}", hint=f"Pass an ID, or ORG/{slug}.")
        self._names().remember_project(reference, found[0]["id"])
        return Resolved(found[0]["id"])

    def _unlisted(self, reference: str, missing: NotFound) -> Resolved:
        """Find a project that is in no list by its ID: the reference promises neither a form of IDs nor such a list.

        Raises:
            NotFound: `missing`, if it is no project's ID either.
        """
        from dpx_cli.api import projects

        try:
            projects.get_project(self._client(), reference)
        except (BadRequest, Forbidden, NotFound):
            raise missing from None
        self._names().remember_project(reference, reference)
        return Resolved(reference)

    def _is_linked(self, reference: str) -> bool:
        """Return whether a reference is the ID in the link file, which needs no look-up."""
        try:
            link = self._settings.link
        except DpxError:
            # The project was given another way then, and a damaged file is no reason to stop.
            return False
        return link is not None and reference == link.project_id

    def _listed(self, slug: str, org: str | None) -> list[dict[str, Any]]:
        """Return the listed projects that a reference fits: by slug, else by slug in another case, and by ID.

        Raises:
            NotFound: if it fits none; the hint names the nearest slug.
        """
        from dpx_cli.api import projects
        from dpx_cli.api.client import is_name

        exact, folded, by_id, slugs = [], [], [], []
        for page in projects.list_projects(self._client(), org=org):
            for project in page:
                if not is_name(project.get("id")):
                    continue
                name = str(project.get("slug"))
                slugs.append(name)
                if name == slug:
                    exact.append(project)
                elif name.casefold() == slug.casefold():
                    folded.append(project)
                elif project["id"] == slug:
                    by_id.append(project)
        # One project's ID may be another's slug: then it must not be guessed which is meant.
        if found := (exact or folded) + by_id:
            return found
        import difflib

        close = difflib.get_close_matches(slug, slugs, n=1)
        raise NotFound(
            f"No such project: {f'{org}/{slug}' if org else slug}",
            hint=f"Did you mean {close[0]}? List projects: dpx projects list" if close else "Run: dpx projects list",
        )
