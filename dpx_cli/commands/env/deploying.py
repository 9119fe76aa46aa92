"""Deploy the projects whose variables were changed, each once, and wait for them."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from dpx_cli.api import deployments, parallel
from dpx_cli.api.deploying.follow import WAIT, follow
from dpx_cli.api.deploying.start import Starter
from dpx_cli.api.deploying.turns import Turn, Turns
from dpx_cli.api.retry import Deadline
from dpx_cli.commands.env import journal as journals
from dpx_cli.errors import DeploymentFailed, DpxError, RateLimited
from dpx_cli.reference import ERROR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dpx_cli.api.client import Client
    from dpx_cli.commands.env.changes import Place
    from dpx_cli.commands.env.journal import Journal
    from dpx_cli.session import Session

MAX_AT_A_TIME = 4


class Rollout:
    """Deployments of several projects; `run` fills it.

    Args:
        session: the session.
        journal: where a rotation records what it has done.

    Attributes:
        deployments: the last object seen of each deployment that is READY, by its project's ID.
        failures: the error of each project whose deployment isn't, by the project's ID.
    """

    def __init__(self, session: Session, journal: Journal | None = None) -> None:
        self.deployments: dict[str, dict[str, Any]] = {}
        self.failures: dict[str, DpxError] = {}
        self._session = session
        self._journal = journal
        self._running: dict[str, str] = {}  # name -> deployment ID
        self._turns = Turns()

    def run(self, places: Sequence[Place]) -> None:
        """Deploy the last deployed branch of each project, up to four at a time, and wait for their ends."""
        outcome: parallel.Outcome[Place, dict[str, Any] | RateLimited] = parallel.Outcome()
        session = self._session
        try:
            with session.screen.progress(len(places), "deployments") as bar:
                parallel.run(
                    places,
                    self._deploy,
                    outcome,
                    client=lambda: session.client_for(session.token()),
                    group=lambda place: place,
                    done=lambda _: bar.advance(),
                    limit=MAX_AT_A_TIME,
                )
        except BaseException:
            self._turns.stop()
            for name, deployment_id in self._running.items():
                session.screen.done(
                    f"Deployment {deployment_id} of {name} is still running. To follow it, run: "
                    f"dpx deploy wait {shlex.quote(deployment_id)}"
                )
            raise
        for place in places:
            found = outcome.failures.get(place) or outcome.results.get(place)
            if isinstance(found, DpxError):
                found.message = f"{place.name}: {found.message}" if len(places) > 1 else found.message
                self.failures[place.id] = found
            elif found:
                self.deployments[place.id] = found
            elif shared := outcome.first_failure():
                text = f"{place.name}: Not deployed, because of a failure elsewhere."
                self.failures[place.id] = type(shared)(text)

    def _deploy(self, client: Client, place: Place) -> dict[str, Any] | RateLimited:
        deadline = Deadline(WAIT)
        client.until = deadline.at + 1.5
        screen = self._session.screen
        turn = Turn(self._turns, deadline)
        starter = Starter(client, place.id, deadline=deadline, say=lambda _: None, warn=screen.warn, turn=turn)
        try:
            created = self._begun(client, place, starter) or self._begin(place, starter)
        except RateLimited as busy:
            return busy  # not raised: `parallel` would try again, beyond the deadline
        deployment_id = str(created["id"])
        screen.done(f"Deployment {deployment_id} of {place.name} started.")
        self._running[place.name] = deployment_id
        final = follow(
            client,
            deployment_id,
            deadline,
            say=lambda _found, _fault: None,
            created=created,
            command=f"dpx deploy wait {shlex.quote(deployment_id)}",
        )
        self._running.pop(place.name, None)
        self._turns.slot_freed()
        if final["status"] == ERROR:
            raise DeploymentFailed(
                f"Deployment {deployment_id} of {place.name} failed.",
                hint=f"For details, run: dpx deploy get {shlex.quote(deployment_id)}",
            )
        screen.done(f"Deployment {deployment_id} of {place.name} is READY.")
        return final

    def _begun(self, client: Client, place: Place, starter: Starter) -> dict[str, Any] | None:
        """Return the deployment that an interrupted rotation has created, if there is one that didn't fail."""
        if self._journal is None:
            return None
        found = None
        if known := self._journal.deployed(place.id):
            found = deployments.get_deployment(client, known)
        elif before := self._journal.deploying(place.id):
            starter.look()
            newest = starter.rows[0] if starter.rows else {}
            # A newer one, no matter who created it, was created after the variable was set.
            found = newest if str(newest.get("id", journals.NONE)) != before else None
        return found if found and found.get("status") != ERROR else None

    def _begin(self, place: Place, starter: Starter) -> dict[str, Any]:
        starter.look()
        newest = str(starter.rows[0].get("id")) if starter.rows else journals.NONE
        if self._journal:
            self._journal.note(journals.DEPLOYING, place.id, newest)
        created = starter.start({})
        if self._journal:
            self._journal.note(journals.DEPLOYED, place.id, str(created["id"]))
        return created
