"""What the doctor finds, and what it advises."""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from siscon.config import IntegrationSettings, Settings
from siscon.domain.errors import ConfigError
from siscon.domain.events import EventKind, Level
from siscon.domain.privacy import Secret
from siscon.domain.tokens import Token
from siscon.ops import doctor
from siscon.ops.actor import current_actor
from siscon.ops.doctor import Check, Screen, State
from siscon.store import events, tokens
from siscon.store.keys import load_keys
from siscon.store.sqlite import open_database
from support.databases import activate

NOW_MS = 1_800_000_000_000
PIPE = Screen(is_terminal=False, columns=80, lines=24, encoding="utf-8")


async def found(home: Path, *, now_ms: int = NOW_MS) -> dict[str, Check]:
    checks = await doctor.examine(lambda: Settings(home=home), {}, screen=PIPE, now_ms=now_ms)
    return {one.name: one for one in checks}


async def test_before_the_first_start_nothing_is_wrong(tmp_path: Path) -> None:
    checks = await found(tmp_path / "home")

    assert {one.state for one in checks.values()} <= {State.OK, State.WARN}
    assert checks["home"].advice == "the first start makes it"
    assert "powerschool" in checks["providers"].seen


def test_whose_code_the_used_providers_are_is_told() -> None:
    checks = {one.name: one for one in doctor.check_providers(["powerschool", "no_such"])}

    assert checks["provider powerschool"].seen.startswith("PowerSchool, siscon ")
    assert "sha256" in checks["provider powerschool"].seen
    assert checks["provider no_such"].state is State.FAIL
    assert "powerschool" not in checks["providers"].seen


async def test_a_sound_installation_is_sound_and_a_clock_set_back_is_seen(tmp_path: Path) -> None:
    home = tmp_path / "home"
    db = await open_database(home / "siscon.db")
    load_keys(home, {}, create=True)
    async with db.transaction() as c:
        await events.append(c, EventKind.ENGINE_STARTED, Level.INFO, "engine x started", at_ms=NOW_MS)
    await db.close()

    assert {one.state for one in (await found(home)).values()} == {State.OK}
    assert (await found(home, now_ms=NOW_MS - 600_000))["clock"].state is State.WARN


async def test_a_login_that_needs_a_person_fails_and_says_what_to_do(tmp_path: Path) -> None:
    home = tmp_path / "home"
    db = await open_database(home / "siscon.db")
    load_keys(home, {}, create=True)
    async with db.transaction() as c:
        for name in ("north", "south", "gone"):
            await activate(c, name)
        for name in ("north", "gone"):
            await tokens.mark_needs_person(
                c, name, f"{name} needs a person. Run: siscon tokens authorise {name}"
            )
    await db.close()
    kept = IntegrationSettings(provider="powerschool", base_url="https://sis.example")

    checks = await doctor.examine(
        lambda: Settings(home=home, integrations={"north": kept, "south": kept}),
        {},
        screen=PIPE,
        now_ms=NOW_MS,
    )

    logins = {one.name: one for one in checks if one.name.startswith("login")}
    assert {name: one.state for name, one in logins.items()} == {
        "login north": State.FAIL,
        "login south": State.OK,
    }
    assert "siscon tokens authorise north" in logins["login north"].seen
    assert "none yet" in logins["login south"].seen


@pytest.mark.parametrize(
    ("act", "state", "seen"),
    [
        ("good", State.OK, "good"),
        ("expiring", State.OK, "expiring"),
        ("ended", State.OK, "the next run asks"),
        ("given back", State.WARN, "given back"),
    ],
)
async def test_how_each_login_is_stands_in_a_line(tmp_path: Path, act: str, state: State, seen: str) -> None:
    home = tmp_path / "home"
    db = await open_database(home / "siscon.db")
    vault = load_keys(home, {}, create=True)
    left_ms = {"ended": -1, "expiring": 60_000}.get(act, 3_000_000)
    token = Token(Secret("invented"), NOW_MS - 3_600_000, NOW_MS + left_ms)
    async with db.transaction() as c:
        await activate(c, "north")
        await tokens.save(c, vault, "north", token)
        if act == "given back":
            await tokens.revoke(c, "north", NOW_MS)
    await db.close()
    one = IntegrationSettings(provider="powerschool", base_url="https://sis.example")

    checks = await doctor.examine(
        lambda: Settings(home=home, integrations={"north": one}), {}, screen=PIPE, now_ms=NOW_MS
    )

    [login] = [check for check in checks if check.name == "login north"]
    assert login.state is state
    assert seen in login.seen


async def test_a_damaged_database_fails(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / "siscon.db").write_bytes(b"this is no database, " * 100)

    assert (await found(home))["database"].state is State.FAIL


async def test_a_database_of_a_newer_siscon_fails(tmp_path: Path) -> None:
    home = tmp_path / "home"
    db = await open_database(home / "siscon.db")
    await db.close()
    with closing(sqlite3.connect(home / "siscon.db")) as other:
        other.execute("PRAGMA user_version = 99")

    check = (await found(home))["database"]

    assert (check.state, check.advice) == (State.FAIL, "install the newer siscon again")


async def test_a_broken_configuration_comes_first_and_the_rest_is_still_examined(tmp_path: Path) -> None:
    def load() -> Settings:
        raise ConfigError("The configuration is broken.")

    checks = await doctor.examine(load, {}, screen=PIPE, now_ms=NOW_MS)
    assert (checks[0].name, checks[0].state) == ("configuration", State.FAIL)
    assert len(checks) > 2


def test_a_home_that_others_can_read_is_warned_of(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    check = doctor.check_home(tmp_path)

    assert (check.state, check.advice) == (State.WARN, f"chmod 700 {tmp_path}")
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


@pytest.mark.parametrize(
    ("kind", "screen", "state"),
    [
        ("xterm", Screen(is_terminal=True, columns=80, lines=24, encoding="utf-8"), State.OK),
        ("xterm", Screen(is_terminal=True, columns=20, lines=5, encoding="utf-8"), State.WARN),
        ("xterm", Screen(is_terminal=True, columns=80, lines=24, encoding="ascii"), State.WARN),
        ("dumb", Screen(is_terminal=True, columns=80, lines=24, encoding="utf-8"), State.WARN),
    ],
)
def test_terminals(kind: str, screen: Screen, state: State) -> None:
    assert doctor.check_screen({"TERM": kind}, screen)[0].state is state


def test_the_actor_is_the_account_of_the_operating_system() -> None:
    assert current_actor().endswith(f"({os.getuid()})")


@pytest.mark.parametrize(("mode", "state"), [(0o755, State.WARN), (0o555, State.FAIL)])
async def test_a_home_that_cannot_be_made_fails(
    tmp_path: Path, mode: int, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "place"
    place.mkdir(mode=mode)
    monkeypatch.setattr("os.access", lambda path, _wanted: bool(Path(path).stat().st_mode & 0o200))

    assert (await found(place / "deeper" / "home"))["home"].state is state
