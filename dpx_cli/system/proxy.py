"""Find the proxy for a request: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, with the usual meaning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.errors import UsageError
from dpx_cli.system.hosts import is_loopback

if TYPE_CHECKING:
    from collections.abc import Mapping


class Proxy:
    """A proxy: its address, the header fields that it requires, and the variable that specifies it."""

    def __init__(self, host: str, port: int, headers: dict[str, str], variable: str) -> None:
        self.host = host
        self.port = port
        self.headers = headers
        self.variable = variable


def find(env: Mapping[str, str], scheme: str, host: str, port: int) -> Proxy | None:
    """Return the proxy for an origin, or None. Raise UsageError, without a password, for one that can't be used."""
    if scheme == "http" and is_loopback(host):  # what is sent to this machine is nothing for a proxy to read
        return None
    names = (f"{scheme}_proxy", f"{scheme.upper()}_PROXY", "all_proxy", "ALL_PROXY")
    variable = next((name for name in names if env.get(name)), None)
    if variable is None or _is_exempt(host, port, env.get("no_proxy") or env.get("NO_PROXY") or ""):
        return None
    return _parse(env[variable], variable)


def _parse(text: str, variable: str) -> Proxy:
    from urllib.parse import unquote, urlsplit

    hint = f"Set it like this: {variable}=http://HOST:PORT"
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host:
        raise UsageError(f"{variable} is not the URL of a proxy.", hint=hint)
    if parts.scheme != "http":
        raise UsageError(f"{variable} specifies a {parts.scheme} proxy. Only http proxies work.", hint=hint)
    if parts.username is None:
        return Proxy(host, port or 80, {}, variable)
    import base64

    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    login = f"Basic {base64.b64encode(pair.encode(errors='surrogateescape')).decode('ascii')}"
    return Proxy(host, port or 80, {"Proxy-Authorization": login}, variable)


def _is_exempt(host: str, port: int, no_proxy: str) -> bool:
    """Match a host against NO_PROXY: "*", domains with their subdomains, addresses, networks; each may have a port."""
    for item in no_proxy.replace(" ", ",").split(","):
        name = item.strip().lower()
        if name == "*":
            return True
        bare, _, last = name.rpartition(":")
        if last.isdigit() and bare and (bare.endswith("]") or ":" not in bare):
            if int(last) != port:
                continue
            name = bare
        name = name.strip("[]").removeprefix("*").lstrip(".")
        if name and (host == name or host.endswith(f".{name}") or _in_network(host, name)):
            return True
    return False


def _in_network(host: str, network: str) -> bool:
    """Return whether a host is an address of a network, or another spelling of the same address."""
    if ":" not in host and not host.replace(".", "").isdigit():
        return False  # a name; ipaddress would take long to import
    import ipaddress

    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False
