"""Every story begins in the morning after the same night, which is lived once in a test process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from support.story import Morning, live_a_night, morning

EVERY_TIME = frozenset(
    {
        "retry_all_of_one_class",
        "approve_a_held_plan",
        "discard_a_held_plan",
        "decide_one_conflict",
        "find_a_child",
        "sync_now",
        "pause_a_district",
        "a_console_that_may_only_look",
        "mark_all_that_a_filter_shows",
        "take_back_a_retry",
        "type_a_command",
        "give_up_and_think_better",
    }
)
"""The ways people go most, told by the default tests; the others by the full check."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Stories that are not told every time are long ones."""
    for item in items:
        told = item.path.stem.removeprefix("test_")
        if item.path.parent == Path(__file__).parent and told not in EVERY_TIME:
            item.add_marker(pytest.mark.long)


Dawn = Callable[..., AbstractAsyncContextManager[Morning]]


@pytest.fixture(scope="session")
def night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("night")
    asyncio.run(live_a_night(folder))
    return folder


@pytest.fixture
def dawn(tmp_path: Path, night: Path) -> Dawn:
    """Opens a morning; ``more`` lines belong to the last integration of the configuration."""

    def opens(more: str = "") -> AbstractAsyncContextManager[Morning]:
        return morning(tmp_path / "district", night, more)

    return opens
