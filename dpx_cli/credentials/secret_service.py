"""Read a secret from the Secret Service over D-Bus: four messages, where the keyring library takes 75 ms of imports.

Floor 1, used by `keyring_store.py`. It finds what the library stored (same attributes) and covers the usual case only:
there, once, and unlocked. Everything else (locked, absent, in several collections, no bus, a service that wants an
encrypted session) is None, and the library, which unlocks, chooses and explains, is asked next.

https://specifications.freedesktop.org/secret-service-spec/latest/ describes the messages. The session is a "plain"
one: the bus is a socket of the user's own, and whoever may read it may ask for the secret as well.
"""

from __future__ import annotations

from typing import Any


def lookup(service: str, username: str) -> str | None:
    """The secret with these attributes; None for any reason at all. It may hang: the caller bounds it."""
    try:
        return _lookup({"service": service, "username": username})
    except Exception:  # noqa: BLE001 - the library meets the same trouble and says it better
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
