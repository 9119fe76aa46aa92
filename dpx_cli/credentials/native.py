"""Read a token from the operating system's store directly; importing the keyring library takes 75 ms or more.

Each function covers only the usual case: one secret, unlocked. In all other cases it returns None or raises, and
`keyring_store.py` uses the library, which can unlock, choose and explain.
"""

from __future__ import annotations

from typing import Any


def read(backend: str, service: str, username: str) -> str | None:
    """Return a secret from the store of a backend; None if that fails. It may hang, so callers limit its time."""
    reader = {"SecretService": secret_service, "Windows": credential_manager, "macOS": keychain}.get(backend)
    try:
        return reader(service, username) if reader else None
    except Exception:  # noqa: BLE001 - the library fails as well, with a better message
        return None


def secret_service(service: str, username: str) -> str | None:
    """Read from the Secret Service (GNOME, KDE, KeePassXC) over D-Bus.

    The session is a "plain" one: a process that can read the user's own bus can also request the secret.
    https://specifications.freedesktop.org/secret-service-spec/latest/
    """
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

        unlocked, _locked = call("SearchItems", "a{ss}", ({"service": service, "username": username},))
        if len(unlocked) != 1:
            return None
        _output, session = call("OpenSession", "sv", ("plain", ("s", "")))
        (secrets,) = call("GetSecrets", "aoo", (unlocked, session))
        _session, _parameters, value, _content_type = secrets[unlocked[0]]
        return bytes(value).decode()


def credential_manager(service: str, username: str) -> str | None:  # pragma: no cover - Windows only
    """Read from Windows' Credential Manager: the entry `service` or `username@service`, as the library names them."""
    from win32ctypes.pywin32 import pywintypes, win32cred  # type: ignore[import-not-found,unused-ignore]

    for target in (service, f"{username}@{service}"):
        try:
            entry = win32cred.CredRead(target, win32cred.CRED_TYPE_GENERIC)
        except pywintypes.error:
            continue
        if entry["UserName"] == username:
            return str(entry["CredentialBlob"], "utf-16-le")
    return None


def keychain(service: str, username: str) -> str | None:  # pragma: no cover - macOS only
    """Read a generic password from the keychain of macOS."""
    import ctypes

    library = ctypes.CDLL("/System/Library/Frameworks/Security.framework/Security")
    size, data = ctypes.c_uint32(), ctypes.c_void_p()
    names = [part for text in (service.encode(), username.encode()) for part in (ctypes.c_uint32(len(text)), text)]
    if library.SecKeychainFindGenericPassword(None, *names, ctypes.byref(size), ctypes.byref(data), None):
        return None
    try:
        return ctypes.string_at(data, size.value).decode()
    finally:
        library.SecKeychainItemFreeContent(None, data)
