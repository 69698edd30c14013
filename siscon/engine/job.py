"""What an import run is given; the importer and its steps share it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from siscon.domain.absence import AbsenceRules
from siscon.domain.conflicts import Policy
from siscon.domain.guards import GuardLimits
from siscon.domain.leases import Lease
from siscon.domain.records import Entity
from siscon.domain.runs import Run
from siscon.engine.accounts import Accounts
from siscon.providers.contract import Provider
from siscon.store.database import Database
from siscon.store.vault import Vault

SIS_DECIDES = Policy()


class Meter(Protocol):
    """Counts what goes over the wire, so that each step can commit its share."""

    def take(self) -> int:
        """Requests sent since the last call, repeated ones and token calls included."""
        ...

    def take_trouble(self) -> tuple[int, int]:
        """Of the requests since the last call those that failed, and those the SIS asked to pause after."""
        ...

    def quiet_s(self) -> float:
        """Seconds since anything was under way to the SIS; 0 while something is."""
        ...


@dataclass(frozen=True, slots=True)
class ImportJob:
    """What an import needs. Every transaction of it shows ``lease``, that of the credential.

    ``policies`` says who decides over the fields of each entity; ``batch`` is the number of records in one writing
    transaction.
    """

    db: Database
    lease: Lease
    run: Run
    provider: Provider
    vault: Vault
    batch: int
    limits: GuardLimits
    policies: Mapping[Entity, Policy]
    incremental: bool
    meter: Meter
    now_ms: Callable[[], int]
    absence: AbsenceRules = AbsenceRules()  # noqa: RUF009 - frozen
    accounts: Accounts = field(default_factory=Accounts)
    """How people are named whom the SIS sends without a name."""
    host: str = ""
    """Where the SIS is, as told to people."""
    dead_after: int = 10
    """A record that so many runs could not apply is not tried again by itself while the SIS says the same of it."""
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep

    def policy(self, entity: Entity) -> Policy:
        """Who decides over the fields of an entity."""
        return self.policies.get(entity, SIS_DECIDES)
