"""How much a key and a client address may send, and whose address that is when proxies stand in between.

``X-Forwarded-For`` is anybody's to write, so it is read only from proxies that the operator named, from its end backwards.
Only public addresses are counted: a private one is the shop's own network or a proxy that nobody named, and a limit on it
would shut everybody out together.
"""

import ipaddress
from collections.abc import Mapping
from functools import lru_cache

from backend.services.rates import Rates
from backend.services.sources import Source

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_IPV6_SUBSCRIBER = 64


class Gate:
    """Counts what comes in against the limits of `Rates`."""

    def __init__(
        self, rates: Rates, *, proxies: tuple[Network, ...] = (), per_key: int = 0, per_address: int = 0
    ) -> None:
        """Take the limits, the proxies that are believed, and the defaults in events a minute (0: no limit)."""
        self._rates = rates
        self._proxies = proxies
        self._per_key = per_key
        self._per_address = per_address

    async def admit(self, source: Source, *, events: int, address: str | None, headers: Mapping[str, str]) -> None:
        """Count a request of so many events against its key and its address; an empty one counts as one.

        Raises:
            TooMany: one of the limits is reached. SDKs repeat the request, so nothing is lost.
            Unavailable: the database that knows is away.
        """
        cost = max(1, events)
        per_address = self._per_address if source.address_limit is None else source.address_limit
        if per_address and (client := self.client(address, headers)):
            await self._rates.spend(f"address:{source.source_id}:{client}", cost, per_minute=per_address)
        per_key = self._per_key if source.key_limit is None else source.key_limit
        if per_key and source.key_id is not None:
            await self._rates.spend(f"key:{source.key_id}", cost, per_minute=per_key)

    def client(self, address: str | None, headers: Mapping[str, str]) -> str | None:
        """The network that a request counts for; None where its address is not a public one."""
        if self._proxies and address is not None:
            address = forwarded_for(address, headers.get("x-forwarded-for", ""), self._proxies)
        return None if address is None else network_of(address)


def forwarded_for(peer: str, forwarded: str, proxies: tuple[Network, ...]) -> str:
    """The last address that no named proxy vouches for: from the peer backwards through the header's list."""
    client = peer
    for hop in reversed(forwarded.split(",")):
        if not _is_one_of(client, proxies):
            break
        client = _without_port(hop.strip()) or client
    return client


def _without_port(hop: str) -> str:
    """Some proxies write ports behind addresses: ``192.0.2.1:4711``, ``[2001:db8::1]:4711``."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop


@lru_cache(maxsize=20_000)
def network_of(address: str) -> str | None:
    """The network that stands for one client: the address, or the /64 of an IPv6 one; None for one that is not public."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return network_of(str(parsed.ipv4_mapped))
        return str(ipaddress.ip_network((parsed, _IPV6_SUBSCRIBER), strict=False)) if parsed.is_global else None
    return str(parsed) if parsed.is_global else None


@lru_cache(maxsize=1_000)
def _is_one_of(address: str, networks: tuple[Network, ...]) -> bool:
    """Whether a proxy is named; a server that listens on ``::`` sees IPv4 addresses wrapped: ``::ffff:10.0.0.1``."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    own = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return any(parsed in network or (own is not None and own in network) for network in networks)
