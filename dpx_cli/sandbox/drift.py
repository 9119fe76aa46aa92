"""Make an answer differ from the reference, for `dpx doctor --api` and for clients that should cope with it."""

from __future__ import annotations

from typing import Any

DROP, ADD, WRONG = "drop", "add", "wrong"
EFFECTS = (DROP, ADD, WRONG)


def apply(content: dict[str, Any], effect: str, field: str) -> None:
    """Change one field of an answer in place.

    Args:
        content: the whole answer.
        effect: DROP removes the field, ADD adds one, WRONG gives it a value of another type.
        field: its dotted path in each object of `data`; or in the whole answer, if it begins with `pagination`.
    """
    *way, name = field.split(".")
    root = content if field.partition(".")[0] == "pagination" else content.get("data", content)
    items = list(root) if isinstance(root, list) else [root]
    if effect == DROP and field.startswith("commit"):
        # A project's deployment is a deployment too.
        items += [item["current_deployment"] for item in items if item.get("current_deployment")]
    for item in items:
        holder = item
        for key in way:
            holder = holder.get(key) if isinstance(holder, dict) else None
        if not isinstance(holder, dict):
            continue
        if effect == ADD:
            holder[name] = "drift"
        elif name in holder and effect == DROP:
            del holder[name]
        elif name in holder:
            holder[name] = 0 if isinstance(holder[name], str) else "drift"
