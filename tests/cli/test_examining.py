"""What a console has examined beside its loop: by a real process of its own, whatever that answers."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from siscon.cli import examining
from siscon.domain.errors import SisconError
from siscon.domain.records import Entity
from siscon.domain.runs import Lane, RunKind
from siscon.ops.checks import State
from siscon.runtime import load_settings, open_house
from siscon.store import dead_records, integrations, runs
from siscon.store.dead_records import DeadEntry
from siscon.store.sqlite import open_database
from support.clock import until

CONFIG = "home: home\nintegrations: {}\n"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "config.yaml"
    file.write_text(CONFIG, encoding="utf-8")
    return file


async def test_every_check_of_the_doctor_comes_with_its_state_and_what_to_do(config: Path) -> None:
    (config.parent / "home").mkdir()
    await (await open_database(config.parent / "home" / "siscon.db")).close()

    found = {one.name: one for one in await examining.examine(str(config))}

    assert found["database"].state is State.OK
    assert "none is alive" in found["engine"].seen
    assert {"configuration", "space"} <= set(found)


async def test_what_the_sis_had_said_comes_without_its_values_and_a_fault_with_the_command_that_tells_why(
    config: Path,
) -> None:
    async with open_house(load_settings(config)) as house:
        said = json.dumps({"name": {"first": "Amara"}, "grade": None})
        raw = house.vault.seal(said, place=dead_records.place_of("harbor", Entity.STUDENT, "b0"))
        entry = DeadEntry(
            "harbor", Entity.STUDENT, "b0", "b0", 1, "bad_date", "validation", "low", "", "", raw
        )
        async with house.db.transaction() as c:
            await integrations.activate(
                c, name="harbor", provider="csv", title="Files", schedule="", requests_per_minute=0, now_ms=1
            )
            await runs.enqueue(
                c,
                integration="harbor",
                kind=RunKind.IMPORT,
                lane=Lane.BULK,
                entities=(Entity.STUDENT,),
                full=True,
                requested_by="kim(1001)",
                due_at_ms=None,
                now_ms=1,
            )
            await dead_records.bury(c, [entry], now_ms=1)

    assert await examining.places(str(config), 1) == {"name.first": "text of 5", "grade": "empty"}
    with pytest.raises(SisconError, match="'siscon errors show 2' says why"):
        await examining.places(str(config), 2)


@pytest.mark.parametrize("said", ["print('no JSON')", "print('[1]')", "print('{}')", "pass"])
async def test_an_answer_without_sense_is_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    monkeypatch.setattr(sys, "executable", a_program(tmp_path, said))

    with pytest.raises(SisconError) as refused:
        await examining.examine("config.yaml")

    assert refused.value.code == "no_answer"


async def test_whoever_does_not_answer_in_time_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = tmp_path / "pid"
    program = tmp_path / "waits"  # a shell begins at once, however slow the machine is
    program.write_text(f"#!/bin/sh\necho $$ > '{note}'\nexec sleep 600\n", encoding="ascii")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    monkeypatch.setattr(examining, "WITHIN_S", 2.0)

    with pytest.raises(SisconError):
        await examining.examine("config.yaml")

    gone = Path(f"/proc/{int(note.read_text())}")
    await until(lambda: not gone.exists())


def a_program(folder: Path, code: str) -> str:
    """A program that does this, whatever it is told to do."""
    file = folder / "program"
    file.write_text(f"#!{sys.executable}\n{code}\n", encoding="utf-8")
    file.chmod(0o755)
    return str(file)
