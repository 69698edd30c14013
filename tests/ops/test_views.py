"""What the panes read, over a filled database."""

from __future__ import annotations

from siscon.domain.integrations import IntegrationState
from siscon.domain.runs import RunStatus
from siscon.domain.tokens import TokenHealth
from siscon.ops import views
from siscon.store import integrations
from siscon.store.database import Database
from support.console_data import HOUR_MS, NOW_MS


async def test_health_tells_the_one_word_for_each_integration(db: Database) -> None:
    found = {one.integration.name: one for one in await views.health(db, now_ms=NOW_MS)}

    assert {name: one.state for name, one in found.items()} == {
        "harbor": IntegrationState.HELD,
        "lakeside": IntegrationState.FAILING,
        "mesa": IntegrationState.NEW,
        "northfield": IntegrationState.RUNNING,
        "orchard": IntegrationState.PAUSED,
    }
    assert found["harbor"].held_run is not None
    assert found["northfield"].run is not None
    assert (found["harbor"].dead, found["harbor"].conflicts) == (449, 11)


async def test_the_budget_counts_the_slots_already_taken(db: Database) -> None:
    found = {one.integration.name: one.budget for one in await views.health(db, now_ms=NOW_MS)}

    assert found["northfield"] == views.Budget(90, 2, None)
    assert found["mesa"] == views.Budget(0, 0, None)


async def test_the_budget_is_whole_again_after_a_while(db: Database) -> None:
    found = {one.integration.name: one.budget for one in await views.health(db, now_ms=NOW_MS + HOUR_MS)}

    assert found["northfield"].used == 0


async def test_every_integration_has_a_login_line(db: Database) -> None:
    found = {one.integration: one for one in await views.token_views(db, now_ms=NOW_MS)}

    assert set(found) == {"harbor", "lakeside", "mesa", "northfield", "orchard"}
    assert found["lakeside"].state is not None
    assert found["lakeside"].state.health is TokenHealth.NEEDS_PERSON


async def test_an_engine_is_alive_until_its_lease_runs_out(db: Database) -> None:
    now = await views.engine_line(db, now_ms=NOW_MS)
    later = await views.engine_line(db, now_ms=NOW_MS + 60_000)

    assert now.alive is not None
    assert (later.alive, later.last is not None) == (None, True)


async def test_leaving_matters_while_an_engine_has_work(db: Database) -> None:
    now = await views.work(db, now_ms=NOW_MS)
    later = await views.work(db, now_ms=NOW_MS + 60_000)

    assert (now.active_runs, now.schedules, now.matters) == (2, 3, True)
    assert later.matters is False


async def test_a_fresh_database_has_nothing_to_show(blank: Database) -> None:
    assert await views.health(blank, now_ms=NOW_MS) == []
    assert await views.token_views(blank, now_ms=NOW_MS) == []
    assert await views.engine_line(blank, now_ms=NOW_MS) == views.EngineLine(None, None)


async def test_a_run_of_another_integration_is_not_its_own(db: Database) -> None:
    async with db.transaction() as c:
        await integrations.set_paused(c, "northfield", True)
    found = {one.integration.name: one for one in await views.health(db, now_ms=NOW_MS)}

    assert found["mesa"].run is None
    assert found["northfield"].run is not None
    assert found["northfield"].run.status is RunStatus.RUNNING
