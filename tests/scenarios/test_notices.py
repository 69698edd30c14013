"""A whole engine whose SIS is away and comes back: one mail about it, one about the end, and no more."""

from __future__ import annotations

from pathlib import Path

import pytest

from siscon.config import Settings
from siscon.domain.commands import StartRun, TryChannel
from siscon.domain.errors import ProviderError
from siscon.domain.records import Entity, Student
from siscon.domain.runs import RunStatus
from siscon.store.sqlite import open_database
from siscon.store.vault import Vault
from support.clock import until
from support.engines import LivingEngine, living_engine, settings_for
from support.fake_sis import FakeSis
from support.mail_server import MailBox, mail_server


def settings(home: Path, port: int) -> Settings:
    way = {
        "kind": "email",
        "host": "127.0.0.1",
        "port": port,
        "security": "none",
        "sender": "siscon@district.example.org",
        "to": ["oncall@district.example.org"],
    }
    told = settings_for(home, entities=["student"])
    notices = {"channels": {"ops": way}, "gather_s": 0}
    return Settings.model_validate({**told.model_dump(), "notices": notices})


async def sync(engine: LivingEngine, status: RunStatus) -> None:
    row = await engine.ask(StartRun("harbor", (), full=False))
    await engine.reaches(row.run_id, status)


def words(box: MailBox) -> list[str]:
    return [" ".join(str(one["Subject"]).split()[1:3]) for one in box.taken]


@pytest.fixture
def vault() -> Vault:
    return Vault([bytes(range(32))])


async def test_an_outage_is_one_mail_and_its_end_another(tmp_path: Path, vault: Vault) -> None:
    sis = FakeSis()
    sis.hold(Student("S-1", first_name="Ada", last_name="Okonkwo"))
    sis.failure = ProviderError("GET /students answered 404 (not found). Check base_url.", code="not_found")
    db = await open_database(tmp_path / "siscon.db", synchronous="normal")
    try:
        async with (
            mail_server() as box,
            living_engine(db, settings(tmp_path, box.port), vault, sis=sis) as engine,
        ):
            sis.fail_at = (Entity.STUDENT, 0)
            await sync(engine, RunStatus.FAILED)
            await until(lambda: len(box.taken) == 1)
            sis.fail_at = (Entity.STUDENT, 0)
            await sync(engine, RunStatus.FAILED)
            sis.fail_at = None
            await sync(engine, RunStatus.COMPLETED)
            await until(lambda: len(box.taken) == 2)
            await engine.ask(TryChannel("ops"))
            await until(lambda: len(box.taken) == 3)
    finally:
        await db.close()

    assert words(box) == ["FAILING harbor:", "OK harbor:", "Test: this"]
    assert "2 times in a row" in box.taken[1].get_content()
    assert "Okonkwo" not in "".join(one.get_content() for one in box.taken)
