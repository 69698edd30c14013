"""Whose code reads an integration is noted, and told when it is another than before."""

from __future__ import annotations

from pathlib import Path

from siscon.domain.events import EventKind
from siscon.engine.activation import activate_all
from siscon.providers import registry
from siscon.store import events
from siscon.store.database import Database
from support.engines import settings_for

CODE = """
from siscon.domain.records import Entity
from siscon.providers.contract import Provider
from siscon.providers.grants import StaticBearer

class Tern(Provider):
    name, title, entities = "tern", "Tern", (Entity.SCHOOL,)

    @classmethod
    def grant(cls, settings):
        return StaticBearer()
"""


async def test_other_code_behind_the_same_name_is_told_once(db: Database, tmp_path: Path) -> None:
    file = tmp_path / "tern.py"
    tmp_path.chmod(0o700)

    async def activated(code: str) -> list[tuple[EventKind, str]]:
        file.write_text(code, encoding="utf-8")
        file.chmod(0o600)
        settings = settings_for(tmp_path / "home", "north", provider=f"{file}:Tern")
        assert list(await activate_all(db, settings, load_provider=registry.load, now_ms=lambda: 1))
        async with db.read() as c:
            return [(one.kind, one.text) for one in await events.after(c, 0)]

    first = await activated(CODE)
    assert first[-1][0] is EventKind.INTEGRATION_ACTIVATED
    assert "sha256" in first[-1][1]
    assert await activated(CODE) == first

    told = await activated(CODE + "# changed\n")
    assert [kind for kind, _text in told[len(first) :]] == [EventKind.PROVIDER_CHANGED]
    assert await activated(CODE + "# changed\n") == told
