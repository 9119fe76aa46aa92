"""Write a project's current state as a deploxa.toml, every project's into a directory, or the slug into a file."""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from dpx_cli.api import env_vars, orgs, projects
from dpx_cli.api.client import is_name
from dpx_cli.commands.state.document import CHOICES, FIELDS
from dpx_cli.commands.state.plan import read_projects
from dpx_cli.config.paths import PROJECT_FILE
from dpx_cli.errors import NotFound, UsageError
from dpx_cli.output.neutralize import neutralize
from dpx_cli.reference import is_key, targets_of
from dpx_cli.system import files

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dpx_cli.api.client import Client
    from dpx_cli.session import Session

MAX_FILE = 4 * 1024 * 1024  # bytes
SEAL = "# Written by `dpx export`, which doesn't overwrite an edited file: "

HEAD = """\
# The project's desired state. `dpx plan` shows the difference, `dpx apply` applies it.
# KEY = {} must exist; its value is not in this file.

"""


def render(slug: str, project: Mapping[str, Any], variables: Mapping[str, Mapping[str, Any]]) -> str:
    """Return a deploxa.toml of a project, "slug" or "org/slug". Keys that the file can't have are left out."""
    settings = {"slug": slug}
    for key in (*FIELDS, *CHOICES):
        setting = project.get(key)
        if isinstance(setting, str) and setting and (key in FIELDS or setting.upper() in CHOICES[key]):
            settings[key] = setting if key in FIELDS else setting.upper()
    text = HEAD + "[project]\n" + "".join(f"{key} = {quote(setting)}\n" for key, setting in settings.items())
    if keys := [key for key in variables if is_key(key)]:
        text += "\n[env]\n" + "".join(f"{key} = {{}} # {_describe(variables[key])}\n" for key in keys)
    return text


def quote(text: str) -> str:
    """Return a TOML string. What could mislead a reader is escaped; TOML has no lone surrogates, so they are lost."""
    text = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    escaped = neutralize(re.sub(r'[\\"]', r"\\\g<0>", text))
    # TOML has no \x1b.
    return '"' + re.sub(r"\\(x?)(.)", lambda mark: rf"\u00{mark[2]}" if mark[1] else mark[0], escaped) + '"'


def write_all(
    session: Session, listed: Sequence[Mapping[str, Any]], org: str | None, folder: str, *, yes: bool
) -> None:
    """Write FOLDER/SLUG/deploxa.toml for every project; only what differs, and no edited file unless `yes`."""
    names = name_projects(session, listed, org)

    def read(client: Client, project_id: str) -> str:
        project = projects.get_project(client, project_id)
        return render(names[project_id], project, env_vars.by_key(client, project_id))

    outcome = read_projects(session, list(names), read)
    edited, written = [], 0
    slugs = Counter(name.rpartition("/")[2].casefold() for name in names.values())
    for project_id, name in names.items():
        slug = name.rpartition("/")[2]
        path = posixpath.join(name if slugs[slug.casefold()] > 1 else slug, PROJECT_FILE)
        if project_id not in outcome.results:
            continue
        text = outcome.results[project_id]
        data = f"{text}{SEAL}{_digest(text)}\n".encode()
        old = files.read_bytes(files.checkout_path(folder, path), "the project file", MAX_FILE)
        old = old and old.replace(b"\r\n", b"\n")  # git's doing, on Windows
        if old is not None and not yes and _is_edited(old):
            edited.append(posixpath.join(folder, path))
        elif data != old:
            files.write_checkout(folder, path, data)
            session.screen.info(f"Wrote {posixpath.join(folder, path)}.")
            written += 1
    session.screen.info(f"Files written: {written} of {len(outcome.results)}.")
    for project_id, failure in outcome.failures.items():
        if not isinstance(failure, NotFound):  # deleted since it was listed
            failure.message = f"{names[project_id]}: {failure.message}"
            raise failure
    if edited:
        raise UsageError(f"Edited and not overwritten: {', '.join(edited)}", hint="To overwrite them, pass --yes.")


def name_projects(session: Session, listed: Sequence[Mapping[str, Any]], org: str | None) -> dict[str, str]:
    """Return the slug, or org/slug if it is known or several have the slug, of each project by ID."""
    slugs = {project["id"]: project["slug"] if is_name(project.get("slug")) else project["id"] for project in listed}
    owners = dict.fromkeys(slugs, org)
    if org is None and len({slug.casefold() for slug in slugs.values()}) < len(slugs):
        for page in orgs.list_orgs(session.client):
            for each in page:
                if is_name(each.get("slug")):
                    owners |= {row["id"]: each["slug"] for row in projects.list_usable(session.client, each["slug"])}
    return {key: f"{owner}/{slugs[key]}" if (owner := owners[key]) else slugs[key] for key in slugs}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _is_edited(data: bytes) -> bool:
    text, _, digest = data.decode("utf-8", "replace").rpartition(SEAL)
    return digest.strip() != _digest(text)


def _describe(variable: Mapping[str, Any]) -> str:
    parts = [*targets_of(variable), *["sensitive"] * (variable.get("sensitive") is True)]
    return ", ".join(part for part in parts if part.isprintable())
