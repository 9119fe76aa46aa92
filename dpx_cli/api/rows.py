"""The API's objects, as far as the reference shows them; fields that dpx doesn't know pass through."""

from __future__ import annotations

from typing import Any, TypedDict

Row = dict[str, Any]


class Deployment(TypedDict, total=False):
    """A deployment (reference, section Deployments). `status` is QUEUED, BUILDING, READY or ERROR."""

    id: str
    status: str
    branch: str
    commitMessage: str
    commitSha: str
    deployment_domain: str
    buildDurationMs: int
    bundleSizeKb: int


class Project(TypedDict, total=False):
    """A project (reference, section Projects)."""

    id: str
    slug: str
    name: str
    framework: str | None
    description: str | None
    build_command: str | None
    install_command: str | None
    output_dir: str | None
    created_at: str
    domains: list[Any]
    current_deployment: Deployment | None


class ProjectChanges(TypedDict, total=False):
    """The fields of a project that can be changed."""

    name: str
    description: str
    build_command: str
    install_command: str
    output_dir: str


class Variable(TypedDict, total=False):
    """An environment variable (reference, section Environment Variables); the API never returns values."""

    id: str
    key: str
    targets: list[str]
    sensitive: bool


class Organization(TypedDict, total=False):
    """An organization (reference, section Organizations)."""

    id: str
    slug: str
    name: str
    role: str
    _count: dict[str, int]


class Member(TypedDict, total=False):
    """A member of an organization."""

    id: str
    role: str
    user: dict[str, Any]


class Deployed(Row):
    """A `Deployment` as `create` and `wait` return it; `url` is the site's URL, None if it isn't known."""

    url: str | None = None
