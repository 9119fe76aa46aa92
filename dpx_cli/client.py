"""The Python client: what the commands do, for scripts, test suites and webhook handlers.

    from dpx_cli import Client

    with Client() as deploxa:  # token, API and profile as the command finds them
        for project in deploxa.projects.list(org="acme"):
            print(project["slug"])
        print(deploxa.deployments.create("shop", branch="main").url)

A facade over `api/` and `resolve.py`: one attribute per resource of the API reference, one method per endpoint. Results
are the API's own objects, with the fields that dpx doesn't know; lists are iterators over all pages. Errors are those
of the commands (`DpxError` and its subclasses). Nothing is asked or printed; warnings go to the logger "dpx_cli".
"""

from __future__ import annotations

import logging
import os
from contextlib import contextmanager
from functools import partial
from itertools import chain
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from dpx_cli.api import deployments, env_vars, orgs, projects, sites
from dpx_cli.api.deploy.create import Creator
from dpx_cli.api.deploy.follow import follow
from dpx_cli.api.parallel import half_way
from dpx_cli.api.retry import Deadline
from dpx_cli.api.rows import Deployed, Deployment, Member, Organization, Project, ProjectChanges, Row, Variable
from dpx_cli.errors import DeploymentFailed, DpxError, UsageError
from dpx_cli.reference import ERROR, GRACE, TARGETS, WAIT, is_key, targets_of
from dpx_cli.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import Unpack

    from dpx_cli.api.client import Client as ApiClient
    from dpx_cli.output.screen import Screen

    OnStatus = Callable[[Deployment], None] | None

Result = TypeVar("Result")
# What a session writes to instead of a terminal.
_log = partial(logging.getLogger("dpx_cli").warning, "%s")
_LOG = SimpleNamespace(can_ask=False, note=_log, info=_log, warn=_log)


class Client:
    """The Deploxa API, as one token sees it. Use it in a `with` statement, or call `close`.

    It serves one thread at a time; `copy` opens another connection for another thread. Token, API and profile are found
    as the command finds them, in `env` or the process's environment. A request, its retries included, may take
    `timeout` seconds. `read_only` refuses every request that could change something; False doesn't undo DPX_READ_ONLY.
    Requests raise the DpxError of their status or fault; see `dpx help exit-codes`.
    """

    def __init__(
        self,
        token: str | None = None,
        *,
        api_url: str | None = None,
        profile: str | None = None,
        timeout: float = 30.0,
        read_only: bool = False,
        env: Mapping[str, str] | None = None,
    ) -> None:
        if token == "":
            raise UsageError("The token is empty.", hint="Pass a token, or None to use DPX_TOKEN or the stored one.")
        given = {"DPX_TOKEN": token, "DPX_API_URL": api_url, "DPX_TIMEOUT": str(timeout)}
        self._env = {**(os.environ if env is None else env), **{key: text for key, text in given.items() if text}}
        self._options: dict[str, Any] = {"profile": profile, "timeout": timeout, "read_only": read_only}
        self._session = Session(self._env, cast("Screen", _LOG), profile=profile)
        self._session.read_only = "read_only=True" if read_only else None
        self._is_closed = False
        self.projects = Projects(self)
        self.deployments = Deployments(self)
        self.env = Variables(self)
        self.orgs = Organizations(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; nothing can be requested afterwards."""
        self._is_closed = True
        self._session.close()

    def copy(self) -> Client:
        """Return a client with the same settings and a connection of its own, for another thread."""
        return Client(self.session.token(), env=self._env, **self._options)

    @property
    def session(self) -> Session:
        """What the resources share. Raises UsageError if the client is closed."""
        if self._is_closed:
            raise UsageError("The client is closed.", hint="Create another Client.")
        return self._session


class _Resource:
    def __init__(self, client: Client) -> None:
        self._client = client

    @property
    def _api(self) -> ApiClient:
        return self._client.session.client

    def _on(self, project: str, action: Callable[[str], Result]) -> Result:
        return self._client.session.projects.on(project, action)

    def _items(self, pages: Iterable[list[Row]]) -> Iterator[Any]:
        for page in pages:
            for item in page:
                yield item
                _ = self._api  # a closed client must not connect again


class Projects(_Resource):
    """Projects: `client.projects`. A project is specified by ID, slug or org/slug."""

    def list(self, org: str | None = None, *, limit: int | None = None) -> Iterator[Project]:
        """GET /projects: iterate over all projects, or those of one organization."""
        return self._items(projects.list_projects(self._api, org=org, limit=limit))

    def get(self, project: str) -> Project:
        """GET /projects/:id: return one project. Raise NotFound if it doesn't exist."""
        return cast("Project", self._client.session.projects.get(project))

    def create(
        self,
        name: str,
        *,
        org: str | None = None,
        framework: str | None = None,
        app_type: str | None = None,
        description: str | None = None,
    ) -> Project:
        """POST /projects: create a project, once. Raise OutcomeUnknown if it isn't known whether it was."""
        options = {"orgSlug": org, "framework": framework, "appType": app_type, "description": description}
        fields = {key: text for key, text in options.items() if text is not None}
        return cast("Project", projects.create_project(self._api, name, fields))

    def update(self, project: str, **changes: Unpack[ProjectChanges]) -> Project:
        """PATCH /projects/:id: change name, description or commands; "" clears a setting."""
        return cast("Project", self._on(project, lambda key: projects.update_project(self._api, key, changes)))

    def delete(self, project: str) -> None:
        """DELETE /projects/:id: delete a project. Only the owner can delete it, and it can't be undone."""
        self._on(project, lambda key: projects.delete_project(self._api, key))


class Deployments(_Resource):
    """Deployments: `client.deployments`."""

    def list(self, project: str, status: str | None = None, *, limit: int | None = None) -> Iterator[Deployment]:
        """GET /projects/:id/deployments: iterate over a project's deployments, newest first."""

        def begin(key: str) -> Iterable[list[Row]]:
            pages = iter(deployments.list_deployments(self._api, key, status=status, limit=limit))
            return chain([next(pages, [])], pages)

        yield from self._items(self._on(project, begin))

    def get(self, deployment_id: str) -> Deployment:
        """GET /deployments/:id: return one deployment. Raise NotFound if it doesn't exist."""
        return cast("Deployment", deployments.get_deployment(self._api, deployment_id))

    def create(
        self,
        project: str,
        *,
        branch: str | None = None,
        message: str | None = None,
        sha: str | None = None,
        wait: bool = True,
        timeout: float = WAIT,
        on_status: OnStatus = None,
    ) -> Deployed:
        """POST /projects/:id/deployments: deploy a project, once, and wait until it is READY, unless `wait` is False.

        Only what is given is sent; without a branch the API chooses the last deployed branch. Everything may take
        `timeout` seconds. `on_status` is called with the deployment whenever its status is new.

        Raise DeploymentFailed (ERROR) or WaitTimeout (still running), both with the last state as `deployment`;
        OutcomeUnknown if the response was lost; RateLimited if there was no build slot until the timeout.
        """
        options = {"branch": branch, "commitMessage": message, "commitSha": sha}
        fields: Any = {key: text for key, text in options.items() if text is not None}
        session, deadline = self._client.session, Deadline(timeout)
        ref, note = session.projects.ref(project), session.screen.note
        check = session.command("deploy", "list", project=ref)

        def create(project_id: str) -> tuple[str, Row]:
            creator = Creator(
                self._api, project_id, deadline=deadline, check=check, show=lambda _, text: note(text), warn=note
            )
            creator.list_recent()
            return project_id, creator.create(fields)

        with self._until(deadline):
            project_id, created = session.projects.on(ref, create)
            if on_status:
                on_status(cast("Deployment", created))
            return self._follow(created, deadline, on_status, project_id) if wait else Deployed(created)

    def wait(self, deployment_id: str, *, timeout: float = WAIT, on_status: OnStatus = None) -> Deployed:
        """Wait until a deployment is READY, at most `timeout` seconds; arguments and errors are those of `create`."""
        deadline = Deadline(timeout)
        with self._until(deadline):
            return self._follow({"id": deployment_id}, deadline, on_status)

    @contextmanager
    def _until(self, deadline: Deadline) -> Iterator[None]:
        """Bound every request within the context."""
        api = self._api
        api.until = deadline.at + GRACE
        try:
            yield
        finally:
            api.until = None

    def _follow(self, begun: Row, deadline: Deadline, on_status: OnStatus, project_id: str | None = None) -> Deployed:
        """Follow a deployment to its end; `project_id` is set if it was created here."""
        deployment_id, last = begun["id"], begun.get("status")

        def report(row: Row | None, _: str | None = None) -> None:
            nonlocal last
            if row is not None and row.get("status") != last:
                last = row.get("status")
                if on_status:
                    on_status(cast("Deployment", row))

        command = self._client.session.command("deploy", "wait", deployment_id)
        created = begun if project_id else None
        row = follow(self._api, deployment_id, deadline, say=report, created=created, command=command)
        report(row)
        if row.get("status") == ERROR:
            failed = DeploymentFailed(f"Deployment {deployment_id} (branch {row.get('branch')}) failed.")
            failed.deployment = row
            raise failed
        deployed = Deployed(row)
        deployed.url = sites.site_url(self._api, row, project_id, certain=project_id is not None)
        return deployed


class Variables(_Resource):
    """Environment variables: `client.env`."""

    def list(self, project: str) -> list[Variable]:
        """GET /projects/:id/env-vars: return all variables of a project, without values."""
        rows = self._on(project, lambda key: env_vars.by_key(self._api, key))
        return [cast("Variable", row) for row in rows.values()]

    def set(
        self,
        project: str,
        variables: Mapping[str, str],
        *,
        targets: Sequence[str] | None = None,
        sensitive: bool | None = None,
        narrow: bool = False,
    ) -> Sequence[Variable]:
        """POST /projects/:id/env-vars: create or update variables; they take effect with the next deployment.

        Without `targets` (of "production", "preview", "development") or `sensitive`, a variable keeps those it has.
        Raise UsageError, and send nothing, if a key or a target is invalid, or a variable would lose a target without
        `narrow`. If one can't be set, the error says which are done; setting again is harmless.
        """
        for key, value in variables.items():
            if not is_key(key) or "\0" in value:
                raise UsageError(f"Not a valid variable name, or NUL in its value: {key!r}.")
        if unknown := set(targets or ()) - set(TARGETS):
            raise UsageError(f"No such target: {', '.join(sorted(unknown))}", hint=f"Use one of: {', '.join(TARGETS)}")

        def change(project_id: str) -> Sequence[Variable]:
            own = {key: row for key, row in env_vars.by_key(self._api, project_id).items() if key in variables}
            lost = [key for key, row in own.items() if targets and set(targets_of(row)) - set(targets)]
            if lost and not narrow:
                hint = "Pass every target to keep, or narrow=True."
                raise UsageError(f"This would remove targets from {', '.join(lost)}; nothing was sent.", hint=hint)
            rows: dict[str, Variable] = {}
            for key, value in variables.items():
                kept = targets_of(own[key]) if key in own else ()
                mark = (own.get(key, {}).get("sensitive") is True or None) if sensitive is None else sensitive
                options: Any = {"targets": targets or kept, "sensitive": mark}
                try:
                    rows[key] = cast("Variable", env_vars.set_env_var(self._api, project_id, key, value, **options))
                except DpxError as failure:
                    raise half_way(failure, list(variables), rows, {key: failure}) from None
            return list(rows.values())

        return self._on(project, change)

    def delete(self, project: str, key: str) -> None:
        """DELETE /projects/:id/env-vars/:key: delete a variable. Raise NotFound if there is none."""
        self._on(project, lambda project_id: env_vars.delete_env_var(self._api, project_id, key))


class Organizations(_Resource):
    """Organizations: `client.orgs`."""

    def list(self) -> Iterator[Organization]:
        """GET /orgs: iterate over the organizations that you belong to."""
        return self._items(orgs.list_orgs(self._api))

    def get(self, slug: str) -> Organization:
        """GET /orgs/:slug: return one organization, with its numbers of members and projects."""
        return cast("Organization", orgs.get_org(self._api, slug))

    def members(self, slug: str) -> Iterator[Member]:
        """GET /orgs/:slug/members: iterate over the members of an organization."""
        return self._items(orgs.list_members(self._api, slug))
