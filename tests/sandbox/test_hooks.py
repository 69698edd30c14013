"""The sandbox tells a receiver what a day has changed: the real one understands it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from siscon.sandbox import launch
from siscon.sandbox.hooks import INVENTED_KEY
from siscon.sandbox.systems import ALL_SYSTEMS
from siscon.store import webhook_inbox
from siscon.store.sqlite import open_database
from support.clock import until
from support.hooks import receiver, sender


async def test_a_day_that_passes_is_told_by_signed_messages_that_name_what_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from siscon.sandbox.state import SandboxState, path_for

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    state = SandboxState(seed=3, students=200, day=0, port=0, path=path_for(0, tmp_path / "box"))
    ready, said = asyncio.Event(), list[str]()
    db = await open_database(tmp_path / "siscon.db")
    senders = [sender(name, secrets=[INVENTED_KEY]) for name in ALL_SYSTEMS]
    async with receiver(db, *senders) as there:
        serving = asyncio.create_task(
            launch.serve(
                state,
                "fast",
                on_ready=lambda _state: ready.set(),
                webhook=f"http://127.0.0.1:{there.port}/webhooks",
                said=said.append,
            )
        )
        await ready.wait()
        counts = await asyncio.to_thread(launch.advance, state)
        await until(lambda: any("oneroster: enrollment" in one for one in said))
        serving.cancel()
        await asyncio.wait([serving])
    async with db.read() as c:
        found = await webhook_inbox.page(c, limit=100)
    await db.close()

    assert all(one.endswith(": 202") for one in said), said
    joined = {one.integration: one for one in found if one.event == "student.changed"}
    assert set(joined) == set(ALL_SYSTEMS)
    for name, one in joined.items():
        assert len(one.hints[0].ids) >= counts[name]["joined"] > 0
