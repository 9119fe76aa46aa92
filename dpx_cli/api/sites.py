"""The URL of a site: the reference shows domains in several places, so all of them are asked."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any

from dpx_cli import errors
from dpx_cli.api import deployments, projects
from dpx_cli.reference import MAX_PAGE, READY

if TYPE_CHECKING:
    from dpx_cli.api.client import Client
    from dpx_cli.api.rows import Row

DOMAIN_KEYS = ("domain", "name", "hostname", "url")  # where an object may hold its domain
# A domain or URL that is safe to print and open: no user, no password, and no mark that a shell or terminal knows.
URL = re.compile(r"(https?://)?[A-Za-z0-9_][A-Za-z0-9._-]*(:[0-9]{1,5})?([/?#][!#-;=?-\[\]_a-z~]*)?", re.ASCII)


def site_url(client: Client, deployment: Row, project_id: str | None, *, certain: bool = False) -> str | None:
    """Return the URL of a deployment's site: its own, that of its row in the list, or its project's; else None.

    The project must list the deployment, unless it is `certain` that it's the right one.
    """
    if (url := _url_of(deployment)) or project_id is None:
        return url
    try:
        for page in deployments.list_deployments(client, project_id, limit=MAX_PAGE):
            for row in page:
                if row.get("id") == deployment.get("id"):
                    return _url_of(row) or _first_domain(projects.get_project(client, project_id))
        return _first_domain(projects.get_project(client, project_id)) if certain else None
    except errors.DpxError:
        return None


def project_url(client: Client, project: Row) -> str | None:
    """Return the URL of a project's site: its first domain, else its newest READY deployment's; None without either."""
    if url := _first_domain(project):
        return url
    with contextlib.suppress(errors.DpxError):
        for page in deployments.list_deployments(client, str(project.get("id")), status=READY, limit=1):
            return _url_of(page[0])
    return None


def _url_of(deployment: Row) -> str | None:
    return https_url(deployment.get("url")) or https_url(deployment.get("deployment_domain"))


def _first_domain(project: Row) -> str | None:
    """Return the first usable of a project's domains; the reference does not say whether one is a text or an object."""
    domains = project.get("domains")
    for domain in domains if isinstance(domains, list) else []:
        names = [domain.get(key) for key in DOMAIN_KEYS] if isinstance(domain, dict) else [domain]
        if url := next(filter(None, map(https_url, names)), None):
            return url
    current = project.get("current_deployment")
    return _url_of(current) if isinstance(current, dict) else None


def https_url(text: Any) -> str | None:
    """Return a domain or URL from the API as a URL that is safe to print and open, else None."""
    match = URL.fullmatch(text) if isinstance(text, str) else None
    return match and (match[0] if match[1] else f"https://{match[0]}")
