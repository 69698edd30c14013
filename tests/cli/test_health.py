"""``siscon health``: good, trouble with its sentences, and unknown whenever the page cannot be believed."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from siscon.cli.commands import run
from siscon.ops import health_page
from siscon.store import chores, integrations, runs
from siscon.store.sqlite import open_database
from support.databases import activate
from support.runs import a_run


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    config = tmp_path / "config.yaml"
    config.write_text(f"home: '{tmp_path / 'home'}'\nintegrations: {{}}\n")
    monkeypatch.setenv("SISCON_CONFIG", str(config))
    return tmp_path / "home"


async def told(home: Path, *, failing: bool = False, chore: bool = True) -> dict[str, object]:
    db = await open_database(home / "siscon.db", synchronous="normal")
    async with db.transaction() as c:
        await activate(c, "north")
        if failing:
            await integrations.note_failure(c, "north", "the SIS refused the login", now_ms())
        await chores.set_due(c, "backup", now_ms() + 9999)
        result = {
            "ok": chore,
            "told": "no room",
            "at_ms": now_ms(),
            "took_ms": 1,
            "due_at_ms": now_ms() + 9999,
        }
        await chores.done(c, "backup", **result)
    page = await health_page.page(db, home, engine="one", now_ms=now_ms())
    await db.close()
    health_page.write(home, page)
    return page


async def test_a_database_that_cannot_be_written_is_trouble(home: Path) -> None:
    db = await open_database(home / "siscon.db", synchronous="normal")
    page = await health_page.page(db, home, engine="one", now_ms=now_ms(), refused="It is locked.")
    await db.close()

    assert (page["state"], page["trouble"]) == ("trouble", ["It is locked."])


def test_all_is_well(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asyncio.run(told(home))

    assert run(["health"]) == 0
    assert capsys.readouterr().out == "good\n"
    assert run(["health", "--json"]) == 0
    page = json.loads(capsys.readouterr().out)
    assert (page["state"], page["why"], page["trouble"]) == ("good", "", [])
    assert [one["integration"] for one in page["integrations"]] == ["north"]
    assert (home / "health.json").stat().st_mode & 0o777 == 0o600
    assert [one.name for one in home.iterdir() if one.name.startswith(".")] == []


def test_trouble_is_told_in_sentences(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asyncio.run(told(home, failing=True, chore=False))

    assert run(["health"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "trouble",
        "  north is failing: the SIS refused the login",
        "  backup failed: no room",
    ]


async def test_what_fails_while_it_is_tried_again_is_not_called_running(home: Path) -> None:
    await told(home, failing=True)
    db = await open_database(home / "siscon.db", synchronous="normal")
    run_id = await a_run(db, now_ms(), integration="north")
    async with db.transaction() as c:
        await runs.claim(c, run_id, engine="one", now_ms=now_ms())
    page = await health_page.page(db, home, engine="one", now_ms=now_ms())
    await db.close()

    assert page["trouble"] == ["north is failing: the SIS refused the login"]


def test_a_chore_that_hangs_is_trouble(home: Path) -> None:
    asyncio.run(told(home))

    async def two_hours_later() -> dict[str, object]:
        db = await open_database(home / "siscon.db", synchronous="normal")
        page = await health_page.page(db, home, engine="one", now_ms=now_ms() + 2 * 3_600_000)
        await db.close()
        return page

    assert asyncio.run(two_hours_later())["trouble"] == ["backup has been due for more than an hour"]


def test_a_full_disk_is_trouble(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=5 << 20))
    page = asyncio.run(told(home))

    assert page["trouble"] == ["5 MiB are free on the disk of the home"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "no engine has run here yet"),
        ("", "is no page about health"),
        ('{"at_ms": 1, "state": "fine"}', "is no page about health"),
        ("[1]", "is no page about health"),
        ('{"at_ms": 1, "state": "good"}', "it has ended, or hangs"),
        ('{"at_ms": 9999999999999, "state": "good"}', "a clock is wrong"),
    ],
)
def test_what_cannot_be_believed_is_unknown(
    tmp_path: Path, content: str | None, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "health.json"
    if content is not None:
        file.write_text(content)

    assert run(["health", "--file", str(file)]) == 2
    assert capsys.readouterr().out.startswith("unknown: ")
    assert why in health_page.judge(file, max_age_s=60, now_ms=now_ms()).why


def test_an_age_may_be_allowed(tmp_path: Path) -> None:
    file = tmp_path / "health.json"
    file.write_text(json.dumps({"at_ms": now_ms() - 90_000, "state": "good"}))

    assert run(["health", "--file", str(file)]) == 2
    assert run(["health", "--file", str(file), "--max-age", "3600"]) == 0


async def test_a_database_that_cannot_be_read_is_the_trouble(home: Path) -> None:
    db = await open_database(home / "siscon.db")
    await db.close()
    page = await health_page.page(db, home, engine="one", now_ms=1)

    assert page["state"] == "trouble"
    assert "has been closed" in page["trouble"][0]
    assert page["pid"] == os.getpid()


def test_an_engine_that_was_told_to_end_leaves_no_good_word_behind(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = asyncio.run(told(home))
    health_page.write(home, health_page.ended(page, now_ms=now_ms()))

    assert run(["health"]) == 2
    assert "ended" in capsys.readouterr().out
