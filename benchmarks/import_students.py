"""Import N students from the sandbox's PowerSchool beside the lean loop over the same pages, in one run.

Usage: python benchmarks/import_students.py [N ...]      (default: 10000 100000)
Prints one JSON object a size: CPU seconds, seconds, peak memory of both, and the ratio.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PAGE_SIZE = 200


def measured(command: list[str], cwd: Path) -> tuple[dict[str, float], str]:
    """Run a command to its end: user + system seconds, wall seconds, peak memory in MiB, and its output."""
    begun = time.monotonic()
    process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}:\n{output}")
    figures = {
        "cpu_s": round(used.ru_utime + used.ru_stime, 2),
        "wall_s": round(time.monotonic() - begun, 2),
        "peak_mib": round(used.ru_maxrss / 1024, 1),
    }
    return figures, output


def main(sizes: list[int]) -> None:
    for students in sizes:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(compare(students, Path(folder))), flush=True)


def compare(students: int, folder: Path) -> dict[str, object]:
    siscon = [sys.executable, "-m", "siscon"]
    options = [
        "--students",
        str(students),
        "--seed",
        "1",
        "--port",
        "18640",
        "--home",
        str(folder / "sandbox"),
    ]
    printed = subprocess.run(
        [*siscon, "sandbox", *options, "--print-config"], check=True, capture_output=True, text=True
    ).stdout
    config = folder / "config.yaml"
    config.write_text(tuned(printed))
    secret = re.search(r"client_secret: .*:-([^}]+)\}", printed)
    login = re.search(r"client_id: (\S+)", printed)
    assert secret is not None
    assert login is not None
    sandbox = subprocess.Popen([*siscon, "sandbox", *options], stdout=subprocess.PIPE, text=True)
    try:
        assert sandbox.stdout is not None
        sandbox.stdout.readline()
        lean, _ = measured(
            [
                sys.executable,
                str(Path(__file__).with_name("lean_loop.py")),
                "http://127.0.0.1:18640",
                login[1],
                secret[1],
                str(PAGE_SIZE),
                str(folder / "lean.db"),
            ],
            folder,
        )
        parents = ["--config", str(config), "sync", "powerschool", "--entity", "school", "--wait"]
        sync = ["--config", str(config), "sync", "powerschool", "--entity", "student", "--wait"]
        subprocess.run([*siscon, *parents], check=True, stdout=subprocess.DEVNULL)
        ours, _ = measured([*siscon, *sync], folder)
        again, _ = measured([*siscon, *sync], folder)
    finally:
        sandbox.terminate()
        sandbox.wait()
    return {
        "students": students,
        "lean": lean,
        "siscon": ours,
        "siscon again, nothing changed": again,
        "cpu_ratio": round(ours["cpu_s"] / lean["cpu_s"], 2),
    }


def tuned(printed: str) -> str:
    """The sandbox's configuration without a request limit and with pages of the size compared."""
    unlimited = re.sub(r"requests_per_minute: \d+", "requests_per_minute: 0", printed)
    return unlimited.replace(
        "provider: powerschool\n", f"provider: powerschool\n    settings: {{page_size: {PAGE_SIZE}}}\n"
    )


if __name__ == "__main__":
    main([int(one) for one in sys.argv[1:]] or [10_000, 100_000])
