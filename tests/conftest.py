"""What all tests share: what some thousands of them need is made once, and copied."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import settings

from siscon.store import migrate, sqlite

# How long an example takes says how busy the machine is: nothing is proved by it, and a busy one failed honest tests.
settings.register_profile("siscon", deadline=None)
settings.load_profile("siscon")

# Programs are not compiled anew each time: some environments forbid it, and pay with a third of the time of the whole.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A shell lets what it runs in the background ignore ctrl-C, and the programs that tests start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

HERE = Path(__file__).parent


def pytest_configure(config: pytest.Config) -> None:
    """In a fresh clone one process prepares the test files, not each of several the same ones at the same time."""
    shared = not hasattr(config, "workerinput") and bool(config.getoption("numprocesses", None))
    if shared and not any(HERE.rglob("test_*-pytest-*.pyc")):
        words = [*config.invocation_params.args, "--collect-only", "-q", "-n", "0"]
        subprocess.run([sys.executable, "-m", "pytest", *words], stdout=subprocess.DEVNULL, check=False)


NEW = migrate.Found(application_id=0, version=0, tables=0)


class _Filled:
    """Fills new databases as though another process had been faster; all that siscon does then is done truly.

    To carry out every migration takes thirty times as long as to copy what they led to.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pattern: sqlite3.Connection | None = None

    def fill(self, connection: sqlite3.Connection, path: Path) -> None:
        with self._lock:
            if migrate.look(connection) != NEW:
                return
            if self._pattern is None:
                self._pattern = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
                migrate.migrate(self._pattern, path, now_ms=0)
            connection.execute("PRAGMA synchronous = OFF")
            self._pattern.backup(connection)


_filled = _Filled()
_set_up_writer = sqlite._set_up_writer


def _set_up_filled(connection: sqlite3.Connection, path: Path, synchronous: str) -> int:
    _filled.fill(connection, path)
    return _set_up_writer(connection, path, synchronous)


sqlite._set_up_writer = _set_up_filled
