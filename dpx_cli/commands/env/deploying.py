"""Deploy the projects whose variables were changed, each once, and wait for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dpx_cli.reference import PARALLEL
from dpx_cli.resolve import ProjectRef
from dpx_cli.rollout import runner
from dpx_cli.rollout.plan import DeployOptions
from dpx_cli.rollout.task import DeployTask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dpx_cli.commands.env.changes import Place
    from dpx_cli.errors import DpxError
    from dpx_cli.session import Session


class Rollout:
    """Deployments of several projects; `run` fills it.

    Attributes:
        deployments: the last object seen of each deployment that is READY, by its project's ID.
        failures: the error of each project whose deployment isn't, by the project's ID.
    """

    def __init__(self, session: Session) -> None:
        self.deployments: dict[str, dict[str, Any]] = {}
        self.failures: dict[str, DpxError] = {}
        self._session = session

    def run(self, places: Sequence[Place]) -> None:
        """Deploy the last deployed branch of each project, up to four at a time, and wait for their ends."""
        refs = [ProjectRef(place.id, place.name, None, place.reference, "--project") for place in places]
        tasks = [DeployTask(self._session, ref, DeployOptions(no_git=True)) for ref in refs]
        runner.run(self._session, tasks, limit=PARALLEL)
        for place, task in zip(places, tasks, strict=True):
            if task.error:
                task.error.message = f"{place.name}: {task.error.message}" if len(places) > 1 else task.error.message
                self.failures[place.id] = task.error
            elif task.deployment:
                self.deployments[place.id] = task.deployment
