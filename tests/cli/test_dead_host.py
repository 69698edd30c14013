"""Who waits for a sync of an SIS that does not answer is told so at once, with its address, and how it ends."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

CONFIG = """
home: home
integrations:
  harbor:
    provider: powerschool
    base_url: http://{address}
    client_id: id
    client_secret: ${{HARBOR_SECRET}}
"""


@pytest.mark.long
def test_a_dead_host_is_named_while_one_waits_and_at_the_end(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG.format(address=address))
    config.chmod(0o600)
    kept = {key: value for key, value in os.environ.items() if not key.startswith("SISCON")}
    environ = {**kept, "HOME": str(tmp_path), "HARBOR_SECRET": "planted-secret-9613"}
    command = [sys.executable, "-m", "siscon", "sync", "harbor", "--wait", "--config", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, env=environ, timeout=800)

    told = done.stderr.splitlines()
    assert done.returncode == 1
    assert address in told[0]
    assert "asked again" in told[0]
    assert any(address in line and "Run 1 waits" in line and "goes on" in line for line in told)
    assert "Run 1 of harbor: failed" in told[-1]
    assert address in told[-1]
    assert "sync harbor again" in told[-1]
    assert "planted-secret" not in done.stdout + done.stderr
