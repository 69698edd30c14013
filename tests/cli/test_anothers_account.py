"""Behind sudo and su an account may do more than the one who came: what knows no roles does nothing there."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from siscon.cli import examining
from siscon.cli.commands import run
from siscon.domain.errors import SisconError
from siscon.domain.roles import Account, Person
from siscon.ops import actor
from siscon.store.os_accounts import account_of

EVA = Account("eva", 1002)


def comes_as(monkeypatch: pytest.MonkeyPatch, account: Account, login: Account | None) -> None:
    monkeypatch.setattr(actor, "current_person", lambda _environ: Person(account, login))


@pytest.mark.parametrize(
    "words",
    [
        ["demo", "--once", "--home", "new"],
        ["sandbox", "--home", "new", "--print-config"],
        ["sandbox", "csv", "new"],
        ["replay", "old.db"],
        ["show", "health", "--database", "old.db"],
        ["report", "morning", "--database", "old.db", "--output", "new"],
    ],
    ids=lambda words: words[0],
)
def test_what_asks_no_configuration_is_refused(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    comes_as(monkeypatch, Account("siscon", 990), EVA)

    assert run(words) == 2
    assert "sudo and su" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("account", "login"),
    [
        (Account("eva", 1002), None),
        (Account("siscon", 990), Account("root", 0)),
        (Account("root", 0), EVA),
        (Account("app", 1001), Account("unknown", 1000)),
    ],
    ids=["nobody else", "root became it", "root", "in a container"],
)
def test_in_an_account_of_ones_own_it_is_not(
    account: Account, login: Account | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    comes_as(monkeypatch, account, login)

    assert run(["sandbox", "--home", "new", "--print-config"]) == 0


def test_no_report_is_written_into_a_file_for_a_viewer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    config = tmp_path / "config.yaml"
    config.write_text(f"home: home\nroles:\n  viewers: [{account_of(os.getuid()).name}]\n", encoding="utf-8")
    config.chmod(0o600)
    before = config.read_bytes()

    assert run(["report", "morning", "--output", str(config)]) == 2
    assert "it needs operator" in capsys.readouterr().err
    assert config.read_bytes() == before


def test_a_demo_leaves_a_database_alone_that_no_demo_has_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "siscon.db").write_bytes(b"")

    assert run(["demo", "--once", "--home", str(tmp_path)]) == 2
    assert "no demo has written" in capsys.readouterr().err
    assert [one.name for one in tmp_path.iterdir()] == ["siscon.db"]


async def test_no_module_of_the_folder_where_one_stands_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever can write into a folder would else have others run code there, by a name that a library asks for."""
    monkeypatch.chdir(tmp_path)
    for name in ("click", "nt", "siscon"):
        (tmp_path / f"{name}.py").write_text(
            f"open({str(tmp_path / 'ran')!r}, 'w').close()", encoding="utf-8"
        )
    monkeypatch.setattr(sys, "path", [one for one in sys.path if one])

    with suppress(SisconError):  # there is no configuration
        await examining.examine(str(tmp_path / "config.yaml"))
    assert not (tmp_path / "ran").exists()
