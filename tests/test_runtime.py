"""The assembly: a private house that is closed again, an engine in a thread, a crash page without values."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import threading
from pathlib import Path

import pytest

from siscon import runtime
from siscon.config import Settings
from siscon.domain.errors import ConfigError
from support.clock import LIMIT_S, until

CONFIG = """
home: '{home}'
integrations:
  harbor:
    provider: powerschool
    base_url: http://127.0.0.1:9
    client_id: id
    client_secret: ${{HARBOR_SECRET:-planted-secret-7421}}
"""


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG.format(home=tmp_path / "home"), encoding="utf-8")
    return path


@pytest.fixture
def settings(config_file: Path) -> Settings:
    return runtime.load_settings(config_file)


async def test_a_house_is_for_its_owner_alone(settings: Settings):
    async with runtime.open_house(settings):
        found = {path.name: stat.S_IMODE(path.stat().st_mode) for path in settings.home.iterdir()}

    assert stat.S_IMODE(settings.home.stat().st_mode) == 0o700
    assert {"siscon.db", "siscon.key"} <= found.keys()
    assert all(mode in (0o600, 0o700) for mode in found.values())


async def test_a_house_that_cannot_be_opened_leaves_no_thread_behind(settings: Settings):
    before = threading.active_count()
    async with runtime.open_house(settings):
        pass
    (settings.home / "siscon.key").chmod(0o644)
    with pytest.raises(ConfigError):
        async with runtime.open_house(settings):
            pass

    await until(lambda: threading.active_count() <= before)


def test_the_configuration_named_beats_the_variable(
    config_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SISCON_CONFIG", str(tmp_path / "nowhere.yaml"))

    assert runtime.load_settings(config_file).file == config_file
    with pytest.raises(ConfigError, match=r"nowhere\.yaml"):
        runtime.load_settings()


async def test_no_engine_is_found_where_none_was_started(settings: Settings):
    async with runtime.open_house(settings) as house:
        assert await runtime.find_engine(house.db) is None


async def test_an_engine_in_a_thread_lives_for_the_length_of_the_block(settings: Settings):
    before = threading.active_count()
    async with runtime.open_house(settings) as house:
        with runtime.engine_in_thread(settings):
            found = await runtime.wait_for_engine(house.db, timeout_s=LIMIT_S)
            assert found.pid == os.getpid()
        assert await runtime.find_engine(house.db) is None

    await until(lambda: threading.active_count() <= before)


def test_a_fault_in_the_thread_reaches_the_one_who_started_it(settings: Settings):
    settings.home.mkdir(mode=0o700)
    (settings.home / "siscon.db").write_text("this is no database, but long enough to look like a file" * 20)
    with pytest.raises(Exception, match=r"siscon\.db"), runtime.engine_in_thread(settings):
        pass


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_asks_for_the_end(number: int):
    stop = asyncio.Event()
    with runtime.stop_on_signals(stop):
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.sleep(0.01)
        assert not stop.is_set()
        os.kill(os.getpid(), number)
        await asyncio.wait_for(stop.wait(), LIMIT_S)


def test_a_crash_page_holds_the_place_and_no_values(tmp_path: Path):
    try:
        pupil = "Kim Marsh"
        raise ValueError(pupil)
    except ValueError as error:
        sentence = runtime.write_crash_page(error, ["sync", "--secret", "hunter2"], home=tmp_path)

    (page,) = (tmp_path / "logs").iterdir()
    text = page.read_text()
    assert str(page) in sentence
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    assert "test_runtime.py" in text
    assert "ValueError" in text
    assert not any(one in text for one in ("Kim Marsh\n", "hunter2", "pupil = 'Kim"))
