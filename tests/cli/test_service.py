"""``siscon service install``: the unit alone, or the commands that install it; nothing is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from siscon.cli.commands import run


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "config.yaml"
    file.write_text(
        "home: /var/lib/siscon\nupkeep: {backup: {folder: /mnt/copies}}\n"
        "metrics: {textfile: /var/lib/node/siscon.prom}\nintegrations: {}\n"
    )
    return file


def test_the_unit_names_this_siscon_this_configuration_and_where_it_writes(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--config", str(config), "--account", "roster", "--key", "/etc/siscon/key"]
    assert run(["service", "install", "--print", *asked]) == 0
    lines = capsys.readouterr().out.splitlines()

    assert any(one.startswith("ExecStart=/") and one.endswith(f"--config {config} serve") for one in lines)
    wanted = (
        "User=roster",
        "ReadWritePaths=/mnt/copies /var/lib/node",
        "LoadCredential=siscon.key:/etc/siscon/key",
    )
    assert set(wanted) <= set(lines)


@pytest.mark.parametrize("more", [[], ["--user"]])
def test_without_print_it_says_what_to_do_and_does_nothing(
    config: Path, more: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(config.parent.iterdir())
    assert run(["service", "install", *more, "--config", str(config)]) == 0
    told = capsys.readouterr().out

    assert "siscon writes no unit" in told
    assert f"--print --config {config} > " in told
    assert sorted(config.parent.iterdir()) == before


def test_the_steps_run_in_any_shell_of_root(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/etc/siscon/credentials")
    assert run(["service", "install", "--config", str(config)]) == 0
    lines = [one.strip() for one in capsys.readouterr().out.splitlines()]

    printing = next(one for one in lines if " --print " in one)
    assert printing.startswith("CREDENTIALS_DIRECTORY=/etc/siscon/credentials /"), (
        "no PATH and no variable is needed"
    )
    assert "install -d -m 700 -o siscon -g siscon /mnt/copies" in lines, (
        "systemd wants it there before the start"
    )
