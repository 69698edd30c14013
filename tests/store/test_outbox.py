"""The outbox: a message is put once for each key, for one channel or for all that are mail, and never without bound."""

from __future__ import annotations

from siscon.domain.deliveries import QUEUE_MOST, MessageState
from siscon.store import channels, outbox
from siscon.store.database import Connection, Database


async def put(c: Connection, key: str, channel: str = "ops", subject: str = "s") -> bool:
    return await outbox.put(c, subject=subject, text="t", channel=channel, key=key, now_ms=1000)


async def test_the_same_key_is_put_once_also_after_it_was_sent(db: Database) -> None:
    async with db.transaction() as c:
        assert await put(c, "a")
        assert not await put(c, "a", subject="other")
        assert await put(c, "a", "chat")
        first = await outbox.next_due(c, "ops", now_ms=1000)
        assert first is not None
        assert first.subject == "s"
        told = {"next_at_ms": 2000, "error": "", "left_to": (), "now_ms": 2000}
        await outbox.end(c, first.id, state=MessageState.SENT, **told)
        assert not await put(c, "a")
        assert await outbox.next_due(c, "ops", now_ms=9000) is None


async def test_what_a_rolled_back_step_put_is_not_there(db: Database) -> None:
    class Crash(Exception):
        pass

    try:
        async with db.transaction() as c:
            await put(c, "a")
            raise Crash
    except Crash:
        pass
    async with db.read() as c:
        assert await outbox.latest(c) == []


async def test_a_message_to_all_mail_channels_is_handed_out_once(db: Database) -> None:
    async with db.transaction() as c:
        await put(c, "a", channel=outbox.ALL_MAIL)
        await outbox.hand_out(c, [], now_ms=1)
        assert await outbox.any_unshared(c), "without a channel it goes on waiting"
        for _ in range(2):
            await outbox.hand_out(c, ["one", "two"], now_ms=1)
            await put(c, "a", channel=outbox.ALL_MAIL)
        await outbox.hand_out(c, ["one", "two"], now_ms=1)
        found = await outbox.latest(c)
    assert sorted(one.channel for one in found) == ["one", "two"]
    assert len({one.uid for one in found}) == 2


async def test_of_too_many_that_wait_the_oldest_are_dropped_and_counted(db: Database) -> None:
    async with db.transaction() as c:
        for at in range(QUEUE_MOST + 3):
            await put(c, f"k{at}")
        found = (await channels.states(c))["ops"]
        oldest = await outbox.by_key(c, "ops", "k0")
    assert (found.waiting, found.lost) == (QUEUE_MOST, 3)
    assert oldest is not None
    assert oldest.state is MessageState.DROPPED


async def test_text_that_would_act_is_made_safe(db: Database) -> None:
    async with db.transaction() as c:
        await put(c, "a", subject="a\r\nBcc: x\x1b[2J")
        found = await outbox.by_key(c, "ops", "a")
    assert found is not None
    assert found.subject == "a\\x0d\\x0aBcc: x\\x1b[2J"


async def test_old_messages_are_forgotten_but_not_those_that_wait(db: Database) -> None:
    async with db.transaction() as c:
        for key in ("a", "b"):
            await put(c, key)
        first = await outbox.next_due(c, "ops", now_ms=1000)
        assert first is not None
        await outbox.end(
            c, first.id, state=MessageState.SENT, next_at_ms=1, error="", left_to=(), now_ms=2000
        )
        assert await outbox.prune(c, 3000) == 1
        assert len(await outbox.latest(c)) == 1
