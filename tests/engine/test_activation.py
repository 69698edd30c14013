"""Whose code reads an integration is noted, and told when it is another; who shares a credential shares its rate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from siscon.config import Settings
from siscon.domain.events import EventKind
from siscon.engine.activation import activate_all, shared_rate, sharers_of
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


def sharing(home: Path) -> Settings:
    """Two districts on one server through one client, a third with a client of its own, a fourth elsewhere."""
    entries: dict[str, dict[str, Any]] = {
        "east": {"client_id": "us", "requests_per_minute": 90},
        "west": {"client_id": "us", "requests_per_minute": 30, "client_secret": "renewed"},
        "north": {"client_id": "others"},
        "south": {"client_id": "us", "base_url": "https://elsewhere.example"},
    }
    common = {"provider": "powerschool", "base_url": "https://sis.example/a", "client_secret": "s"}
    return Settings.model_validate(
        {"home": home, "integrations": {name: {**common, **one} for name, one in entries.items()}}
    )


def test_who_asks_one_server_as_one_client_shares_the_strictest_rate(tmp_path: Path) -> None:
    settings = sharing(tmp_path)

    assert sharers_of(settings, "east") == sharers_of(settings, "west") == ("east", "west")
    assert sharers_of(settings, "north") == ("north",)
    assert sharers_of(settings, "south") == ("south",)
    assert shared_rate(settings, "east", registry.load).requests == 30
    assert shared_rate(settings, "north", registry.load).requests == 60


def test_files_and_servers_without_a_login_share_with_nobody(tmp_path: Path) -> None:
    one = {"provider": "tern", "base_url": "/srv/drop"}
    open_server = {"provider": "tern", "base_url": "https://sis.example"}
    settings = Settings.model_validate(
        {"home": tmp_path, "integrations": {"a": one, "b": one, "c": open_server, "d": open_server}}
    )

    assert [sharers_of(settings, name) for name in "abcd"] == [("a",), ("b",), ("c",), ("d",)]
