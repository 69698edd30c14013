"""What a run asked in each minute and when its phases began is on record when it has ended."""

from __future__ import annotations

from pathlib import Path

from siscon.domain.records import School
from siscon.domain.runs import Phase
from siscon.engine.meter import CURRENT, Meter, count_failure, count_throttled
from siscon.ops import run_rows
from siscon.store import paces
from support.fake_sis import FakeSis
from support.house import test_house


async def test_the_phases_of_an_import_are_on_record_in_their_order(tmp_path: Path) -> None:
    sis = FakeSis()
    sis.hold(School("s1", name="Harbor Elementary"))
    async with test_house(tmp_path, sis) as house:
        await house.sync()
        async with house.db.read() as c:
            pace = await paces.of_run(c, 1)
        row = await run_rows.one_run(house.db, 1)

    assert set(pace.phases) == set(Phase)
    assert pace.phases[Phase.FETCH] <= pace.phases[Phase.PLAN] <= pace.phases[Phase.APPLY]
    assert sum(one.records for one in pace.minutes) == 1
    assert row is not None
    assert [one["phase"] for one in row["phases"]] == ["fetch", "plan", "apply"]


async def test_trouble_is_counted_for_the_run_whose_task_has_it() -> None:
    meter = Meter(7)
    token = CURRENT.set(meter)
    try:
        count_failure()
        count_throttled()
        count_throttled()
    finally:
        CURRENT.reset(token)
    count_failure()

    assert meter.take_trouble() == (1, 2)
    assert meter.take_trouble() == (0, 0)
