"""The parts of a demo: its home, its sandbox as a process of its own, its configuration."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from siscon.cli.sandbox import state_at
from siscon.domain.errors import SisconError, UsageError
from siscon.domain.text import plain
from siscon.sandbox import launch
from siscon.sandbox import state as states
from siscon.sandbox.state import SandboxState

READY_WITHIN_S = 30.0
END_WITHIN_S = 5.0
PID_FILE = "sandbox.pid"
CONFIG_FILE = "config.yaml"
DATABASE_FILE = "siscon.db"


@dataclass(slots=True)
class SandboxProcess:
    """A sandbox that runs beside this process."""

    process: subprocess.Popen[bytes]
    home: Path

    def end(self) -> None:
        """Stop it, and wait until it is gone."""
        self.process.terminate()
        try:
            self.process.wait(END_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        (self.home / PID_FILE).unlink(missing_ok=True)


def prepare_home(home: Path, *, students: int | None, seed: int | None) -> SandboxState:
    """The district that lives in a home, old or new; refuses a home that is somebody's own."""
    path = states.path_for(0, home)
    found = next((one for one in (CONFIG_FILE, DATABASE_FILE) if (home / one).exists()), None)
    if found and not path.is_file():
        raise UsageError(
            f"{home} holds a {found} that no demo has written: name an empty folder with --home.",
            code="not_a_demo",
        )
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    return state_at(path, students=students, seed=seed, port=0)


def start_sandbox(home: Path, state: SandboxState, *, real_limits: bool, tied: bool) -> SandboxProcess:
    """Start the servers and wait until each answers; ``tied``: they end when this process does."""
    logs = home / "logs"
    logs.mkdir(mode=0o700, parents=True, exist_ok=True)
    end_leftover(home)
    said = logs / "sandbox.log"
    command = [sys.executable, "-P", "-m", "siscon", "sandbox", "--home", str(home), "--port", "0"]
    command += ["--students", str(state.students), "--seed", str(state.seed)]
    command += ["--real-limits"] if real_limits else []
    command += ["--until-eof"] if tied else []
    before = _started_at(state.path)
    with said.open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and words
            command,
            stdin=subprocess.PIPE if tied else subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    child = SandboxProcess(process, home)
    (home / PID_FILE).write_text(f"{process.pid}\n", encoding="ascii")
    try:
        _wait_until_ready(child, state.path, before, said)
    except BaseException:
        child.end()
        raise
    return child


def _started_at(path: Path) -> str:
    with suppress(OSError, ValueError):
        return states.load(path).started_at
    return ""


def _wait_until_ready(child: SandboxProcess, path: Path, before: str, said: Path) -> None:
    until_s = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < until_s:
        if child.process.poll() is not None:
            lines = said.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            raise SisconError(
                f"The sandbox ended at once: {plain(lines[-1] if lines else 'it left no word')}"
            )
        if _started_at(path) not in ("", before) and all(map(_answers, states.load(path).ports)):
            return
        time.sleep(0.02)
    raise SisconError(
        f"The sandbox was not ready within {READY_WITHIN_S:.0f} s; see {said}.", code="no_sandbox"
    )


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def write_config(home: Path, *, real_limits: bool) -> Path:
    """The configuration for the sandbox as it listens now, in one piece."""
    state = states.load(states.path_for(0, home))
    text = launch.print_config(state, real_limits=real_limits, home=".") + "engine:\n  on_quit: stop\n"
    path = home / CONFIG_FILE
    beside = home / f".{CONFIG_FILE}.new"
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)
    return path


def end_leftover(home: Path) -> bool:
    """End the sandbox that an earlier demo left in a home; True when there was one."""
    file = home / PID_FILE
    try:
        pid = int(file.read_text(encoding="ascii"))
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        file.unlink(missing_ok=True)
        return False
    ours = b"sandbox" in words and str(home).encode() in words
    if ours:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        until_s = time.monotonic() + END_WITHIN_S
        while Path(f"/proc/{pid}/cmdline").exists() and time.monotonic() < until_s:
            time.sleep(0.02)
    file.unlink(missing_ok=True)
    return ours
