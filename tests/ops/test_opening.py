"""The home is its owner's: what another account made in it, its owner could not open any more."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from siscon.domain.errors import UsageError
from siscon.ops.doctor import check_home
from siscon.ops.opening import make_home, open_database

SOMEBODY = 12_345
only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    return folder


@only_root
async def test_root_puts_nothing_into_the_home_of_the_service_and_is_told_how_to_act(home: Path) -> None:
    os.chown(home, SOMEBODY, SOMEBODY)

    with pytest.raises(UsageError, match=r"belongs to unknown\(12345\), .*: sudo -u #12345 siscon"):
        await open_database(home / "siscon.db", synchronous="full")

    assert list(home.iterdir()) == []


@only_root
def test_the_doctor_does_not_tell_root_to_take_the_home_of_the_service(home: Path) -> None:
    os.chown(home, SOMEBODY, SOMEBODY)

    assert check_home(home).advice == "Run siscon as its owner: sudo -u #12345 siscon ..."


def test_a_home_that_is_not_there_is_made_for_its_owner_alone(home: Path) -> None:
    make_home(home / "new")

    assert (home / "new").stat().st_mode & 0o777 == 0o700
