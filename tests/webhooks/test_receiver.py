"""The receiver over a real socket and database: what is taken, what is refused and why, and what is remembered."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from siscon import receiving
from siscon.config.webhooks import WebhookSettings
from siscon.domain.errors import ConfigError, DatabaseError
from siscon.domain.webhooks import Outcome
from siscon.ops import webhooks as desk
from siscon.store import webhook_inbox
from siscon.store.database import Database
from siscon.store.sqlite import open_database
from siscon.webhooks.answering import Limits
from siscon.webhooks.receiver import receiving as receiving_at
from support.clock import LIMIT_S, until
from support.engines import settings_for
from support.hooks import KEY, Receiver, answer, receiver, sender

BODY = b'{"type": "student.changed", "id": "4101"}'
DAY_MS = 24 * 3600 * 1000


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await open_database(tmp_path / "siscon.db")
    try:
        yield opened
    finally:
        await opened.close()


async def kept(db: Database) -> list[webhook_inbox.Kept]:
    async with db.read() as c:
        return await webhook_inbox.page(c, limit=1000)


async def test_a_message_that_is_proved_is_in_the_inbox_when_it_is_answered(db: Database) -> None:
    async with receiver(db) as there:
        told = await there.send(BODY)

        [row] = await kept(db)
        assert (told.status, told.outcome) == (202, "accepted")
        assert (row.integration, row.event, row.state) == ("harbor", "student.changed", "waiting")
        assert row.hints[0].ids == ("4101",)
        assert await there.counts() == {("harbor", "accepted"): 1}


@pytest.mark.parametrize("scheme", ["hmac-sha256", "timestamp-hmac", "shared-header", "basic"])
async def test_every_scheme_is_taken_once_and_its_repeat_does_nothing(db: Database, scheme: str) -> None:
    async with receiver(db, sender(scheme=scheme)) as there:
        told = [await there.send(BODY) for _ in range(2)]

        assert [(one.status, one.outcome) for one in told] == [(202, "accepted"), (200, "repeated")]
        assert len(await kept(db)) == 1


async def test_a_secret_may_be_the_end_of_the_path(db: Database) -> None:
    async with receiver(db, sender(scheme="shared-path", secrets=["a/b c"])) as there:
        right = await there.post(BODY, {}, path="/webhooks/harbor/a%2Fb%20c")
        wrong = [
            await there.post(BODY, {}, path=f"/webhooks/harbor{tail}")
            for tail in ("", "/", "/a", "/a%2Fb%20c/")
        ]

        assert right.status == 202
        assert [one.status for one in wrong] == [401, 404, 401, 401]


async def test_a_repeat_is_known_after_a_restart_with_the_clock_set_back(db: Database) -> None:
    async with receiver(db, sender(), sender("cove", "timestamp-hmac")) as there:
        moment_s, at_ms = there.now_s, there.clock[0]
        for name in ("harbor", "cove"):
            assert (await there.send(BODY, name=name, at_s=moment_s)).status == 202
    async with receiver(db, sender(), sender("cove", "timestamp-hmac"), at_ms=at_ms - 100_000) as again:
        for name in ("harbor", "cove"):
            assert (await again.send(BODY, name=name, at_s=moment_s)).outcome == "repeated"
    assert len(await kept(db)) == 2


async def test_what_was_forgotten_is_not_taken_again_whatever_the_clock_says(db: Database) -> None:
    async with receiver(db, sender(), sender("cove", "timestamp-hmac")) as there:
        moment_s, at_ms = there.now_s, there.clock[0]
        for name in ("harbor", "cove"):
            await there.send(b'{"type": "noise"}', name=name, at_s=moment_s)
    async with db.transaction() as c:
        gone = await webhook_inbox.forget(c, before_ms=at_ms + 8 * DAY_MS, most_kept=1000, limit=100)
    async with receiver(db, sender(), sender("cove", "timestamp-hmac"), at_ms=at_ms) as again:
        for name in ("harbor", "cove"):
            assert (
                await again.send(b'{"type": "noise"}', name=name, at_s=moment_s)
            ).outcome == "older than the memory"
            assert (
                await again.send(b'{"type": "noise"}', name=name, message_id="new", at_s=moment_s + 1)
            ).status == 202
    assert gone == 2


async def test_more_than_may_be_kept_are_forgotten_oldest_first_and_never_those_that_wait(
    db: Database,
) -> None:
    async with receiver(db) as there:
        await there.send(BODY, message_id="waits")
        for n in range(5):
            await there.send(b'{"type": "noise"}', message_id=f"n{n}")
    async with db.transaction() as c:
        await webhook_inbox.forget(c, before_ms=0, most_kept=2, limit=100)

    assert [row.event for row in await kept(db)] == ["noise", "noise", "student.changed"]


async def test_many_that_wait_in_front_keep_nothing_else_from_being_forgotten(db: Database) -> None:
    many = """
WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 20001)
INSERT INTO webhook_inbox (integration, key, digest, event, hints, arrived_at_ms, state)
SELECT 'paused', n, x'', '', '[]', 1, 'waiting' FROM n
"""
    async with db.transaction() as c:
        await c.run(many)
        sql = (
            "INSERT INTO webhook_inbox (integration, key, digest, event, hints, arrived_at_ms, state) "
            "VALUES ('harbor', 'old', x'', '', '[]', 1, 'done')"
        )
        await c.run(sql)
        assert await webhook_inbox.forget(c, before_ms=2, most_kept=1_000_000, limit=100) == 1


async def test_a_known_id_with_another_body_is_refused(db: Database) -> None:
    async with receiver(db) as there:
        await there.send(BODY)
        told = await there.send(b'{"type": "student.changed", "id": "9"}')

        assert (told.status, told.outcome) == (409, "known id, other body")


async def test_an_id_in_the_body_tells_equal_messages_apart_and_equal_bodies_can_be_news(
    db: Database,
) -> None:
    plain, news = sender(scheme="hmac-sha256"), sender("cove", "shared-header", equal_bodies="news")
    async with receiver(db, plain, news) as there:
        for n in (1, 2):
            body = json.dumps({"type": "student.changed", "id": "1", "event_id": f"e{n}"}).encode()
            assert (await there.send(body)).outcome == "accepted"
            assert (await there.send(BODY, name="cove")).outcome == "accepted"


async def test_each_refusal_has_its_status_and_is_counted_by_its_reason(db: Database) -> None:
    async with receiver(db, sender(), sender("fenced", allow=["192.0.2.0/24"])) as there:
        right = there.signed("harbor", BODY)
        found = [
            await there.post(BODY + b" ", right),
            await there.post(BODY, {}),
            await there.post(BODY, {**right, "webhook-signature": b"v1,\xff\xfe"}),
            await there.post(BODY, {**right, "webhook-id": b"\xe9"}),
            await there.post(BODY, {**right, "webhook-timestamp": "1e9"}),
            await there.send(BODY, at_s=there.now_s - 400),
            await there.send(BODY, at_s=there.now_s + 400),
            await there.send(b"nonsense"),
            await there.send(BODY, name="fenced"),
            await there.post(BODY, right, path="/webhooks/nobody"),
            await there.post(BODY, right, method="GET"),
            await there.post(BODY, right, path="/"),
            await there.post(BODY, {**right, **{f"x-{n}": "y" for n in range(64)}}),
            await there.raw(b"nonsense\r\n\r\n"),
        ]

        assert [one.status for one in found] == [
            401,
            401,
            401,
            400,
            400,
            401,
            401,
            400,
            403,
            404,
            404,
            404,
            400,
            400,
        ]
        assert all(not one.headers.get("server") and not one.outcome for one in found if one.status == 404)
        await until(lambda: _is_counted(there, 14))
        assert (await there.counts())["harbor", "bad signature"] == 2
        assert await kept(db) == []


async def _is_counted(there: Receiver, n: int) -> bool:
    return sum((await there.counts()).values()) == n


async def test_an_address_behind_a_trusted_proxy_may_send_and_nobody_can_pretend_to_be_it(
    db: Database,
) -> None:
    fenced = sender(allow=["192.0.2.0/24"])
    trusted = Limits(trusted=sender(allow=["127.0.0.1"]).allow)
    for limits, status in ((trusted, 202), (Limits(), 403)):
        async with receiver(db, fenced, limits=limits) as there:
            headers = there.signed("harbor", BODY, message_id=f"m{status}")
            told = await there.post(BODY, {**headers, "X-Forwarded-For": "203.0.113.1, ::ffff:192.0.2.7"})
            assert told.status == status


async def test_a_body_too_large_is_answered_and_not_kept_in_memory(db: Database) -> None:
    async with receiver(db, limits=Limits(max_body=1000)) as there:
        large = b"x" * 2_000_000
        declared = await there.post(large, there.signed("harbor", large))
        head = b"POST /webhooks/harbor HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n"
        signed = b"".join(
            b"%s: %s\r\n" % (k.encode(), v.encode()) for k, v in there.signed("harbor", BODY).items()
        )
        chunked = await there.raw(head + signed + b"\r\n" + b"400\r\n" + b"x" * 1024 + b"\r\n")

        assert (declared.status, chunked.status) == (413, 413)


async def test_who_ends_the_line_after_sending_reads_the_answer_to_a_large_message(db: Database) -> None:
    async with receiver(db, limits=Limits(max_body=1000)) as there:
        large = b"x" * 8_000_000
        for path, status in (("/webhooks/harbor", 413), ("/webhooks/nobody", 413)):
            told = await there.post(large, {"Connection": "close"}, path=path)
            assert told.status == status
        unasked = await there.raw(
            b"POST /webhooks/harbor HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5000\r\n\r\n"
        )
        assert unasked.status == 413  # nobody waits for what was not sent


async def test_a_length_that_is_told_in_two_ways_is_refused(db: Database) -> None:
    async with receiver(db) as there:
        signed = there.signed("harbor", BODY)
        lines = "".join(f"{name}: {value}\r\n" for name, value in signed.items())
        lengths = "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"
        head = f"POST /webhooks/harbor HTTP/1.1\r\nHost: h\r\n{lengths}{lines}".encode()
        told = await there.raw(head + b"\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY))
        assert (told.status, told.outcome) == (400, "malformed")
        assert await kept(db) == []


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"POST /webhooks/harbor HTTP/1.1\r\nHost",
        b"POST /webhooks/harbor HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\nWebhook-Id: m\r\n\r\n",
    ],
    ids=["nothing", "half a head", "half a body"],
)
async def test_a_slow_sender_is_cut_off_while_others_are_served(db: Database, sent: bytes) -> None:
    signed = sent.replace(b"Webhook-Id: m\r\n", b"")
    async with receiver(db, limits=Limits(within_s=0.3)) as there:
        if signed != sent:
            told = there.signed("harbor", b"123456789")
            signed = signed[:-2] + b"".join(f"{k}: {v}\r\n".encode() for k, v in told.items()) + b"\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", there.port)
        writer.write(signed)
        await until(lambda: there.serves("harbor"))
        try:
            rest = await reader.read()
        except ConnectionError:
            rest = b""
        writer.close()

        assert rest == b"" or rest.startswith(b"HTTP/1.1 408")
        await until(lambda: _has(there, "too slow"))


async def _has(there: Receiver, outcome: str) -> bool:
    return any(found == outcome for _name, found in await there.counts())


async def test_who_promises_large_bodies_and_sends_none_keeps_nobody_out(db: Database) -> None:
    async with receiver(db) as there:
        lines = "webhook-id: a\r\nwebhook-timestamp: 1\r\nwebhook-signature: v1,a\r\n"
        head = f"POST /webhooks/harbor HTTP/1.1\r\nHost: h\r\nContent-Length: 1048576\r\n{lines}\r\n"
        writers = []
        for _ in range(20):
            _reader, writer = await asyncio.open_connection("127.0.0.1", there.port)
            writer.write(head.encode())
            writers.append(writer)

        assert (await there.send(BODY)).status == 202
        for writer in writers:
            writer.close()


async def test_a_head_that_never_ends_is_refused(db: Database) -> None:
    async with receiver(db) as there:
        told = await there.raw(b"POST /webhooks/harbor HTTP/1.1\r\nX: " + b"y" * 40_000)

        assert told.status == 400


async def test_too_many_messages_connections_or_waiting_ones_are_told_when_to_come_again(
    db: Database,
) -> None:
    async with receiver(db, limits=Limits(per_sender=0.5)) as there:
        told = [await there.send(BODY, message_id=f"a{n}") for n in range(6)]
        assert (told[-1].status, told[-1].headers["retry-after"]) == (429, "2")
    async with receiver(db, limits=Limits(for_all=0.1)) as there:
        told = [await there.send(BODY, message_id=f"b{n}") for n in range(2)]
        assert (told[-1].status, told[-1].headers["retry-after"]) == (503, "10")
    async with receiver(db, limits=Limits(connections=1)) as there:
        busy, first = await asyncio.open_connection("127.0.0.1", there.port)
        async with db.transaction():  # so its second message waits for the answer
            lines = "".join(f"{k}: {v}\r\n" for k, v in there.signed("harbor", BODY).items())
            head = f"POST /webhooks/harbor HTTP/1.1\r\nHost: h\r\nContent-Length: {len(BODY)}\r\n{lines}\r\n"
            first.write(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n" + head.encode() + BODY)
            assert (await answer(busy)).status == 404
            reader, second = await asyncio.open_connection("127.0.0.1", there.port)
            assert (await answer(reader)).status == 503
        assert (await answer(busy)).status == 202
        first.close()
        second.close()
    async with receiver(db, most_open=1) as there:
        assert (await there.send(BODY, message_id="c")).status == 503
        assert (await there.send(b'{"type": "noise"}', message_id="d")).status == 202


@pytest.mark.parametrize(
    "sent", [b"", b"POST /webhooks/harbor HTTP/1.1\r\nContent-Length: 9\r\nHost: h\r\n\r\n"]
)
async def test_where_all_lines_are_taken_the_one_that_keeps_waiting_longest_gives_way(
    db: Database, sent: bytes
) -> None:
    async with receiver(db, limits=Limits(connections=3)) as there:
        slow = [await asyncio.open_connection("127.0.0.1", there.port) for _ in range(3)]
        for _reader, writer in slow:
            writer.write(sent)
            await writer.drain()
        told = [await there.send(BODY, message_id=f"m{n}") for n in range(5)]
        assert [one.status for one in told] == [202] * 5
        await until(lambda: _has(there, "too slow"))
        assert slow[-1][0].at_eof() is False  # one place is enough for those who come and go
        for _reader, writer in slow:
            writer.close()


async def test_an_integration_whose_messages_wait_takes_no_room_from_the_others(db: Database) -> None:
    async with receiver(db, sender(), sender("cove"), most_open=1) as there:
        told = [await there.send(BODY, name="cove", message_id=f"c{n}") for n in range(2)]
        other = await there.send(BODY)

        assert [one.status for one in told] == [202, 503]
        assert other.status == 202


async def test_one_line_carries_many_messages_also_sent_ahead_of_their_answers(db: Database) -> None:
    async with receiver(db) as there:
        reader, writer = await asyncio.open_connection("127.0.0.1", there.port)
        for n in range(3):
            lines = "".join(
                f"{k}: {v}\r\n" for k, v in there.signed("harbor", BODY, message_id=f"p{n}").items()
            )
            head = f"POST /webhooks/harbor HTTP/1.1\r\nHost: h\r\nContent-Length: {len(BODY)}\r\n{lines}\r\n"
            writer.write(head.encode() + BODY)
        told = [await answer(reader) for _ in range(3)]
        writer.close()

        assert [one.status for one in told] == [202] * 3


async def test_nothing_is_taken_that_cannot_be_written_and_the_sender_is_told_to_come_again(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_told: object, **_more: object) -> None:
        raise DatabaseError("The disk is full.", code="full")

    async with receiver(db) as there:
        monkeypatch.setattr(desk, "keep", full)
        told = await there.send(BODY)
        assert (told.status, told.outcome) == (503, "no room")
        assert int(told.headers["retry-after"]) > 0
        monkeypatch.undo()
        assert (await there.send(BODY)).status == 202


async def test_messages_that_come_together_are_each_kept_once(db: Database) -> None:
    async with receiver(db) as there:
        told = await asyncio.gather(*(there.send(BODY, message_id=f"m{n % 40}") for n in range(80)))

        assert sorted(one.status for one in told) == [200] * 40 + [202] * 40
        assert len(await kept(db)) == 40


async def test_a_receiver_whose_database_was_replaced_ends_so_that_it_can_begin_anew(tmp_path: Path) -> None:
    webhook = {"scheme": "standard-webhooks", "secrets": [KEY]}
    settings = settings_for(tmp_path, webhook=webhook).model_copy(
        update={"webhooks": WebhookSettings.model_validate({"port": 0})}
    )
    async with receiving.receiver(settings) as (port, over):
        there = Receiver(None, port, [time.time_ns() // 1_000_000], {"harbor": sender()})  # type: ignore[arg-type] # nobody looks
        assert (await there.send(BODY)).status == 202
        settings.database.rename(tmp_path / "aside.db")
        settings.database.touch()
        assert (await there.send(BODY, message_id="m2")).status == 503
        await asyncio.wait_for(over, LIMIT_S)


async def test_a_receiver_beside_an_engine_begins_again_whatever_ended_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = 0

    def broken(_settings: object) -> None:
        nonlocal begun
        begun += 1
        raise RuntimeError("a fault of its own")

    monkeypatch.setattr(receiving, "senders", broken)
    monkeypatch.setattr(receiving, "AGAIN_S", 0.01)
    going = asyncio.create_task(receiving._receive_for_ever(settings_for(tmp_path)))
    await until(lambda: begun >= 2)
    going.cancel()
    await asyncio.wait({going})


async def test_a_receiver_that_can_keep_nothing_any_more_ends_instead_of_listening_on() -> None:
    async def broken(*_told: object) -> list[Outcome]:
        raise RuntimeError("a fault of its own")

    async with receiving_at(
        {"harbor": sender()},
        Limits(),
        broken,
        host="127.0.0.1",
        port=0,
        now_ms=lambda: time.time_ns() // 1_000_000,
    ) as (port, serving):
        there = Receiver(None, port, [time.time_ns() // 1_000_000], {"harbor": sender()})  # type: ignore[arg-type] # nobody looks
        assert (await there.send(BODY)).status == 503
        await asyncio.wait_for(serving, LIMIT_S)


async def test_a_port_that_is_taken_is_said_so() -> None:
    async def keep(*_told: object) -> list[Outcome]:
        return []

    with socket.create_server(("127.0.0.1", 0)) as first:
        place = {"host": "127.0.0.1", "port": first.getsockname()[1]}
        with pytest.raises(ConfigError, match="Is another receiver running"):
            async with receiving_at({}, Limits(), keep, **place, now_ms=lambda: 1):
                pass
