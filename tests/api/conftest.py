"""A fault server, and a client of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from certificates import Authority
from clients import client_of

from dpx_cli.api import client

if TYPE_CHECKING:
    from fault_server import FaultServer

    from dpx_cli.api.client import Client


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two tries there is a pause; here a short one."""
    monkeypatch.setattr(client, "FIRST_PAUSE", 0.02)


@pytest.fixture(name="client")
def _client(server: FaultServer) -> Client:
    """A client of the server, with three seconds a request."""
    return client_of(server.url)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A certificate authority that nobody trusts by itself."""
    return Authority(tmp_path_factory.mktemp("authority"), "Test Authority")
