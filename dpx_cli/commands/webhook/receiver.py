"""Run the checks of `dpx webhook check` and report what to fix."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.output.columns import Column
from dpx_cli.output.display import ProgressBar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from ssl import SSLContext

    from dpx_cli.session import Session
    from dpx_cli.webhook.check import Finding, Probe
    from dpx_cli.webhook.deliver import Endpoint

COLUMNS = (
    Column("Check", "check"),
    Column("Expected", "expected"),
    Column("Status", "status"),
    Column("Result", "ok", show=lambda ok: "ok" if ok else "failed"),
)


class Examination:
    """The checks of one receiver.

    Args:
        secret: the webhook's secret.
        endpoint: the receiver.
        trust: returns the TLS context for an https receiver.
        session: for the screen and the timeout.
    """

    def __init__(self, secret: bytes, endpoint: Endpoint, trust: Callable[[], SSLContext], session: Session) -> None:
        self._secret = secret
        self._endpoint = endpoint
        self._trust = trust
        self._session = session
        self._failed: list[tuple[Probe, Finding]] = []
        self._count = 0

    def pages(self) -> Iterator[list[Finding]]:
        """Yield the finding of each check as soon as it is known.

        Raises:
            NetworkError: nothing listens at the receiver's address.
        """
        from dpx_cli.webhook import check as receiver_checks
        from dpx_cli.webhook import deliver

        seconds = self._session.settings.timeout
        probes = receiver_checks.probes(self._secret)
        with ProgressBar(self._session.screen, len(probes), "checks") as bar:
            for probe in probes:
                try:
                    finding = receiver_checks.run(probe, self._endpoint, self._trust, seconds)
                except deliver.NotDelivered as exc:
                    if self._count == 0:
                        raise deliver.unreachable(self._endpoint, exc) from exc
                    # It was there before: an earlier delivery has ended it.
                    finding = receiver_checks.judge(probe, None)
                self._count += 1
                if not finding["ok"]:
                    self._failed.append((probe, finding))
                bar.advance()
                yield [finding]

    def conclude(self) -> None:
        """Print a fix for each failed check. Raises CheckFailed if there is one."""
        from dpx_cli.errors import CheckFailed

        screen = self._session.screen
        for probe, finding in self._failed:
            got = f"got {finding['status']}" if finding["status"] is not None else "got no response"
            screen.note(f"{probe.name}: expected {probe.expected}, {got}. {probe.fix}")
        if self._failed:
            count = len(self._failed)
            raise CheckFailed(f"{count} of {self._count} checks failed.", hint="Fix the receiver as the notes say.")
        screen.done(f"The receiver passed {self._count} checks.")
