"""A pytest plugin: the fixture `deploxa` is a Deploxa API of the test's own.

    def test_my_script(deploxa):
        deploxa.fault("POST /projects/*/deployments 429 x1")
        subprocess.run(["sh", "release.sh"], check=True)
        assert deploxa.deployments("storefront")[0]["status"] == "READY"

pytest loads this module in every run where dpx is installed, so it imports nothing until the fixture is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dpx_cli.sandbox.server import Sandbox

# Tests should not wait for builds.
BUILD_SECONDS = 0.1


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker, for `--strict-markers`."""
    config.addinivalue_line(
        "markers",
        "deploxa(**options): how the `deploxa` fixture behaves; options as of dpx_cli.sandbox.Behavior",
    )


@pytest.fixture
def deploxa(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sandbox]:
    """Yield a Deploxa API of the test's own: organizations acme and globex, projects storefront, docs and api.

    `client` is a `dpx_cli.Client` of it. DPX_API_URL and DPX_TOKEN point at it while the test runs, and dpx doesn't
    read the user's profiles. `@pytest.mark.deploxa(build_seconds=2, role="member")` sets options; by default a build
    takes 0.1 seconds. See `Sandbox` for what prepares it and what shows what happened.
    """
    from dpx_cli.sandbox.server import Sandbox

    marker = request.node.get_closest_marker("deploxa")
    options: dict[str, Any] = {"build_seconds": BUILD_SECONDS} | (dict(marker.kwargs) if marker is not None else {})
    folder = tmp_path_factory.mktemp("deploxa")
    with Sandbox(**options) as sandbox:
        monkeypatch.delenv("DPX_PROFILE", raising=False)
        own = {"DPX_CONFIG_DIR": str(folder / "config"), "DPX_CACHE_DIR": str(folder / "cache")}
        for name, value in (sandbox.env | own).items():
            monkeypatch.setenv(name, value)
        # By its name: the client is above the sandbox in the layers.
        with importlib.import_module("dpx_cli.client").Client() as sandbox.client:
            yield sandbox
