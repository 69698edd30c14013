"""``siscon keys`` and ``siscon audit`` as commands: what they print, and how they end."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path

import pytest

from siscon.cli.commands import run
from siscon.domain.privacy import Secret
from siscon.domain.tokens import Token
from siscon.store import audit, keys, tokens
from siscon.store.sqlite import open_database
from siscon.store.vault import Vault
from support.databases import activate

KEY = b"k" * 32


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in (keys.CREDENTIALS, keys.NAMED_FILE, keys.VARIABLE):
        monkeypatch.delenv(name, raising=False)
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    config = tmp_path / "config.yaml"
    config.write_text(f"home: '{home}'\nintegrations: {{}}\n")
    monkeypatch.setenv("SISCON_CONFIG", str(config))
    return home


def fill(home: Path, key: bytes = KEY) -> None:
    async def work() -> None:
        db = await open_database(home / "siscon.db", synchronous="normal")
        vault = Vault([key])
        async with db.transaction() as c:
            await activate(c, "a")
            await tokens.save(c, vault, "a", Token(Secret("access"), 0, None))
            await audit.append(c, vault, actor="x", action="y", target="z", detail={"n": 1}, at_ms=1)
        await db.close()

    keys.replace_file(home / keys.KEY_FILE, [key])
    asyncio.run(work())


def harm(home: Path, sql: str) -> None:
    async def work() -> None:
        db = await open_database(home / "siscon.db", synchronous="normal")
        async with db.transaction() as c:
            await c.run(sql)
        await db.close()

    asyncio.run(work())


def test_a_key_is_made_and_never_shown_nor_overwritten(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new.key"

    assert run(["keys", "generate", "--out", str(out), "--json"]) == 0
    told = capsys.readouterr().out
    before = out.read_bytes()
    assert json.loads(told)["key_id"] == Vault([base64.urlsafe_b64decode(before)]).key_id
    assert before.decode().strip() not in told
    assert out.stat().st_mode & 0o077 == 0
    assert run(["keys", "generate", "--out", str(out)]) == 2
    assert out.read_bytes() == before
    assert run(["keys", "generate"]) == 0
    assert (home / keys.KEY_FILE).exists()


def test_the_life_of_a_key_from_check_to_prune(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(home)
    old = Vault([KEY]).key_id

    assert run(["keys", "check", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["source"] == f"file {home / keys.KEY_FILE}"
    assert [one["there"] for one in told["places"]] == [False, False, False, True]
    assert told["keys"] == [{"key_id": old, "state": "seals", "protects": {"secrets": 1, "tokens": 1}}]
    assert run(["keys", "prune"]) == 0
    assert run(["keys", "rotate", "--json"]) == 0
    rotated = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (rotated["new"], rotated["resealed"], rotated["left"]) == (True, 2, 0)
    assert run(["keys", "prune", "--json"]) == 2
    assert json.loads(capsys.readouterr().out) == {"key_id": old, "protects": 0, "removed": False}
    assert run(["keys", "prune", "--yes"]) == 0
    assert len(keys.find_source(home, {}).read()) == 1
    assert run(["audit", "verify"]) == 0


def test_a_wrong_key_ends_with_2_and_changes_nothing(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(home)
    keys.replace_file(home / keys.KEY_FILE, [b"w" * 32])

    for words in (["keys", "rotate"], ["keys", "prune", "--yes"], ["audit", "verify"], ["status"]):
        assert run(words) == 2
        assert Vault([KEY]).key_id in capsys.readouterr().err
    assert run(["keys", "check"]) == 1
    assert "Cannot be opened: 1 in secrets, 1 in tokens" in capsys.readouterr().out
    keys.replace_file(home / keys.KEY_FILE, [KEY])
    assert run(["keys", "check"]) == 0


def test_a_missing_key_is_told_and_not_made(home: Path) -> None:
    fill(home)
    (home / keys.KEY_FILE).unlink()

    for words in (["keys", "generate"], ["keys", "check"], ["keys", "rotate"], ["status"]):
        assert run(words) == 2
    assert not (home / keys.KEY_FILE).exists()


def test_acts_are_listed_and_a_change_of_one_is_found(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(home)

    assert run(["audit", "list", "--json", "--limit", "1"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "seq": 1,
        "at": "1970-01-01T00:00:00+00:00",
        "actor": "x",
        "role": None,
        "action": "y",
        "target": "z",
        "detail": {"n": 1},
    }
    harm(home, "UPDATE audit SET actor = 'somebody'")
    assert run(["audit", "verify", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["whole"], told["first_bad"]) == (False, 1)
