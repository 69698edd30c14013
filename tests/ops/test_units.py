"""Units for systemd: what it accepts, whatever stands in a path, and what keeps the account small."""

from __future__ import annotations

import configparser
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from siscon.domain.errors import UsageError
from siscon.ops.units import Wanted, system_unit, user_unit

PROGRAM = (sys.executable, "-m", "siscon")
PLAIN = Wanted(PROGRAM, Path("/etc/siscon/config.yaml"), Path("/var/lib/siscon"), key=Path("/etc/siscon/key"))
STRANGE = Wanted(
    PROGRAM,
    Path("/srv/a b/100%/co$t.yaml"),
    Path('/srv/a "home"'),
    writable=(Path("/mnt/back ups"),),
    account="roster",
)


def read(unit: str) -> configparser.ConfigParser:
    found = configparser.ConfigParser(interpolation=None, comment_prefixes=("#",), delimiters=("=",))
    found.optionxform = str  # type: ignore[assignment,method-assign]
    found.read_string(unit)
    return found


def test_the_unit_of_a_system_waits_for_ready_watches_and_is_small() -> None:
    unit = read(system_unit(PLAIN))
    service = unit["Service"]

    assert unit["Unit"]["StartLimitIntervalSec"] == "0", "it is never given up"
    assert (service["Type"], service["Restart"], service["User"]) == ("notify", "on-failure", "siscon")
    assert int(service["WatchdogSec"]) >= 30
    assert service["LoadCredential"] == "siscon.key:/etc/siscon/key"
    assert (service["StateDirectory"], service["StateDirectoryMode"]) == ("siscon", "0700")
    assert (service["ProtectSystem"], service["CapabilityBoundingSet"]) == ("strict", "")
    assert service["ExecStart"] == f"{' '.join(PROGRAM)} --config /etc/siscon/config.yaml serve"


def test_strange_paths_are_quoted() -> None:
    service = read(system_unit(STRANGE))["Service"]

    assert service["ExecStart"].endswith('--config "/srv/a b/100%%/co$$t.yaml" serve')
    assert service["ReadWritePaths"] == '"/srv/a \\"home\\"" "/mnt/back ups"'
    with pytest.raises(UsageError):
        system_unit(Wanted(PROGRAM, Path("/etc/a\nExecStartPre=/bin/evil"), Path("/var/lib/siscon")))


@pytest.mark.parametrize(
    ("interpreter", "hidden"),
    [("/home/kim/.pyenv/bin/python3.12", "no"), ("/usr/bin/python3.12", "yes")],
)
def test_homes_are_hidden_unless_the_python_itself_lies_there(interpreter: str, hidden: str) -> None:
    wanted = replace(PLAIN, program=("/opt/siscon/bin/siscon",), interpreter=Path(interpreter))

    assert read(system_unit(wanted))["Service"]["ProtectHome"] == hidden


def test_a_unit_of_a_person_needs_no_administrator() -> None:
    unit = read(user_unit(PLAIN))

    assert unit["Install"]["WantedBy"] == "default.target"
    assert "User" not in unit["Service"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not here")
@pytest.mark.parametrize("unit", [system_unit(PLAIN), system_unit(STRANGE), user_unit(PLAIN)])
def test_systemd_finds_nothing_wrong(unit: str, tmp_path: Path) -> None:
    file = tmp_path / "siscon.service"
    file.write_text(unit)
    done = subprocess.run(["systemd-analyze", "verify", str(file)], capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (0, "")
