"""`dpx deploy diff`: the commits between two deployments, or between what is live and HEAD."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from dpx_cli.api import deployments, projects
from dpx_cli.commands import ONE, READ, effect
from dpx_cli.commands.deploy import GROUP
from dpx_cli.config.paths import PROJECT_FILE
from dpx_cli.errors import DpxError, NotFound
from dpx_cli.output.columns import Column
from dpx_cli.output.format import relative
from dpx_cli.reference import READY
from dpx_cli.rollout.commits import SHORT, KnownCommits
from dpx_cli.system import git

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Annotated

    from dpx_cli.cli.options import OptionalDeployment, Project, option
    from dpx_cli.resolve import ProjectRef
    from dpx_cli.session import Session

    Row = dict[str, Any]

MAX_COMMITS, MAX_FILES = 1000, 1000
CHECKOUT = "Run dpx in a checkout of the project."
COLUMNS = (
    Column("Commit", "sha", show=lambda sha: sha[:SHORT]),
    Column("Date", "date", show=relative),
    Column("Author", "author"),
    Column("Subject", "subject", required=True),
)
LOCK_FILES = (
    *("package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "bun.lockb"),
    *("poetry.lock", "uv.lock", "Pipfile.lock", "Cargo.lock", "Gemfile.lock", "composer.lock", "go.sum"),
)
MANIFESTS = (
    *("package.json", "pnpm-workspace.yaml", ".npmrc", "pyproject.toml", "requirements.txt", "Pipfile"),
    *("Cargo.toml", "Gemfile", "composer.json", "go.mod", "deploxa.toml"),
)


@GROUP.command("diff", epilog="dpx deploy diff --project storefront")
@effect(READ, prints=ONE)
def diff(
    session: Session,
    deployment_id: OptionalDeployment = None,
    start: Annotated[str | None, option("--from", "ID", "Compare with this deployment.", complete="deployment")] = None,
    project: Project = None,
) -> None:
    """List the commits that are not live yet: those between the current deployment and HEAD.

    With ID, lists the commits of that deployment since the branch's READY deployment before it. Reads the clone you are
    in, and fetches nothing.
    """
    problems: list[git.Problem] = []
    top = git.toplevel(session.cwd, problems=problems)
    if top is None:
        raise git.build_refusal("dpx deploy diff needs a git repository", problems, CHECKOUT)
    ref = session.projects.ref(project)
    ends = session.projects.on(ref, lambda project_id: _find_ends(session, ref, project_id, deployment_id, start))
    scope = find_scope(top, ref)
    changes = git.read_range(session.cwd, *ends, scope, limit=MAX_COMMITS, problems=problems)
    if changes is None:
        raise git.build_refusal("git can't compare the commits", problems, CHECKOUT)
    _show(session, ends, changes, scope)


def find_scope(top: str | None, ref: ProjectRef) -> tuple[str, ...]:
    """Return the project's directories by its deploxa.toml, relative to the repository's top; none for all of it."""
    tracked = git.tracked(top) or () if top else ()
    if top is None or not any(name.endswith(PROJECT_FILE) for name in tracked):
        return ()
    from dpx_cli.commands.state import document
    from dpx_cli.commands.state.select import find_project_files

    path = find_project_files(top, tracked).get((ref.slug or ref.given).rpartition("/")[2].casefold())
    if path is None:
        return ()
    folder = os.path.dirname(os.path.relpath(path, top))
    try:
        folders = [os.path.normpath(os.path.join(folder, each)) for each in document.read(path).paths]
    except DpxError:
        folders = []
    return (folder, *(each for each in folders if not each.startswith(".."))) if folder else ()


def sort_files(names: Sequence[str]) -> list[str]:
    """Return files with lock files and manifests first: they explain most failed builds."""

    def rank(name: str) -> tuple[int, str]:
        base = os.path.basename(name)
        return (0 if base in LOCK_FILES else 1 if base in MANIFESTS else 2), name

    return sorted(names, key=rank)


def find_commit(session: Session, known: KnownCommits, row: Row) -> str:
    """Return the full hash of a deployment's commit. Raise NotFound if it isn't known, or the clone doesn't have it."""
    sha = known.request(session.client, row)
    if sha is None:
        raise NotFound(
            f"The commit of deployment {row.get('id')} isn't known: "
            "the API doesn't return it, and this machine didn't deploy it.",
            hint="Compare with another one. Run: dpx deploy list",
        )
    full = git.commit(session.cwd, sha, seconds=git.PATIENT)
    if full is None:
        fetch = "git fetch --unshallow" if git.is_shallow(session.cwd) else f"git fetch origin {sha}"
        raise NotFound(
            f"Commit {sha[:SHORT]} of deployment {row.get('id')} isn't in this clone.", hint=f"Fetch it. Run: {fetch}"
        )
    return full


def _find_ends(
    session: Session, ref: ProjectRef, project_id: str, deployment_id: str | None, start: str | None
) -> tuple[str, str]:
    known, client = KnownCommits(session, project_id), session.client
    rows = (row for page in deployments.list_deployments(client, project_id) for row in page)
    newer = deployments.get_deployment(client, deployment_id) if deployment_id is not None else None
    if start is not None:
        older = deployments.get_deployment(client, start)
    elif newer is not None:
        older = _find_before(session, ref, rows, newer)
    else:
        older = _find_live(session, ref, project_id, rows)
    until = find_commit(session, known, newer) if newer else git.commit(session.cwd, "HEAD", seconds=git.PATIENT)
    if until is None:
        raise NotFound("This repository has no commit yet.", hint="Commit, then try again.")
    return find_commit(session, known, older), until


def _find_before(session: Session, ref: ProjectRef, rows: Iterator[Row], newer: Row) -> Row:
    is_listed = False
    for row in rows:
        if is_listed and row.get("status") == READY and row.get("branch") == newer.get("branch"):
            return row
        is_listed = is_listed or row.get("id") == newer["id"]
    what = f"READY deployment before {newer['id']}" if is_listed else f"deployment {newer['id']}"
    raise NotFound(f"{ref.name} has no {what}.", hint=f"Run: {session.command('deploy', 'list', project=ref)}")


def _find_live(session: Session, ref: ProjectRef, project_id: str, rows: Iterator[Row]) -> Row:
    """Return the current deployment if it is READY, else the newest READY one of its branch."""
    current = projects.get_project(session.client, project_id).get("current_deployment")
    if isinstance(current, dict) and current.get("status") == READY:
        return current
    branch = current.get("branch") if isinstance(current, dict) else None
    for row in rows:
        branch = branch or row.get("branch")
        if row.get("status") == READY and row.get("branch") == branch:
            return row
    where = f" from branch {branch}" if branch else ""
    raise NotFound(
        f"{ref.name} has no live deployment yet{where}.", hint=f"Run: {session.command('deploy', project=ref)}"
    )


def _show(session: Session, ends: tuple[str, str], changes: git.Range, scope: tuple[str, ...]) -> None:
    screen = session.screen
    files = sort_files(changes.files)
    shown = files[:MAX_FILES]
    commits = [commit._asdict() for commit in changes.commits]
    if changes.behind:
        why = "it was rewritten, or branched off."
        if git.is_shallow(session.cwd):
            why = "this shallow clone lacks what is between, or it was rewritten. Run: git fetch --unshallow"
        screen.warn(f"{ends[0][:SHORT]} isn't part of the history of {ends[1][:SHORT]}: {why}")
    if screen.format == "json":
        keys = {"from": ends[0], "to": ends[1], "commits": commits, "files": shown, "rewritten": changes.behind > 0}
        screen.item(keys, COLUMNS, key="to")
    else:
        if commits:
            screen.rows([commits], COLUMNS, key="sha")
        else:
            screen.info(f"No commits between {ends[0][:SHORT]} and {ends[1][:SHORT]}.")
        if not screen.has_fields:
            screen.lines([*([""] if screen.format == "table" and shown else []), *shown])
    others = changes.total - len(commits)
    if len(commits) == MAX_COMMITS:
        screen.note(f"Only the newest {MAX_COMMITS} commits are shown.")
    elif others > 0 and scope:
        count = "1 other commit doesn't" if others == 1 else f"{others} other commits don't"
        screen.note(f"{count} touch {', '.join(scope)}.")
    if len(files) > MAX_FILES:
        screen.note(f"{len(files) - MAX_FILES} more files changed.")
