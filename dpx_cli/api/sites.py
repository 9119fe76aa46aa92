"""The URL of a site: the reference shows domains in several places, so all of them are asked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from dpx_cli import errors
from dpx_cli.api import deployments, projects
from dpx_cli.reference import MAX_PAGE, READY

if TYPE_CHECKING:
    from dpx_cli.api.client import Client

    Row = dict[str, Any]

DOMAIN_KEYS = ("domain", "name", "hostname", "url")  # where an object may hold its domain
AUTHORITY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(:[0-9]{1,5})?(?=[/?#]|\Z)", re.ASCII)  # no user, no password


def site_url(client: Client, deployment: Row, project_id: str | None, *, certain: bool = False) -> str | None:
    """Return the URL of a deployment's site, or None if the API doesn't return one.

    The reference shows a domain on the rows of a project's deployments ("deployment_domain") and a "url" in webhooks;
    so the object itself is asked first, then its row, then its project's domains. Unless the project is `certain`, its
    domains are only used if it lists the deployment.
    """
    if found := _url_of(deployment):
        return found
    project_id = project_id or _text(deployment, "projectId") or _text(deployment, "project_id")
    if project_id is None:
        return None
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
    if found := _first_domain(project):
        return found
    try:
        for page in deployments.list_deployments(client, str(project.get("id")), status=READY, limit=1):
            return _url_of(page[0])
    except errors.DpxError:
        return None
    return None


def _url_of(deployment: Row) -> str | None:
    return https_url(_text(deployment, "url") or _text(deployment, "deployment_domain"))


def _first_domain(project: Row) -> str | None:
    """Return the first usable of a project's domains; the reference does not say whether one is a text or an object."""
    domains = project.get("domains")
    for domain in domains if isinstance(domains, list) else []:
        names = (_text(domain, key) for key in DOMAIN_KEYS) if isinstance(domain, dict) else (domain,)
        name = next((name for name in names if isinstance(name, str)), None)
        if found := https_url(name):
            return found
    current = project.get("current_deployment")
    return _url_of(current) if isinstance(current, dict) else None


def https_url(text: str | None) -> str | None:
    """Return a domain or URL from the API as a URL that is safe to print and open (https, a host), else None."""
    if not text or not text.isascii() or not text.isprintable() or any(mark in text for mark in ' "<>\\^`{|}'):
        return None
    url = text if "://" in text else f"https://{text}"
    scheme, _, rest = url.partition("://")
    return url if scheme in ("https", "http") and AUTHORITY.match(rest) else None


def _text(row: Row, key: str) -> str | None:
    value = row.get(key)
    return value if isinstance(value, str) and value else None
