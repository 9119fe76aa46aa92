"""Hatch build hook that writes the man pages and puts them into the wheel, below share/man/man1."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ManPages(BuildHookInterface):
    """The hook, which hatch finds in this file."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatch's signature
        """Write the pages before the wheel is built."""
        sys.path.insert(0, self.root)
        from dpx_cli.cli.man import pages

        self._folder = tempfile.TemporaryDirectory()
        date = time.strftime("%Y-%m-%d", time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", time.time()))))
        for name, page in pages(date).items():
            path = os.path.join(self._folder.name, name)
            with open(path, "w", encoding="ascii") as file:
                file.write(page)
            build_data["shared_data"][path] = f"share/man/man1/{name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002 - the same
        """Remove the temporary files."""
        self._folder.cleanup()
