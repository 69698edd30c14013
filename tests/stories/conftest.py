"""Every story begins in the morning after the same night, which is lived once in a test process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from support.story import Morning, live_a_night, morning

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
