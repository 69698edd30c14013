"""The chores that keep an installation well: which there are, and when each is due."""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo

from siscon.config import Settings
from siscon.domain.schedules import parse
from siscon.engine import backups, checking, retention
from siscon.engine.backups import Backups, Keeping
from siscon.engine.chores import NEVER_MS, Chore, by_cron, every
from siscon.engine.retention import Retention
from siscon.store.database import Database
from siscon.store.vault import Vault


def chores(db: Database, settings: Settings, vault: Vault, *, now_ms: Callable[[], int]) -> list[Chore]:
    """Every chore of upkeep; one without a schedule waits until somebody asks for it."""
    asked = settings.upkeep.backup
    keeping = Keeping(settings.backups, asked.keep, asked.keep_days)
    copies = Backups(db, settings.database, vault, keeping, now_ms)
    old = Retention(db, settings.home, settings.database, vault, settings.upkeep.days, now_ms)
    path = settings.database
    return [
        Chore(backups.CHORE, _due(asked.schedule, settings), copies.make),
        Chore(retention.CHORE, _due(settings.upkeep.retention.schedule, settings), old.purge),
        Chore(checking.CHECK, _due(settings.upkeep.check.schedule, settings), lambda _: checking.check(path)),
        Chore(checking.LOG, every(checking.LOG_EVERY_S), lambda _: checking.shorten_log(path)),
    ]


def _due(line: str, settings: Settings) -> Callable[[int], int | None]:
    if not line:
        return lambda _after_ms: NEVER_MS
    return by_cron(parse(line), ZoneInfo(settings.time_zone))
