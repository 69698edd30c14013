"""A whole import, by the commands a person types, from a OneRoster server that gives no more than it must."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from support.bare_oneroster import PER_STUDENT, BareOneRoster, bare_oneroster

CONFIG = """
home: here
integrations:
  open:
    provider: oneroster
    base_url: {origin}
    client_id: abc
    client_secret: ${{OPEN_SECRET:-invented}}
    requests_per_minute: 0
    settings:
      token_url: {origin}/token
"""


def siscon(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "siscon", "--config", str(folder / "config.yaml"), *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def imported(folder: Path, server: BareOneRoster) -> dict[str, int]:
    """How many records of each entity the first sync created."""
    (folder / "config.yaml").write_text(CONFIG.format(origin=server.origin), encoding="utf-8")
    siscon(folder, "sync", "open", "--wait")
    told = json.loads(siscon(folder, "runs", "show", "1", "--json").splitlines()[0])
    return {one["entity"]: one["created"] for one in told["counts"]}


@pytest.mark.long
@pytest.mark.parametrize("cut", [50, 100])
def test_all_comes_with_few_requests_and_none_too_early(tmp_path: Path, cut: int) -> None:
    with bare_oneroster(students=1_000, cut=cut, limit=40, window_s=4.0) as server:
        created = imported(tmp_path, server)

    assert created["student"] == 1_000
    assert created["enrollment"] == 1_000 * PER_STUDENT
    assert created["section"] == len(server.lists["classes"])
    assert server.refused > 0
    assert server.early == 0
    assert sum(server.answered.values()) <= 1.05 * server.least(), server.answered
