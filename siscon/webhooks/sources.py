"""Where a message comes from: the peer, or behind a proxy that is trusted the address that it names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from siscon.domain.webhooks import Network

Address = IPv4Address | IPv6Address

MOST_HOPS = 16
"""Of a longer way only the last part is looked at."""


@lru_cache(maxsize=4096)
def address_of(text: str) -> Address | None:
    """An address, an IPv4 one also where it is written as IPv6; None for what is none."""
    try:
        found = ip_address(text.strip().partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def is_within(address: Address | None, networks: Iterable[Network]) -> bool:
    """Whether an address lies in one of these networks."""
    return address is not None and any(address in one for one in networks)


def source_of(peer: str, forwarded: Sequence[bytes], trusted: Sequence[Network]) -> Address | None:
    """The sender's address. ``X-Forwarded-For`` counts as far as hops that are trusted have written it.

    None where a trusted proxy names what is no address: such a sender is nobody who could be let in by address.
    """
    source = address_of(peer)
    if not is_within(source, trusted):
        return source
    hops = b",".join(forwarded).split(b",")[-MOST_HOPS:] if forwarded else []
    for hop in reversed(hops):
        source = address_of(_bare(hop.decode("latin-1").strip()))
        if not is_within(source, trusted):
            return source
    return source


def _bare(hop: str) -> str:
    """A hop without its port: ``192.0.2.1:4711``, ``[2001:db8::1]:4711``."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop


def group_of(address: Address | None) -> str:
    """What counts as one sender: an IPv4 address, the /64 of an IPv6 one."""
    if isinstance(address, IPv6Address):
        return f"{address.exploded[:19]}::/64"
    return str(address)
