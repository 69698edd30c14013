"""Reminders of what is to come and is no trouble: to the channels of the digest, for they are to wake nobody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from siscon.config import Settings
from siscon.store import outbox
from siscon.store.database import Connection


@dataclass(frozen=True, slots=True)
class Reminder:
    """Leaves reminders for ``channels``; ``house`` is what this installation is called."""

    channels: Sequence[str] = ()
    house: str = ""

    async def leave(self, c: Connection, head: str, text: str, *, key: str, now_ms: int) -> None:
        """Leave one in the outbox of each channel; the same key leaves nothing a second time."""
        for channel in self.channels:
            await outbox.put(
                c,
                subject=f"[{self.house or 'siscon'}] Reminder: {head}",
                text=f"{text[:1].upper()}{text[1:]}.\n\nMore: 'siscon schedules list'.\n",
                channel=channel,
                key=f"reminder:{key}",
                data={"type": "reminder"},
                now_ms=now_ms,
            )


def reminder_of(settings: Settings) -> Reminder:
    """As the configuration has it."""
    return Reminder(settings.notices.calm_channels, settings.profile.name)
