"""Write the current state to a new deploxa.toml, or into an existing one, keeping its comments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dpx_cli.commands.state.document import CHOICES, FIELDS
from dpx_cli.reference import is_key, targets_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tomlkit import TOMLDocument

HEAD = """\
# What this project should be: dpx plan compares, dpx apply changes it.
# KEY = {} must exist; its value is not in this file.
"""
# What `dpx init` writes, without the slug.
NAMED = """\
# The project of this directory: https://deploxa.com. Settings and variables can be added: dpx plan --help
[project]
"""


def render(slug: str, project: Mapping[str, Any], variables: Mapping[str, Mapping[str, Any]]) -> str:
    """Return a new deploxa.toml.

    Args:
        slug: the project: `slug` or `org/slug`.
        project: as the API returned it.
        variables: its variables by key.
    """
    import tomlkit

    made = tomlkit.document()
    for line in HEAD.splitlines():
        made.add(tomlkit.comment(line.removeprefix("# ")))
    made.add(tomlkit.nl())
    table = tomlkit.table()
    for key, value in _project(slug, project).items():
        table.add(key, value)
    made.add("project", table)
    if variables:
        made["project"].add(tomlkit.nl())
        env = tomlkit.table()
        for key, variable in _valid(variables):
            env.add(key, tomlkit.inline_table())
            env[key].comment(_comment(variable))
        made.add("env", env)
    return tomlkit.dumps(made)


def merge(text: str, slug: str, project: Mapping[str, Any], variables: Mapping[str, Mapping[str, Any]]) -> str:
    """Return an existing deploxa.toml with what is there; comments, order and sources of values stay.

    After that a plan has no change, apart from values that can't be compared.

    Args:
        text: the valid text of the file; it may also lack `[project]` or its slug.
        slug: see `render`.
        project: see `render`.
        variables: see `render`.
    """
    import tomlkit

    found = tomlkit.parse(text)
    table = _table(found, "project")
    for key, value in _project(slug, project).items():
        if key == "slug" and _is_same_slug(table.get(key), value):
            continue
        if key in CHOICES and str(table.get(key, "")).upper() == value:
            continue
        if table.get(key) != value:
            table[key] = value
    for key in FIELDS:
        if key in table and key in project and not project[key] and table[key]:
            table.remove(key)
    _merge_env(found, variables)
    return tomlkit.dumps(found)


def name_project(text: str, slug: str) -> str:
    """Return the text of a deploxa.toml, "" for none, with the project that it names."""
    import tomlkit

    found = tomlkit.parse(text or NAMED)
    _table(found, "project")["slug"] = slug
    return tomlkit.dumps(found)


def _merge_env(found: TOMLDocument, variables: Mapping[str, Mapping[str, Any]]) -> None:
    import tomlkit

    if not variables and "env" not in found:
        return
    env = _table(found, "env")
    for key in list(env):
        entry = env[key]
        is_absent = isinstance(entry, dict) and entry.get("absent")
        if key not in variables:
            if not is_absent:
                env.remove(key)
            continue
        if is_absent:
            env[key] = tomlkit.inline_table()
        elif isinstance(entry, dict) and "targets" in entry:
            own = list(targets_of(variables[key]))
            if {str(target).lower() for target in entry["targets"]} != set(own):
                entry["targets"] = own
        if isinstance(entry, dict) and isinstance(sensitive := variables[key].get("sensitive"), bool):
            _merge_sensitive(entry, sensitive)
    for key, variable in _valid(variables):
        if key not in env:
            env.add(key, tomlkit.inline_table())
            env[key].comment(_comment(variable))


def _merge_sensitive(entry: Any, sensitive: bool) -> None:
    if "sensitive" not in entry or entry["sensitive"] == sensitive:
        return
    if sensitive and "value" in entry:
        # A sensitive value doesn't belong in the file.
        del entry["sensitive"]
    else:
        entry["sensitive"] = sensitive


def _valid(variables: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the variables whose keys the file may have."""
    return [(key, variable) for key, variable in variables.items() if is_key(key)]


def _is_same_slug(written: Any, slug: str) -> bool:
    return isinstance(written, str) and written.rpartition("/")[2].lower() == slug.rpartition("/")[2].lower()


def _table(found: TOMLDocument, name: str) -> Any:
    import tomlkit

    if name not in found:
        found.add(name, tomlkit.table())
    return found[name]


def _project(slug: str, project: Mapping[str, Any]) -> dict[str, str]:
    """Return what `[project]` says."""
    said = {"slug": slug}
    for key in FIELDS:
        if isinstance(text := project.get(key), str) and text:
            said[key] = text
    for key, known in CHOICES.items():
        if isinstance(text := project.get(key), str) and text.upper() in known:
            said[key] = text.upper()
    return said


def _comment(variable: Mapping[str, Any]) -> str:
    parts = list(targets_of(variable))
    if variable.get("sensitive") is True:
        parts.append("sensitive")
    return ", ".join(part for part in parts if part.isprintable())
