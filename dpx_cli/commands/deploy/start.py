"""Start a deployment once and follow it to its end.

Here the promise is kept that nobody ever gets two deployments for one `dpx deploy`: the newest deployments are listed
before the POST, the POST is sent once, and where its answer is lost a second list tells what became of it.

Floor 2; neighbours: `api/deployments.py` (requests), `commands/deploy.py` (what a person sees).
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from dpx_cli import errors
from dpx_cli.api import deployments, projects
from dpx_cli.api.client import is_name, is_redirect
from dpx_cli.api.transport import Deadline
from dpx_cli.reference import ENDED, READY

if TYPE_CHECKING:
    from collections.abc import Callable

    from dpx_cli.api.client import Client
    from dpx_cli.api.deployments import DeploymentFields

NEWEST = 100  # deployments that are compared before and after a POST whose answer was lost
FIRST_POLL = 0.3  # seconds
SLOWEST_POLL = 5.0  # seconds
GROWTH = 1.3  # whoever waits learns of the end at most a third of the wait too late
SLOT_PAUSE = 2.0  # seconds before the second try where the server does not say; doubled up to:
LONGEST_SLOT_PAUSE = 30.0
DOMAIN_KEYS = ("domain", "name", "hostname", "url")  # where an object may hold its domain
AUTHORITY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(:[0-9]{1,5})?(?=[/?#]|\Z)", re.ASCII)  # no user, no password
SETTLING = 10.0  # seconds in which a deployment that was just made may not be found yet


class Starter:
    """Triggers one deployment of one project, once.

    Args:
        client: the API.
        project_id: the project.
        timeout: seconds that waiting for a build slot, and then for the deployment, may take.
        say: told what is waited for.

    Attributes:
        project_id: as given.
        deadline: the end of the wait.
        last_branch: the branch that was deployed last; known after `look`.
        may_have_started: whether a POST is out whose answer has not come.
    """

    def __init__(self, client: Client, project_id: str, *, timeout: float, say: Callable[[str], None]) -> None:
        self._client = client
        self.project_id = project_id
        self.deadline = Deadline(timeout)
        self._say = say
        self._before: set[str] = set()
        self.last_branch: str | None = None
        self.may_have_started = False

    def look(self) -> None:
        """List the newest deployments, once, before the POST. Raises NotFound where there is no such project."""
        newest = self._newest()
        self._before = {deployment["id"] for deployment in newest if is_name(deployment.get("id"))}
        branch = newest[0].get("branch") if newest else None
        self.last_branch = branch if isinstance(branch, str) else None

    def start(self, fields: DeploymentFields) -> dict[str, Any]:
        """POST the deployment; gives it with at least its "id".

        Raises:
            OutcomeUnknown: where the answer was lost and the list does not tell what became of the request.
            RateLimited: where no build slot came free in time.
            DpxError: where the server refused; then nothing was deployed.
        """
        pause = SLOT_PAUSE
        while True:
            try:
                self.may_have_started = True
                return deployments.create_deployment(self._client, self.project_id, fields)
            except errors.RateLimited as refused:
                self.may_have_started = False
                wait = pause if refused.retry_after is None else max(refused.retry_after, 0.1)
                if time.monotonic() + wait >= self.deadline.at:
                    raise
                self._say(f"the server is busy ({refused.message}); trying again in {wait:.0f} s")
                time.sleep(wait)
                pause = min(pause * 2, LONGEST_SLOT_PAUSE)
            except (errors.OutcomeUnknown, errors.ServerError, errors.InvalidResponse) as lost:
                if is_redirect(lost.status):
                    raise
                return self._find_ours(fields.get("branch") or self.last_branch, lost)

    def _newest(self) -> list[dict[str, Any]]:
        pages = deployments.list_deployments(self._client, self.project_id, limit=NEWEST)
        return [deployment for page in pages for deployment in page]

    def _find_ours(self, branch: str | None, lost: errors.DpxError) -> dict[str, Any]:
        """The one deployment that is new and of our branch.

        Raises:
            OutcomeUnknown: where there is none or are several.
        """
        self._say(f"the answer was lost ({lost.message}); looking whether the deployment was made")
        import shlex

        name = shlex.quote(self.project_id)
        hint = f"see whether it runs before you deploy again: dpx deploy list --project {name}"
        try:
            newest = self._newest()
        except errors.DpxError as problem:
            raise errors.OutcomeUnknown(
                f"the deployment was asked for, the answer was lost, and so was the list: {problem.message}",
                hint=hint,
                request=lost.request,
            ) from problem
        new = [
            deployment
            for deployment in newest
            if is_name(deployment.get("id"))
            and deployment["id"] not in self._before
            and (branch is None or deployment.get("branch") in (branch, None))
        ]
        if len(new) == 1:
            return new[0]
        if not new and isinstance(lost, errors.ServerError) and lost.status not in (502, 503, 504):
            # The server itself said that it failed, and nothing is there: that is an outcome.
            lost.hint = "nothing was deployed as far as dpx deploy list shows; try again"
            raise lost
        named = ", ".join(f"{deployment['id']} ({deployment.get('status')})" for deployment in new)
        raise errors.OutcomeUnknown(
            "the deployment was asked for and the answer was lost; "
            + (f"it may be one of {named}" if named else "no new deployment is there (yet)"),
            hint=hint,
            request=lost.request,
        ) from lost


def follow(
    client: Client,
    deployment_id: str,
    deadline: Deadline,
    *,
    say: Callable[[dict[str, Any] | None, str | None], None],
    created_now: bool,
) -> dict[str, Any]:
    """Poll a deployment until it is READY or ERROR; gives its last object.

    Args:
        client: the API.
        deployment_id: which.
        deadline: the end of the wait.
        say: told after each poll: the deployment, or None and what went wrong (and is waited out).
        created_now: whether it was just made, so that a 404 may mean "not yet".

    Raises:
        WaitTimeout: at the deadline.
        DpxError: for what waiting does not mend: 401, 403, 404.
    """
    started = time.monotonic()
    pause = FIRST_POLL
    while True:
        try:
            left = min(deadline.remaining(), client.timeout)
            found = deployments.get_deployment(client, deployment_id, deadline=Deadline(left))
        except TimeoutError:
            raise _timed_out(deployment_id, deadline.seconds) from None
        except errors.NotFound as gone:
            if not created_now or time.monotonic() - started > SETTLING:
                raise
            say(None, gone.message)
        except (errors.NetworkError, errors.ServerError, errors.InvalidResponse, errors.RateLimited) as fault:
            say(None, fault.message)
        else:
            if found.get("status") in ENDED:
                return found
            say(found, None)
        if time.monotonic() + pause >= deadline.at:
            # One last look at the very end of the wait.
            pause = max(0.0, deadline.at - time.monotonic() - 0.05)
            if pause == 0.0:
                raise _timed_out(deployment_id, deadline.seconds)
        time.sleep(pause)
        pause = min(max(pause, FIRST_POLL) * GROWTH, SLOWEST_POLL)


def _timed_out(deployment_id: str, seconds: float) -> errors.WaitTimeout:
    import shlex

    return errors.WaitTimeout(
        f"deployment {deployment_id} did not end within {seconds:g} s; it goes on",
        hint=f"dpx deploy wait {shlex.quote(deployment_id)}",
    )


def site_url(
    client: Client, deployment: dict[str, Any], project_id: str | None, *, certain: bool = False
) -> str | None:
    """The URL of a deployment's site, or None where the API does not tell.

    The reference shows a domain on the rows of a project's deployments ("deployment_domain") and a "url" in webhooks;
    so the object itself is asked first, then its row, then its project's domains.

    Args:
        client: the API.
        deployment: the deployment.
        project_id: the project that it is believed to be of.
        certain: whether it is known to be; else nothing of the project is taken where it does not list the deployment.
    """
    if found := _url_of(deployment):
        return found
    project_id = project_id or _text(deployment, "projectId") or _text(deployment, "project_id")
    if project_id is None:
        return None
    try:
        for page in deployments.list_deployments(client, project_id, limit=NEWEST):
            for row in page:
                if row.get("id") == deployment.get("id"):
                    return _url_of(row) or _first_domain(projects.get_project(client, project_id))
        return _first_domain(projects.get_project(client, project_id)) if certain else None
    except errors.DpxError:
        return None


def project_url(client: Client, project: dict[str, Any]) -> str | None:
    """The URL of a project's site: its first domain, else its newest READY deployment's; None without either."""
    if found := _first_domain(project):
        return found
    try:
        for page in deployments.list_deployments(client, str(project.get("id")), status=READY, limit=1):
            return _url_of(page[0])
    except errors.DpxError:
        return None
    return None


def _url_of(deployment: dict[str, Any]) -> str | None:
    return https_url(_text(deployment, "url") or _text(deployment, "deployment_domain"))


def _first_domain(project: dict[str, Any]) -> str | None:
    """The first usable of a project's domains; the reference does not say whether one is a text or an object."""
    domains = project.get("domains")
    for domain in domains if isinstance(domains, list) else []:
        names = (_text(domain, key) for key in DOMAIN_KEYS) if isinstance(domain, dict) else (domain,)
        name = next((name for name in names if isinstance(name, str)), None)
        if found := https_url(name):
            return found
    current = project.get("current_deployment")
    return _url_of(current) if isinstance(current, dict) else None


def https_url(text: str | None) -> str | None:
    """A domain or URL from the API as a URL that is safe to print and open: https, a host, no controls; else None."""
    if not text or not text.isascii() or not text.isprintable() or any(mark in text for mark in ' "<>\\^`{|}'):
        return None
    url = text if "://" in text else f"https://{text}"
    scheme, _, rest = url.partition("://")
    return url if scheme in ("https", "http") and AUTHORITY.match(rest) else None


def _text(found: dict[str, Any], key: str) -> str | None:
    value = found.get(key)
    return value if isinstance(value, str) and value else None
