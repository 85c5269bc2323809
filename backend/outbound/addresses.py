"""Which addresses may be called: public ones, and those that the operator allowed by name.

Refused is whatever leads to this machine, this network or its surroundings, in any spelling: loopback, private,
link-local (where clouds keep their credentials), shared (CGNAT), multicast, reserved, and the IPv6 addresses that
carry an IPv4 address inside.
"""

import ipaddress
from collections.abc import Collection
from typing import TypeAlias
from urllib.parse import urlsplit

from backend.errors import BadInput

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

PORTS = frozenset({443, 8443})
"""Ports that may be called."""

LONGEST_URL = 2000

_REFUSED = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
        "::/96",
        "::ffff:0:0/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",
        "fe80::/9",
        "ff00::/8",
    )
)
"""Named one by one: what Python calls global has changed between its releases."""


def may_be_called(address: Address) -> bool:
    """Whether an address is somebody else's public one."""
    return address.is_global and not any(
        address in network for network in _REFUSED if network.version == address.version
    )


def checked_url(url: str, *, allowed: Collection[str] = ()) -> str:
    """The URL itself, if it may be called as far as its text says; where its name leads is checked at each call.

    Args:
        url: what somebody typed.
        allowed: ``host:port`` pairs that may be called whatever their address and port.

    Raises:
        BadInput: not https, another port, a user or password in it, or an address that may not be called.
    """
    wrong = _fault(url, allowed)
    if wrong is not None:
        raise BadInput(wrong, code="bad_url", field="url")
    return url


def _fault(url: str, allowed: Collection[str]) -> str | None:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or 443
    except ValueError:
        return "This is no URL."
    if not host or len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url:
        return f"An address is one line of at most {LONGEST_URL} ASCII characters; write a name in Punycode."
    if parts.scheme != "https":
        return "The address must begin with https://."
    if parts.username is not None or parts.password is not None or parts.fragment:
        return "The address may hold neither user, password nor fragment."
    return None if f"{host}:{port}" in allowed else _place_fault(host, port)


def _place_fault(host: str, port: int) -> str | None:
    if port not in PORTS:
        return "Only the ports 443 and 8443 may be called."
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        return None
    return None if may_be_called(literal) else "This address leads into a private network."
