"""One engine's use of a login, as a process of its own: waits for a line, sends requests, says how they went."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

from siscon.config import Settings
from siscon.domain.errors import SisconError
from siscon.engine.links import Links
from siscon.providers.contract import Provider, ProviderSettings
from siscon.providers.grants import (
    ApiKey,
    AuthorizationCode,
    ClientCredentials,
    Grant,
    NoLogin,
    StaticBearer,
)
from siscon.store.sqlite import open_database
from siscon.store.vault import Vault

KEY = bytes(range(32))
FIXED: dict[str, Grant] = {"bearer": StaticBearer(), "key": ApiKey("X-Api-Key"), "none": NoLogin()}


def provider_with(grant: str) -> type[Provider]:
    """A provider of the test's token server."""

    class Wired(Provider):
        name, title, entities = "wired", "Wired", ()

        @classmethod
        def grant(cls, settings: ProviderSettings) -> Grant:
            token_url = f"{settings.base_url}/token"
            if grant in FIXED:
                return FIXED[grant]
            if grant == "client":
                return ClientCredentials(token_url)
            return AuthorizationCode(
                f"{settings.base_url}/authorize",
                token_url,
                scope="roster.readonly",
                client_auth="none",
                revoke_url=f"{settings.base_url}/revoke",
            )

    return Wired


def settings_over(origin: str, home: Path, **more: Any) -> Settings:
    """One integration, harbor, over the test's token server."""
    one = {
        "provider": "wired",
        "base_url": origin,
        "client_id": "id",
        "client_secret": "planted-secret",
        **more,
    }
    return Settings.model_validate(
        {"home": home, "integrations": {"harbor": {**one, "requests_per_minute": 0}}}
    )


async def work(told: dict[str, Any]) -> dict[str, Any]:
    """Send as many requests at once as were asked for."""
    db = await open_database(Path(told["database"]))
    ahead_ms = told.get("ahead_s", 0) * 1000
    links = Links(
        db,
        settings_over(told["origin"], Path(told["database"]).parent),
        Vault([KEY]),
        owner=told["owner"],
        load_provider=lambda _name: provider_with(told["grant"]),
        now_ms=lambda: time.time_ns() // 1_000_000 + ahead_ms,
    )
    try:
        link = await links.of("harbor")
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        asked = (link.provider.api.get("/things") for _ in range(told["requests"]))  # type: ignore[attr-defined] - its base has none
        answers = await asyncio.gather(*asked, return_exceptions=True)
        wrong = [one for one in answers if isinstance(one, BaseException)]
        said = [one.sentence if isinstance(one, SisconError) else repr(one) for one in wrong]
        return {"good": len(answers) - len(wrong), "said": said}
    finally:
        await links.close()
        await db.close()


if __name__ == "__main__":
    print(json.dumps(asyncio.run(work(json.loads(sys.argv[1])))), flush=True)
