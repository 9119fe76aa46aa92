"""Write a project's current state as a deploxa.toml, or the slug into one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dpx_cli.commands.state.document import CHOICES, FIELDS
from dpx_cli.output.neutralize import neutralize
from dpx_cli.reference import is_key, targets_of

if TYPE_CHECKING:
    from collections.abc import Mapping

HEAD = """\
# The project's desired state. `dpx plan` shows the difference, `dpx apply` applies it.
# KEY = {} must exist; its value is not in this file.

"""
# What `dpx init` writes, without the slug.
NEW_FILE = """\
# The project of this directory: https://deploxa.com. Settings and variables can be added: dpx plan --help
[project]
"""


def render(slug: str, project: Mapping[str, Any], variables: Mapping[str, Mapping[str, Any]]) -> str:
    """Return a deploxa.toml.

    Args:
        slug: the project: `slug` or `org/slug`.
        project: as the API returned it.
        variables: its variables by key. Keys that the file can't have are left out.
    """
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
    is_plain = neutralize(text) == text

    def escape(mark: str) -> str:
        if mark in '\\"':
            return f"\\{mark}"
        if is_plain or (mark.isascii() and mark.isprintable()):
            return mark
        code = 0xFFFD if "\ud800" <= mark <= "\udfff" else ord(mark)
        return f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"  # noqa: PLR2004 - what four digits hold

    return f'"{"".join(map(escape, text))}"'


def set_slug(text: str, slug: str) -> str:
    """Return the text of a deploxa.toml, "" for none, with another slug; comments and everything else stay."""
    import tomlkit

    document = tomlkit.parse(text or NEW_FILE)
    if "project" not in document:
        document.add("project", tomlkit.table())
    document["project"]["slug"] = slug
    return tomlkit.dumps(document)


def _describe(variable: Mapping[str, Any]) -> str:
    parts = [*targets_of(variable), *["sensitive"] * (variable.get("sensitive") is True)]
    return ", ".join(part for part in parts if part.isprintable())
