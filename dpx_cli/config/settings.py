"""Settings and their precedence: flag > environment > deploxa.toml or link file > profile > default.

Nothing is read before it is needed: `dpx help` works without a home folder.
"""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, cast

from dpx_cli.config import paths
from dpx_cli.config.paths import API_URL, folder, origin_of
from dpx_cli.errors import UsageError
from dpx_cli.system.files import Unreachable
from dpx_cli.system.switches import is_on

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dpx_cli.config.link import Link
    from dpx_cli.config.profiles import Profiles
    from dpx_cli.config.project_file import ProjectFile

TIMEOUT = 30.0
PROFILE = "default"

# One row a variable: name, meaning, default. `dpx help environment` and the README draw their tables from it.
VARIABLES = (
    ("DPX_TOKEN", "the token; if set, the keyring is not used", ""),
    ("DPX_TOKEN_FILE", "a file that holds the token, such as a mounted secret; used if DPX_TOKEN is not set", ""),
    ("DPX_READ_ONLY", "refuse every request that could change something; a profile's read-only does the same", "off"),
    ("DPX_API_URL", "the root of the API", API_URL),
    ("DPX_PROJECT", "the default for --project", ""),
    ("DPX_ORG", "the default for --org", ""),
    ("DPX_PROFILE", "the default for --profile", PROFILE),
    ("DPX_CONFIG_DIR", "where profiles and logins live", "the platform's"),
    ("DPX_CACHE_DIR", "where remembered names live", "the platform's"),
    ("DPX_CA_BUNDLE", "certificates to trust; also SSL_CERT_FILE, SSL_CERT_DIR", "the system's"),
    ("DPX_TIMEOUT", "maximum duration of a request in seconds", f"{TIMEOUT:g}"),
    ("DPX_NO_INPUT", "no prompts; on if CI is set or stdin is not a terminal", "off"),
    ("DPX_LOCK_KEY", "key of the digests in deploxa.lock (dpx help plan)", ""),
    ("DPX_WEBHOOK_SECRET", "the secret for dpx webhook", ""),
    ("HTTPS_PROXY", "the proxy; also HTTP_PROXY, ALL_PROXY, NO_PROXY; never used for http to this machine", ""),
    ("ACCESSIBLE", "for screen readers: no animations, plain lines and prompts", "off"),
    ("NO_COLOR", "no color; FORCE_COLOR, COLUMNS and TERM=dumb are honored too", ""),
    ("BROWSER", "the browser for dpx open and login --web", ""),
    ("PYTHON_KEYRING_BACKEND", "the keyring to use", ""),
)


def check_api_url(text: str, source: str = "the API URL") -> str:
    """Return the URL of an API root without its final slash: https, or http to a loopback address."""
    from dpx_cli.system import hosts

    hint = f"Use a URL like {API_URL}"
    parts = hosts.split_url(text, source, hint=hint, userinfo_hint="Put the token into DPX_TOKEN.")
    if parts.query or parts.fragment or "?" in text or "#" in text:
        raise UsageError(f"{source} must not have a query or a fragment.", hint=hint)
    if parts.scheme != "https" and (parts.scheme != "http" or not hosts.is_loopback(parts.hostname or "")):
        raise UsageError(f"{source} must be https, or http to a loopback address.", hint=hint)
    return text.rstrip("/")


def split_origin(origin: str) -> tuple[str, str, int]:
    """Return scheme, host (an IPv6 address without its brackets) and port of an origin from `origin_of`."""
    scheme, _, rest = origin.partition("://")
    host, _, port = rest.rpartition(":")
    return scheme, host.strip("[]"), int(port)


class Settings:
    """What flags, environment, files and profile say. Each is read on its first use, and once."""

    def __init__(self, env: Mapping[str, str], *, profile: str | None = None, cwd: str | None = None) -> None:
        self.env = env
        self.cwd = cwd
        self.profile_flag = profile
        self.may_create_profile = False

    def variable(self, name: str) -> str | None:
        """Return a variable of the environment; an empty one counts as not set, as everywhere."""
        return self.env.get(name) or None

    @property
    def config_dir(self) -> str:
        """The folder of the profiles. Raises UsageError for a user without a home."""
        return self._folder("config")

    @property
    def cache_dir(self) -> str:
        """The folder of cached names."""
        return self._folder("cache")

    def _folder(self, kind: str) -> str:
        path = folder(self.env, kind)
        if not path:
            raise UsageError("This user has no home directory.", hint=f"Set DPX_{kind.upper()}_DIR to a directory.")
        return path

    @cached_property
    def profile(self) -> str:
        """The name of the profile in use. Raises UsageError if --profile or DPX_PROFILE names an unknown one."""
        from dpx_cli.config import profiles

        text = self.profile_flag or self.variable("DPX_PROFILE")
        if not text:
            return self.profiles.current
        name = profiles.check_name(text)
        if not self.may_create_profile and name not in self.profiles.names:
            source = "--profile" if self.profile_flag else "DPX_PROFILE"
            raise UsageError(
                f"{source}: there is no profile {name}. Profiles: {', '.join(self.profiles.names)}.",
                hint=f"To create it, run: dpx auth login --profile {name}",
            )
        return name

    def check_profile(self) -> None:
        """Raise UsageError if --profile or DPX_PROFILE names an unknown profile."""
        if self.profile_flag or self.variable("DPX_PROFILE"):
            _ = self.profile

    @cached_property
    def profiles(self) -> Profiles:
        """All profiles; none for a user without a home, since the environment may say enough."""
        from dpx_cli.config import profiles

        try:
            return profiles.load(folder(self.env, "config"))
        except Unreachable:
            # A service that runs with another user's HOME has none either.
            if self.variable("DPX_TOKEN") or self.variable("DPX_TOKEN_FILE"):
                return profiles.Profiles()
            raise

    def _of_profile(self, key: str) -> str | None:
        return self.profiles.get(self.profile).get(key)

    @property
    def read_only(self) -> str | None:
        """What forbids changes: "profile NAME" or "DPX_READ_ONLY"; None if nothing does."""
        if self.profiles.is_read_only(self.profile):
            return f"profile {self.profile}"
        return "DPX_READ_ONLY" if is_on(self.env, "DPX_READ_ONLY") else None

    @cached_property
    def api_url(self) -> str:
        """The root of the API, checked, without a final slash."""
        if text := self.variable("DPX_API_URL"):
            return check_api_url(text, "DPX_API_URL")
        if text := self._of_profile("api_url"):
            return check_api_url(text, f"the API URL of profile {self.profile}")
        return API_URL

    @property
    def origin(self) -> str:
        """Scheme, host and port of the API."""
        return origin_of(self.api_url)

    @property
    def timeout(self) -> float:
        """Seconds that a whole request may take, its retries included."""
        text = self.variable("DPX_TIMEOUT")
        if text is None:
            return TIMEOUT
        try:
            seconds = float(text) if text.isascii() and "_" not in text else 0.0
        except ValueError:
            seconds = 0.0
        if not 0 < seconds <= 86400:  # noqa: PLR2004 - a day; also refuses nan and inf
            raise UsageError(
                f"DPX_TIMEOUT must be seconds above 0, not {text!r}.", hint="Unset it, or set DPX_TIMEOUT=30"
            )
        return seconds

    @cached_property
    def reference_file(self) -> Link | ProjectFile | None:
        """The file that says which project this directory belongs to, or None. Raises UsageError if it is damaged."""
        try:
            path = paths.reference_file(self.cwd or os.getcwd())
        except FileNotFoundError:  # the working directory was removed
            return None
        if path is None:
            return None
        from dpx_cli.config import link, project_file

        return project_file.read(path) if os.path.basename(path) == paths.PROJECT_FILE else link.read(path)

    @property
    def link(self) -> Link | None:
        """The link file, if it is the reference file."""
        return cast("Link", self.reference_file) if hasattr(self.reference_file, "project_id") else None

    @property
    def project_file(self) -> ProjectFile | None:
        """The deploxa.toml, if it is the reference file."""
        return cast("ProjectFile", self.reference_file) if hasattr(self.reference_file, "slug") else None

    @property
    def project(self) -> str | None:
        """The default project: DPX_PROJECT, else that of deploxa.toml or the link file."""
        file = None if self.variable("DPX_PROJECT") else self.reference_file
        return file.reference if file else self.variable("DPX_PROJECT")

    @property
    def org(self) -> str | None:
        """The default organization: DPX_ORG, else that of deploxa.toml or the link file, else the profile's."""
        if text := self.variable("DPX_ORG"):
            return text
        if (file := self.reference_file) and file.org_slug:
            return file.org_slug
        return self._of_profile("org")
