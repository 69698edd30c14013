"""Files in a home that have had their time: closed logs, pages about crashes, copies of the database from before."""

from __future__ import annotations

from pathlib import Path

from siscon.domain.retention import Cutoffs

CLOSED_LOGS = ("*.jsonl.*", "crash-*.txt", "serve.log.*")
COPIES = ("siscon.db.before-*", "siscon.db.replaced-*", ".restore-*/*")


def old_files(home: Path, moments: Cutoffs) -> dict[str, list[Path]]:
    """Which would go, by what they are. A log that is written to, and the heads of the audit, are never among them."""
    return {
        "logs": _older(home / "logs", CLOSED_LOGS, moments.logs),
        "copies": _older(home, COPIES, moments.copies),
    }


def _older(folder: Path, patterns: tuple[str, ...], before_ms: int | None) -> list[Path]:
    if before_ms is None:
        return []
    found = [path for pattern in patterns for path in folder.glob(pattern) if path.is_file()]
    return sorted(path for path in found if path.lstat().st_mtime_ns // 1_000_000 < before_ms)


def remove(paths: list[Path]) -> None:
    """Remove files; one that is gone already is as good. Raises ``OSError``."""
    for path in paths:
        path.unlink(missing_ok=True)
