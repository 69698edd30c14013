"""What the command line tells of the kinds of systems that siscon can talk to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from siscon.cli import commands
from siscon.providers import registry

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "meridian.py"


def ran(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = commands.run(["providers", *arguments])
    told = capsys.readouterr()
    assert "Traceback" not in told.out + told.err
    return code, told.out, told.err


def test_every_installed_provider_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _err = ran(capsys, "list", "--json")
    rows = {row["name"]: row for row in map(json.loads, out.splitlines())}

    assert code == 0
    assert sorted(rows) == registry.names()
    assert (rows["powerschool"]["distribution"], rows["powerschool"]["state"]) == ("siscon", "ok")


def test_a_broken_provider_is_listed_with_the_reason(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "stranger-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[siscon.providers]\nstranger = no_such_module_here:Thing\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    code, out, _err = ran(capsys, "list", "--json")
    rows = {row["name"]: row for row in map(json.loads, out.splitlines())}

    assert code == 1
    assert rows["stranger"]["state"] == "broken"
    assert "no_such_module_here" in rows["stranger"]["reason"]
    assert rows["skyward"]["state"] == "ok"
    assert ran(capsys, "show", "stranger")[0] == 2


@pytest.mark.parametrize("name", registry.names())
def test_each_is_shown_with_login_and_settings(capsys: pytest.CaptureFixture[str], name: str) -> None:
    code, out, _err = ran(capsys, "show", name, "--json")
    row = json.loads(out)

    assert code == 0
    assert row["login"]
    assert not row["login"].startswith("depends")
    assert len(row["sha256"]) == 64
    assert row["settings"][0]["name"] == "base_url"
    assert ran(capsys, "show", name)[0] == 0


def test_a_file_is_shown_like_a_package(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    file = tmp_path / "meridian.py"
    file.write_bytes(EXAMPLE.read_bytes())
    file.chmod(0o600)
    code, out, _err = ran(capsys, "show", f"{file}:Meridian", "--json")
    row = json.loads(out)

    assert code == 0
    assert (row["media"], row["login"], row["needs"], row["file"]) == (
        *("xml", "a key in a header", ["token"]),
        str(file),
    )
    size = next(one for one in row["settings"] if one["name"] == "page_size")
    assert (size["type"], size["default"]) == ("integer", 100)
    assert size["description"] == "Records asked for at once; the vendor grants up to 500."


def test_an_unknown_name_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    code, _out, err = ran(capsys, "show", "powerschol")

    assert code == 2
    assert "Did you mean powerschool" in err
