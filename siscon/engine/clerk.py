"""Who acts on logins from outside the engine, and where each act is written down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from siscon.config import Settings
from siscon.domain.events import EventKind, Level
from siscon.domain.roles import Role
from siscon.engine.activation import LoadProvider
from siscon.store import audit, events
from siscon.store.database import Connection, Database
from siscon.store.vault import Vault


@dataclass(frozen=True, slots=True)
class Clerk:
    """What every act here needs: where it is written, who acts, and what is configured."""

    db: Database
    vault: Vault
    settings: Settings
    actor: str
    role: Role
    load_provider: LoadProvider
    now_ms: Callable[[], int]

    async def note(self, c: Connection, action: str, name: str, detail: Mapping[str, Any]) -> None:
        """The audit row of an act, in the transaction of its effect."""
        await audit.append(
            c,
            self.vault,
            actor=self.actor,
            action=action,
            target=name,
            detail={**detail, "role": self.role.word},
            at_ms=self.now_ms(),
        )

    async def tell(self, c: Connection, kind: EventKind, level: Level, name: str, what: str) -> None:
        """The event of an act."""
        text = f"{name} {what}"
        await events.append(c, kind, level, text, integration=name, at_ms=self.now_ms())
