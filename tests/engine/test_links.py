"""An integration that reads files goes the way of all others: fetched, planned, applied, and again by deltas."""

from __future__ import annotations

from pathlib import Path

from siscon.domain.commands import StartRun
from siscon.domain.records import Entity
from siscon.domain.runs import RunStatus
from siscon.providers.oneroster_csv.provider import OneRosterCsv
from siscon.sandbox import csv_drop, truth
from siscon.sandbox.district import District
from siscon.sandbox.systems import ONEROSTER
from siscon.store import records
from siscon.store.sqlite import SqliteDatabase
from siscon.store.vault import Vault
from support.csv_drops import PEOPLE, zipped
from support.engines import LivingEngine, living_engine, settings_for


async def imported(engine: LivingEngine) -> None:
    row = await engine.ask(StartRun("harbor"))
    await engine.reaches(row.run_id, RunStatus.COMPLETED)


async def test_zips_in_a_folder_are_imported_and_their_copies_removed(
    db: SqliteDatabase, tmp_path: Path, vault: Vault
):
    drop, home = tmp_path / "drop", tmp_path / "home"
    settings = settings_for(
        home, provider="oneroster_csv", base_url=drop.as_uri(), incremental=True, settings={"settle_s": 0}
    )
    home.mkdir()
    csv_drop.export(District(ONEROSTER, seed=3, students=60), drop)
    async with living_engine(db, settings, vault, load_provider=lambda _name: OneRosterCsv) as engine:
        await imported(engine)
        assert len(list((home / "files").iterdir())) == 1

    district = District(ONEROSTER, seed=3, students=60)
    for entity in Entity:
        wanted = [one for one in truth.rows(ONEROSTER, district, entity.value) if one["status"] != "inactive"]
        async with db.read() as c:
            assert await records.count(c, "harbor", entity) == len(wanted)
            shown = await records.show(c, "harbor", entity, wanted[0]["external_id"])
        assert shown is not None
    assert list((home / "files").iterdir()) == []


async def test_a_delivery_that_holds_a_row_twice_is_imported(
    db: SqliteDatabase, tmp_path: Path, vault: Vault
):
    home = tmp_path / "home"
    (tmp_path / "drop").mkdir()
    home.mkdir()
    twice = PEOPLE["users"] + PEOPLE["users"].partition("\n")[2]
    zipped(tmp_path / "drop" / "a.zip", {**PEOPLE, "users": twice})
    settings = settings_for(
        home,
        provider="oneroster_csv",
        base_url=str(tmp_path / "drop"),
        entities=["school", "student"],
        settings={"settle_s": 0},
    )
    async with living_engine(db, settings, vault, load_provider=lambda _name: OneRosterCsv) as engine:
        await imported(engine)

    async with db.read() as c:
        assert await records.count(c, "harbor", Entity.STUDENT) == 2
