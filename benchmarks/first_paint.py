"""From start to the first painted text: siscon's console beside the smallest Textual app, in one run, in turn.

Usage: python benchmarks/first_paint.py [ROUNDS]      (default: 9)
The engine is alive already, as it is for everybody who attaches. Also: `siscon --version` beside `python -c pass`.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

SMALLEST = """
from textual.app import App
from textual.widgets import Static

class Smallest(App):
    def compose(self):
        yield Static("Health")

Smallest().run()
"""
CONFIG = """
home: home
integrations:
  harbor:
    provider: powerschool
    base_url: http://127.0.0.1:9
    client_id: invented
    client_secret: ${BENCH_SECRET:-invented}
"""


def painted(command: list[str], folder: Path) -> float:
    """Seconds from the start of ``command`` in a terminal of 120x40 until it shows the word Health."""
    begun = time.monotonic()
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.environ.update(TERM="xterm-256color", COLORTERM="truecolor", LANG="C.UTF-8")
        os.execv(command[0], command)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    seen = b""
    try:
        while b"Health" not in seen:
            if not select.select([terminal], [], [], 30)[0]:
                raise SystemExit(f"{command} showed nothing:\n{seen!r}")
            seen += os.read(terminal, 65536)
        return time.monotonic() - begun
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)


def timed(command: list[str]) -> float:
    begun = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - begun


def summary(rounds: list[float]) -> dict[str, float]:
    return {"median_s": round(statistics.median(rounds), 3), "min_s": round(min(rounds), 3)}


def main(rounds: int) -> None:
    bin_ = Path(sys.executable).parent
    siscon = str(bin_ / "siscon")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "config.yaml").write_text(CONFIG)
        (folder / "config.yaml").chmod(0o600)
        engine = subprocess.Popen(
            [siscon, "serve"], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            until = time.monotonic() + 20
            while (
                '"pid"'
                not in subprocess.run(
                    [siscon, "status", "--json"], cwd=folder, capture_output=True, text=True, check=False
                ).stdout
            ):
                if time.monotonic() > until:
                    raise SystemExit("the engine did not come up")
            smallest, ours = [], []
            for _ in range(rounds):
                smallest.append(painted([sys.executable, "-c", SMALLEST], folder))
                ours.append(painted([siscon], folder))
                time.sleep(1)  # what the killed console had started must not slow the next round
        finally:
            engine.terminate()
            engine.wait()
    bare = [timed([sys.executable, "-c", "pass"]) for _ in range(rounds)]
    version = [timed([siscon, "--version"]) for _ in range(rounds)]
    print(
        json.dumps(
            {
                "smallest": summary(smallest),
                "siscon": summary(ours),
                "paint_ratio": round(statistics.median(ours) / statistics.median(smallest), 2),
                "python": summary(bare),
                "version": summary(version),
                "version_ratio": round(statistics.median(version) / statistics.median(bare), 2),
            }
        )
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 9)
