"""Read a secret from the Secret Service over D-Bus in four messages; importing the keyring library takes 75 ms.

It finds secrets that the library stored (same attributes) and covers only the usual case: one secret, unlocked. In all
other cases (locked, absent, in several collections, no bus, an encrypted session required) it returns None, and
`keyring_store.py` uses the library, which can unlock, choose and explain.

https://specifications.freedesktop.org/secret-service-spec/latest/ describes the messages. The session is a "plain"
one: the bus is the user's own socket, and a process that can read it can also request the secret.
"""

from __future__ import annotations

from typing import Any


def lookup(service: str, username: str) -> str | None:
    """Return the secret with these attributes; None if that fails. It may hang, so callers limit its time."""
    try:
        return _lookup({"service": service, "username": username})
    except Exception:  # noqa: BLE001 - the library fails likewise, with a better message
        return None


def _lookup(attributes: dict[str, str]) -> str | None:
    from jeepney import DBusAddress, MessageType, new_method_call  # type: ignore[import-untyped]  # it has no types
    from jeepney.io.blocking import open_dbus_connection  # type: ignore[import-untyped]  # it has no types

    address = DBusAddress(
        "/org/freedesktop/secrets", bus_name="org.freedesktop.secrets", interface="org.freedesktop.Secret.Service"
    )
    with open_dbus_connection("SESSION") as connection:

        def call(method: str, signature: str, body: tuple[Any, ...]) -> Any:
            reply = connection.send_and_get_reply(new_method_call(address, method, signature, body))
            if reply.header.message_type != MessageType.method_return:
                raise LookupError(method)
            return reply.body

        unlocked, _locked = call("SearchItems", "a{ss}", (attributes,))
        if len(unlocked) != 1:
            return None
        _output, session = call("OpenSession", "sv", ("plain", ("s", "")))
        (secrets,) = call("GetSecrets", "aoo", (unlocked, session))
        _session, _parameters, value, _content_type = secrets[unlocked[0]]
        return bytes(value).decode()
