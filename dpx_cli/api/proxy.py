"""Which proxy a request goes through: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, as everywhere.

With one limit: plain http is for loopback addresses, and with it the token must not leave this machine, so a proxy
elsewhere is not used for it. Floor 1; neighbour: `transport.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Proxy:
    """A proxy to go through: where it is, and the header fields it wants."""

    __slots__ = ("headers", "host", "port", "scheme", "variable")

    def __init__(self, scheme: str, host: str, port: int, headers: dict[str, str], variable: str) -> None:
        self.scheme = scheme
        self.host = host
        self.port = port
        self.headers = headers
        self.variable = variable


def find(env: Mapping[str, str], scheme: str, host: str, port: int, is_loopback: Callable[[str], bool]) -> Proxy | None:
    """The proxy for an origin, or None.

    Raises:
        UsageError: where the variable names no usable proxy; its password is not shown.
    """
    # In a CGI script HTTP_PROXY is what the web server makes of a request's "Proxy:" field.
    names = [f"{scheme}_proxy", f"{scheme}_proxy".upper(), "all_proxy", "ALL_PROXY"]
    if scheme == "http" and env.get("REQUEST_METHOD"):
        names.remove("HTTP_PROXY")
    variable = next((name for name in names if env.get(name)), None)
    if variable is None or _is_exempt(host, port, env.get("no_proxy") or env.get("NO_PROXY") or ""):
        return None
    try:
        proxy = _parse(env[variable], variable)
    except UsageError:
        if scheme == "http":  # to a loopback address, which needs none
            return None
        raise
    if scheme == "http" and not is_loopback(proxy.host):
        return None
    return proxy


def _parse(text: str, variable: str) -> Proxy:
    from urllib.parse import unquote, urlsplit

    hint = f"{variable}=http://HOST:PORT"
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host:
        raise UsageError(f"{variable} is not the URL of a proxy", hint=hint)
    if parts.scheme not in ("http", "https"):
        raise UsageError(f"{variable} names a {parts.scheme} proxy; only http and https proxies work", hint=hint)
    headers = {}
    if parts.username is not None:
        import base64

        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Proxy-Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode("ascii")
    return Proxy(parts.scheme, host, port or {"http": 80, "https": 443}[parts.scheme], headers, variable)


def _is_exempt(host: str, port: int, no_proxy: str) -> bool:
    """NO_PROXY: "*", names with all that is below them, addresses, networks (10.0.0.0/8); each may have a port."""
    for item in no_proxy.replace(" ", ",").split(","):
        name = item.strip().lower()
        if name == "*":
            return True
        if "/" in name and _in_network(host, name):
            return True
        bare, _, last = name.rpartition(":")
        if last.isdigit() and bare and (bare.endswith("]") or ":" not in bare):
            if int(last) != port:
                continue
            name = bare
        name = name.strip("[]").removeprefix("*").lstrip(".")
        if name and (host == name or host.endswith(f".{name}")):
            return True
    return False


def _in_network(host: str, network: str) -> bool:
    import ipaddress

    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False
