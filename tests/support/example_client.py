"""What python.md promises, as a program: mypy reads it strictly, and a test runs it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from dpx_cli import Client, Deployment, DeploymentFailed, DpxError, NotFound, Project, Variable, verify_signature

if TYPE_CHECKING:
    from collections.abc import Sequence


def release(deploxa: Client, slug: str) -> str:
    """Deploy a project of acme and return its URL."""
    seen: list[str] = []
    shop: Project = deploxa.projects.get(f"acme/{slug}")
    members: int = deploxa.orgs.get("acme")["_count"]["members"]
    assert members
    assert shop["created_at"]
    changed: Sequence[Variable] = deploxa.env.set(slug, {"LOG_LEVEL": "debug"}, targets=["preview"])
    assert [variable["key"] for variable in changed] == ["LOG_LEVEL"]

    def note(deployment: Deployment) -> None:
        seen.append(deployment["status"])

    done = deploxa.deployments.create(shop["id"], branch="main", message="Release", on_status=note)
    assert seen[-1] == done["status"] == "READY", seen
    return done.url or ""


def main() -> None:
    """List, release, and report what fails."""
    with Client() as deploxa:
        slugs: list[str] = [project["slug"] for project in deploxa.projects.list(org="acme")]
        print(" ".join(slugs), release(deploxa, slugs[0]))
        try:
            deploxa.projects.get("nothing")
        except NotFound as missing:
            print(missing.code, missing.hint)
        try:
            deploxa.deployments.create(slugs[0], branch="fail/it")
        except DeploymentFailed as failed:
            print(failed.message, (failed.deployment or {}).get("status"))
        except DpxError as error:
            sys.exit(str(error))
    valid: bool = verify_signature(b"{}", "secret", None)
    print(valid)


if __name__ == "__main__":
    main()
