"""Every block of Python in the guide for authors of providers runs as it stands there, by itself and under pytest."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from siscon.config.model import IntegrationSettings
from siscon.providers import contract
from siscon.providers.kit import cells

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "writing-a-provider.md"
TEXT = GUIDE.read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)(?: file=(\S+))?\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
PYTHON = [(file, code) for kind, file, code in BLOCKS if kind == "python"]


def run_tests(folder: Path, *files: str) -> str:
    """The last line of a pytest in a process and a folder of its own, as a stranger would call it."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "none.ini", *files],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=100,
        env={"PATH": "", "PYTHONPATH": str(folder), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    return done.stdout.strip().splitlines()[-1]


def test_the_smallest_provider_passes_the_suite_word_for_word(tmp_path: Path) -> None:
    (tmp_path / "none.ini").write_text("[pytest]\n")
    for file, code in PYTHON:
        if file:
            (tmp_path / file).write_text(code, encoding="utf-8")

    assert "passed" in run_tests(tmp_path, "test_tern.py")
    assert len((tmp_path / "tern.py").read_text().splitlines()) < 120


@pytest.mark.parametrize("number", [n for n, (file, _code) in enumerate(PYTHON) if not file])
def test_every_other_block_runs_by_itself(number: int, tmp_path: Path) -> None:
    (tmp_path / "none.ini").write_text("[pytest]\n")
    code = PYTHON[number][1]
    more = "" if "provider_suite" in code else "\n\ndef test_it_runs() -> None:\n    pass\n"
    (tmp_path / "test_block.py").write_text(code + more, encoding="utf-8")

    assert "passed" in run_tests(tmp_path, "test_block.py")


def test_the_other_blocks_can_be_read() -> None:
    told = {kind: code for kind, _file, code in BLOCKS}
    entry = tomllib.loads(told["toml"])["project"]["entry-points"]["siscon.providers"]
    one = yaml.safe_load(told["yaml"])["integrations"]["north"]

    assert entry == {"tern": "tern:Tern"}
    assert set(one) <= set(IntegrationSettings.model_fields)


@pytest.mark.parametrize("name", [one for one in vars(cells.Cells) if not one.startswith("_")])
def test_every_way_to_read_a_cell_is_told(name: str) -> None:
    assert f"`{name}(" in TEXT


@pytest.mark.parametrize(
    "name", ["media", "rate", "Settings", "grant", "pages", "coverage", "classify", "offers"]
)
def test_every_part_of_the_contract_is_told(name: str) -> None:
    assert hasattr(contract.Provider, name)
    assert f"`{name}" in TEXT
