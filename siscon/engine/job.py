"""What an import run is given; the importer and its steps share it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from siscon.domain.conflicts import Strategy
from siscon.domain.leases import Lease
from siscon.domain.plans import GuardLimits
from siscon.domain.runs import Run
from siscon.providers.contract import Provider
from siscon.store.database import Database
from siscon.store.vault import Vault


class Meter(Protocol):
    """Counts what goes over the wire, so that each step can commit its share."""

    def take(self) -> int:
        """Requests sent since the last call, repeated ones and token calls included."""
        ...

    def quiet_s(self) -> float:
        """Seconds since anything was under way to the SIS; 0 while something is."""
        ...


@dataclass(frozen=True, slots=True)
class ImportJob:
    """What an import needs. Every transaction of it shows ``lease``, that of the credential.

    ``strategies`` maps ``entity.field``, ``entity`` or ``*`` to who wins a conflict; ``batch`` is the number of
    records in one writing transaction.
    """

    db: Database
    lease: Lease
    run: Run
    provider: Provider
    vault: Vault
    batch: int
    limits: GuardLimits
    strategies: Mapping[str, Strategy]
    incremental: bool
    meter: Meter
    now_ms: Callable[[], int]
    host: str = ""
    """Where the SIS is, as told to people."""
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
