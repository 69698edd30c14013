"""The examples pass the suite that every provider passes, and really import, over a real server, in few lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from harbor import Harbor
from meridian import Meridian

from siscon import config, runtime
from siscon.domain.commands import StartRun
from siscon.domain.records import Entity
from siscon.domain.roles import Role
from siscon.domain.runs import RunStatus
from siscon.ops import commands, run_rows
from siscon.ops.actor import current_actor
from siscon.providers.testing.suite import provider_suite, served
from siscon.store import records
from support.invented_sis import HARBOR, MERIDIAN, harbor, meridian, on_loopback

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


TestHarbor = provider_suite(Harbor, settings={"page_size": 2}, open_api=served(harbor()))
TestMeridian = provider_suite(Meridian, settings={"page_size": 2}, open_api=served(meridian()))


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.py")), ids=lambda file: file.name)
def test_an_example_is_one_file_of_less_than_120_lines(file: Path) -> None:
    assert len(file.read_text(encoding="utf-8").splitlines()) < 120


@pytest.mark.parametrize(
    ("provider", "app", "login", "expected"),
    [
        (
            "harbor.py:Harbor",
            harbor,
            {"client_id": "id", "client_secret": "s"},
            {Entity.STUDENT: len(HARBOR["students"]), Entity.ENROLLMENT: len(HARBOR["places"])},
        ),
        (
            "meridian.py:Meridian",
            meridian,
            {"token": "k"},
            {Entity.STUDENT: len(MERIDIAN["people"][1]) // 2, Entity.ENROLLMENT: len(MERIDIAN["seats"][1])},
        ),
    ],
    ids=["harbor", "meridian"],
)
async def test_an_example_imports_over_a_real_server(
    provider: str, app: object, login: dict[str, str], expected: dict[Entity, int], tmp_path: Path
) -> None:
    copy = tmp_path / provider.partition(":")[0]
    copy.write_bytes((EXAMPLES / copy.name).read_bytes())
    copy.chmod(0o600)
    async with on_loopback(app()) as base_url:  # type: ignore[operator] # a function that makes an application
        one = {
            "provider": f"{tmp_path}/{provider}",
            "base_url": base_url,
            "settings": {"page_size": 3},
            "requests_per_minute": 0,
            **login,
        }
        settings = config.Settings.model_validate({"home": tmp_path / "home", "integrations": {"north": one}})
        async with runtime.open_house(settings) as house:
            await runtime.carry_out_request(house, 0)
            asked = await commands.submit(house.db, StartRun("north"), actor=current_actor(), role=Role.ADMIN)
            await runtime.carry_out_request(house, asked)
            assert await runtime.run_until_idle(house) == 0
            (run,) = await run_rows.runs_by_id(house.db, [1])
            async with house.db.read() as c:
                found = {
                    entity: len(await records.page(c, "north", entity, limit=100)) for entity in expected
                }

    assert run.status is RunStatus.COMPLETED
    assert found == expected
