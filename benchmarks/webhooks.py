"""Webhooks: a flood beside a console, and the way from a message to the changed record.
Usage: python benchmarks/webhooks.py [flood|latency ...]      (default: both)
`flood`: 10,000 signed messages in 10 s to `siscon webhooks serve`, among them 1,000 forged ones, twenty slow senders
and ten bodies of 10 MiB, while an engine fetches what it is told and keys are pressed on a console; then all once more,
after a restart with the clock set back. `latency`: a student changed, the message is sent: until the roster has it.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from siscon import runtime  # the path comes first
from siscon.config import Settings
from siscon.domain.runs import RunStatus
from siscon.store import webhook_inbox
from support.clock import until
from support.flood import flood, forged, huge_bodies, message, served_receiver, slow_senders, with_webhook
from support.processes import ServedHouse, config_for, running_sandbox, served_houses
from support.terminals import console_words, terminal

SIZE = {"width": 120, "height": 40, "env": {"COLORTERM": "truecolor", "LANG": "C.UTF-8"}}
MESSAGES, FORGERIES, SECONDS = 10_000, 1_000, 10


def at(share: float, told: list[float]) -> float:
    return sorted(told)[min(len(told) - 1, int(len(told) * share))]


def press(settings: Settings, for_s: float) -> list[float]:
    """Milliseconds from a key to its answer, on a console that looks on for so long."""
    told = []
    with terminal(console_words(settings.database), **SIZE) as one:
        assert one.shows("powerschool")
        one.press("6")
        assert one.shows("● synced", limit_s=30)
        one.quiet(0.5)
        end_s, turn = time.monotonic() + for_s, 0
        while time.monotonic() < end_s:
            one.quiet(0.03)
            begun = time.perf_counter()
            one.press("jk"[turn % 2])
            turn += 1
            if one.take(2.0):
                told.append((time.perf_counter() - begun) * 1000)
    return told


async def flood_beside_a_console(settings: Settings, house: ServedHouse) -> None:
    now_s, luck = int(time.time()), random.Random(7)
    good = [message(n, at_s=now_s) for n in range(MESSAGES)]
    bad = [forged(luck.choice(good), luck) for _ in range(FORGERIES)]
    order = list(range(MESSAGES + FORGERIES))
    luck.shuffle(order)
    mixed = [(good + bad)[n] for n in order]
    with served_receiver(settings) as there:
        before = there.memory_mib
        keys = asyncio.create_task(asyncio.to_thread(press, settings, SECONDS))
        await asyncio.sleep(6)  # the console opens
        worked_s = there.cpu_s
        async with slow_senders(there.port, 20):
            huge = asyncio.create_task(huge_bodies(there.port, 10))
            begun = time.perf_counter()
            found = await flood(there.port, mixed, per_second=len(mixed) / SECONDS)
            took = time.perf_counter() - begun
            after, worked_s = there.memory_mib, there.cpu_s - worked_s
        pressed = await keys
    statuses = {order[n]: status for n, status in found.statuses.items()}
    taken = sum(statuses[n] == 202 for n in range(MESSAGES))
    false = sum(statuses[n] < 300 and statuses[n] > 0 for n in range(MESSAGES, MESSAGES + FORGERIES))
    async with house.db.read() as c:
        kept = (await c.one("SELECT count(*) AS n FROM webhook_inbox") or {"n": 0})["n"]
    print(
        f"{len(mixed):,} messages in {took:.1f} s: {taken:,} taken, {kept:,} kept, {false} forged ones taken"
    )
    print(
        f"huge bodies: {sorted(set(await huge))}; memory {before:.0f} -> {after:.0f} MiB, CPU {worked_s:.1f} s"
    )
    ms = [one * 1000 for one in found.seconds]
    print(
        f"answers: median {statistics.median(ms):.1f} ms, p99 {at(0.99, ms):.0f} ms, worst {max(ms):.0f} ms"
    )
    print(
        f"keys meanwhile ({len(pressed)}): median {statistics.median(pressed):.0f} ms, p95 {at(0.95, pressed):.0f} ms"
    )
    with served_receiver(settings, back_s=120) as again:
        repeated = await flood(again.port, good, per_second=len(good) / SECONDS)
    by_status = {
        code: list(repeated.statuses.values()).count(code) for code in set(repeated.statuses.values())
    }
    print(f"the same again after a restart, clock two minutes back: {by_status}")


async def shown(house: ServedHouse, port: int) -> None:
    """How long until a console that lists the syncs shows the run that a message began, and that it is through."""
    told = []
    with terminal(console_words(house.settings.database), **SIZE) as one:
        assert one.shows("powerschool")
        one.press("3")
        one.quiet(1.0)
        for number in range(10):
            newest = await house.newest()
            body = b'{"type": "student.changed", "id": "%d"}' % (4101 + number)
            request = message(2 * 10**6 + number, at_s=int(time.time()), body=body)
            begun = time.perf_counter()
            assert (await flood(port, [request], per_second=1e9, lines=1)).statuses[0] == 202
            word = f"#{(newest.id if newest else 0) + 1}"
            assert await asyncio.to_thread(one.shows, word), one.text
            told.append(time.perf_counter() - begun)
            one.quiet(0.5)
    print(
        f"run on the screen after {statistics.median(told):.2f} s (median), {max(told):.2f} s (worst of {len(told)})"
    )


async def latency(house: ServedHouse, port: int) -> None:
    """A message for a student who is there; its base is what the SIS said another day."""
    async with house.db.read() as c:
        rows = await c.all(
            "SELECT external_id AS id FROM powerschool_mappings WHERE entity_type = 'student' LIMIT 20"
        )
    told = []
    for number, row in enumerate(rows):
        body = b'{"type": "student.changed", "id": "%s"}' % str(row["id"]).encode()
        async with (
            house.db.transaction() as c
        ):  # the roster and the base differ from the SIS: it has changed there
            await c.run(
                "UPDATE powerschool_mappings SET fingerprint = '', base = json_set(base, '$.grade_level', '99') "
                "WHERE entity_type = 'student' AND external_id = :id",
                {"id": row["id"]},
            )
        begun = time.perf_counter()
        request = message(10**6 + number, at_s=int(time.time()), body=body)
        assert (await flood(port, [request], per_second=1e9, lines=1)).statuses[0] == 202
        answered = time.perf_counter() - begun

        async def is_done() -> bool:
            async with house.db.read() as c:
                return not [one for one in await webhook_inbox.page(c, limit=1) if one.state != "done"]

        await until(is_done, within_s=20)
        told.append((answered, time.perf_counter() - begun))
    print(f"answered after {statistics.median(one for one, _ in told) * 1000:.0f} ms (median)")
    done = [two for _, two in told]
    print(
        f"record there after {statistics.median(done):.2f} s (median), {max(done):.2f} s (worst of {len(done)})"
    )


async def main(wanted: list[str]) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        running_sandbox(Path(folder) / "sis", students=500) as sandbox,
    ):
        settings = with_webhook(config_for(Path(folder) / "home", sandbox))
        async with runtime.open_house(settings) as opened:
            with served_houses() as children:
                house = ServedHouse(settings, opened.db, children)
                await house.serve()
                await house.ask_for_import()
                await house.reaches(RunStatus.COMPLETED, RunStatus.WITH_ERRORS, RunStatus.WITH_WARNINGS)
                if "latency" in wanted:
                    with served_receiver(settings) as there:
                        await latency(house, there.port)
                        await shown(house, there.port)
                if "flood" in wanted:
                    await flood_beside_a_console(settings, house)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:] or ["latency", "flood"]))
