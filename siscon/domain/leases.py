"""Leases: the right to act on something until a moment."""

from __future__ import annotations

from dataclasses import dataclass

LEASE_TTL_S = 10.0
"""A lease not renewed for this long may be taken over."""

HEARTBEAT_S = 3.0
"""How often an engine renews its leases."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease as taken. ``fence`` only ever grows: a transaction that shows an old one is refused."""

    name: str
    owner: str
    fence: int


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """An engine that has registered; ``alive`` as of the moment it was read."""

    id: str
    host: str
    pid: int
    version: str
    started_at_ms: int
    seen_at_ms: int
    alive: bool
