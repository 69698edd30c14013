"""Where a sandbox remembers its district and day, so that another process can let a day pass."""

from __future__ import annotations

import json
import os
import tempfile
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

DEFAULT_PORT = 9100
PORTS = 5
_LATEST = "latest-sandbox"


def state_dir() -> Path:
    """The default place for state files."""
    root = os.environ.get("XDG_STATE_HOME")
    return (Path(root) if root else Path.home() / ".local" / "state") / "siscon"


def path_for(port: int, home: Path | None = None) -> Path:
    """The state file of a sandbox on a port, or in a home directory that was given."""
    return state_dir() / f"sandbox-{port}.json" if home is None else home.absolute() / "sandbox.json"


def moment(at: datetime) -> str:
    """A moment as OneRoster writes it."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


@dataclass(slots=True)
class SandboxState:
    """What a sandbox is: its district's seed and size, the day it is there, and where it listens.

    ``moments`` holds the real moment (UTC) at which each day began, for dateLastModified.
    """

    seed: int
    students: int
    day: int
    port: int
    path: Path
    ports: tuple[int, ...] = ()
    moments: list[str] = field(default_factory=list)
    started_at: str = ""

    def __post_init__(self) -> None:
        if not 10 <= self.students <= 1_000_000:
            raise ValueError("a sandbox district has between 10 and 1,000,000 students")
        if not self.ports:
            self.ports = tuple(range(self.port, self.port + PORTS))
        first = datetime.now(UTC) - timedelta(days=self.day + 1)
        while len(self.moments) <= self.day:
            self.moments.append(moment(first + timedelta(days=len(self.moments))))

    def save(self) -> None:
        """Write the state file in one piece, and remember it as the latest."""
        values = {name: value for name, value in asdict(self).items() if name != "path"}
        _write(self.path, json.dumps(values, indent=1) + "\n")

    def pass_day(self) -> None:
        """Go to the next day, which begins now (and never before the day that went before)."""
        now = moment(datetime.now(UTC))
        while now <= self.moments[-1]:
            time.sleep(0.001)
            now = moment(datetime.now(UTC))
        self.day += 1
        self.moments.append(now)


def load(path: Path) -> SandboxState:
    """Read a state file; raises ValueError with a sentence if it cannot be one."""
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        values["ports"] = tuple(values["ports"])
        return SandboxState(path=path, **values)
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} is not a sandbox state file; delete it and start the sandbox again"
        ) from error


def mark_latest(path: Path) -> None:
    """Remember a state file as the one of the sandbox that was started last."""
    _write(state_dir() / _LATEST, f"{path}\n")


def latest() -> Path | None:
    """The state file of the sandbox that was started last, if it is still there."""
    try:
        path = Path((state_dir() / _LATEST).read_text(encoding="utf-8").strip())
    except OSError:
        return None
    return path if path.is_file() else None


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def now() -> str:
    """This moment as OneRoster writes it."""
    return moment(datetime.now(UTC))
