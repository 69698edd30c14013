"""Mail over a real mail server on loopback: once, later or never; the line checked, the header beyond tampering."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from siscon.config import ChannelSettings
from siscon.domain.deliveries import FIRST_WAIT_S, MessageState
from siscon.domain.events import EventKind
from siscon.engine.mail import composed
from siscon.ops import health_page
from siscon.ops import metrics as desk
from siscon.store import events, outbox
from siscon.store.sqlite import SqliteDatabase
from support.clock import LIMIT_S, HandClock, until
from support.mail_server import certificate, mail_server
from support.notices import carry, channel_state, mail_channel, message, postman, put


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """Accepts calls and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


async def test_a_server_that_answers_451_and_then_accepts_gets_one_mail(db: SqliteDatabase, clock: HandClock):
    async with mail_server() as box:
        box.to_data = ["451 try again later"]
        man = postman(db, clock, ops=mail_channel(box.port))
        await put(db, clock, "ops")

        assert await carry(man) == 0
        first = await message(db, "ops")
        assert (first.state, first.attempts) == (MessageState.WAITING, 1)
        assert "451 try again later" in first.error
        assert await carry(man) == 0
        assert box.asked == 1, "not before its time"

        clock.forward(FIRST_WAIT_S + 1)
        assert await carry(man) == 1
        clock.forward(3600)
        assert await carry(man) == 0

    assert (await message(db, "ops")).error == ""
    assert len(box.taken) == 1
    assert box.taken[0]["Message-ID"] == f"<{first.uid}@district.example.org>"
    assert (await message(db, "ops")).state is MessageState.SENT


async def test_a_550_is_never_tried_again_and_shown(db: SqliteDatabase, clock: HandClock):
    async with mail_server() as box:
        box.to_rcpt["oncall@district.example.org"] = ["550 no such user here"] * 5
        man = postman(db, clock, ops=mail_channel(box.port))
        await put(db, clock, "ops")
        await carry(man)
        clock.forward(3600)
        await carry(man)

    refused = await message(db, "ops")
    assert (refused.state, refused.attempts) == (MessageState.REFUSED, 1)
    assert "oncall@district.example.org: 550 no such user here" in refused.error
    state = await channel_state(db, "ops")
    assert (state.lost, state.last_error) == (1, refused.error)
    async with db.read() as c:
        told = [one for one in await events.latest(c) if one.kind is EventKind.NOTICE_FAILED]
    assert "was refused" in told[0].text
    assert "550 no such user here" in told[0].text


async def test_of_several_receivers_each_gets_it_once(db: SqliteDatabase, clock: HandClock):
    to = [f"{name}@district.example.org" for name in ("a", "b", "c")]
    async with mail_server() as box:
        box.to_rcpt = {to[1]: ["451 greylisted"], to[2]: ["550 unknown"]}
        man = postman(db, clock, ops=mail_channel(box.port, to=to))
        await put(db, clock, "ops")
        await carry(man)
        clock.forward(60)
        await carry(man)

    assert [one for _, one in box.envelopes] == [[to[0]], [to[1]]]
    sent = await message(db, "ops")
    assert (sent.state, sent.left_to, sent.refused_by) == (MessageState.SENT, (), (to[2],))
    assert "550 unknown" in sent.error


async def test_a_receiver_that_never_gets_it_is_lost_until_it_is_sent_there_after_all(
    db: SqliteDatabase, clock: HandClock, tmp_path: Path
):
    to = [f"{name}@district.example.org" for name in ("a", "b")]
    async with mail_server() as box:
        box.to_rcpt = {to[1]: ["550 unknown"]}
        man = postman(db, clock, ops=mail_channel(box.port, to=to))
        await put(db, clock, "ops")
        await carry(man)
        lost = (await channel_state(db, "ops")).lost
        page = await health_page.page(db, tmp_path, engine="one", now_ms=clock.now_ms())
        metrics = {one.metric.name: one for one in await desk.read(db, db.path, now_ms=clock.now_ms())}
        async with db.transaction() as c:
            assert await outbox.again(c, "ops", now_ms=clock.now_ms()) == 1
        await carry(man)

    assert lost == 1
    assert page["trouble"] == [
        "1 message of the last day to ops was lost: 'siscon notices list --messages' says why"
    ]
    assert list(metrics["siscon_outbox_lost"].samples) == [(("ops",), 1)]
    assert [one for _, one in box.envelopes] == [[to[0]], [to[1]]]
    assert (await channel_state(db, "ops")).lost == 0


async def test_a_line_that_breaks_between_two_tries_sends_nobody_a_second_mail(
    db: SqliteDatabase, clock: HandClock
):
    to = [f"{name}@district.example.org" for name in ("a", "b")]
    async with mail_server() as box:
        box.to_rcpt = {to[1]: ["451 greylisted"]}
        await put(db, clock, "ops")
        for port in (box.port, 1, box.port):
            await carry(postman(db, clock, ops=mail_channel(port, to=to)))
            clock.forward(3600)
    assert [one for _, one in box.envelopes] == [[to[0]], [to[1]]]


async def test_a_connection_that_ends_at_one_receiver_forgets_none(db: SqliteDatabase, clock: HandClock):
    to = [f"{name}@district.example.org" for name in ("a", "b", "c")]
    async with mail_server() as box:
        box.to_rcpt = {to[0]: ["550 unknown"], to[1]: ["421 closing"]}
        man = postman(db, clock, ops=mail_channel(box.port, to=to))
        await put(db, clock, "ops")
        await carry(man)
        clock.forward(60)
        await carry(man)

    assert [one for _, one in box.envelopes] == [[to[1], to[2]]]


async def test_starttls_with_a_certificate_of_nobody_is_refused(
    db: SqliteDatabase, clock: HandClock, tmp_path: Path
):
    async with mail_server(starttls=certificate(tmp_path)) as box:
        man = postman(db, clock, ops=mail_channel(box.port, security="starttls"))
        await put(db, clock, "ops")
        assert await carry(man) == 0

    assert box.asked == 0
    waiting = await message(db, "ops")
    assert waiting.state is MessageState.WAITING
    assert "certificate was refused" in waiting.error


async def test_starttls_with_the_certificate_of_another_host_is_refused(
    db: SqliteDatabase, clock: HandClock, tmp_path: Path
):
    other = certificate(tmp_path, "mail.other.example")
    async with mail_server(starttls=other) as box:
        man = postman(db, clock, ops=mail_channel(box.port, security="starttls", ca_file=other.file))
        await put(db, clock, "ops")
        assert await carry(man) == 0
    assert "certificate was refused" in (await message(db, "ops")).error


@pytest.mark.parametrize("trusted", [True, False])
async def test_a_line_that_is_secured_from_the_begin_is_checked_as_well(
    db: SqliteDatabase, clock: HandClock, tmp_path: Path, trusted: bool
):
    own = certificate(tmp_path)
    async with mail_server(tls=own) as box:
        told = {"ca_file": own.file} if trusted else {}
        man = postman(db, clock, ops=mail_channel(box.port, security="tls", **told))
        await put(db, clock, "ops")
        assert await carry(man) == trusted
    assert len(box.taken) == trusted


async def test_a_clock_that_is_put_back_a_day_keeps_no_message_waiting(db: SqliteDatabase, clock: HandClock):
    async with mail_server() as box:
        box.to_data = ["451 later"]
        man = postman(db, clock, ops=mail_channel(box.port), gone=mail_channel(1))
        await put(db, clock)
        await carry(man)
        clock.forward(-86_400)
        assert await carry(man) == 1
    assert (await channel_state(db, "gone")).failures == 2


async def test_starttls_is_never_left_out(db: SqliteDatabase, clock: HandClock):
    async with mail_server() as box:
        man = postman(db, clock, ops=mail_channel(box.port, security="starttls"))
        await put(db, clock, "ops")
        assert await carry(man) == 0
    assert box.asked == 0
    assert "offers no STARTTLS" in (await message(db, "ops")).error


async def test_a_trusted_certificate_and_a_login_let_it_through(
    db: SqliteDatabase, clock: HandClock, tmp_path: Path
):
    own = certificate(tmp_path)
    async with mail_server(starttls=own, needs_login=True) as box:
        told = {"security": "starttls", "ca_file": own.file, "username": "siscon"}
        wrong = mail_channel(box.port, password="wrong", **told)
        await put(db, clock, "ops")
        await carry(postman(db, clock, ops=wrong))
        refused = await message(db, "ops")
        assert refused.state is MessageState.WAITING, (
            "a wrong password is the channel's trouble, not the message's"
        )
        assert "refused the login" in refused.error
        assert "wrong" not in refused.error.replace("535", "")

        clock.forward(60)
        assert await carry(postman(db, clock, ops=mail_channel(box.port, password="right", **told))) == 1
    assert box.logins[-1] == (b"siscon", b"right")


@pytest.mark.parametrize("before", ["", "x" * 182])
async def test_a_server_that_repeats_the_password_has_it_neither_in_events_nor_in_the_state(
    db: SqliteDatabase, clock: HandClock, tmp_path: Path, before: str
):
    own, password = certificate(tmp_path), "right"
    async with mail_server(starttls=own, needs_login=True) as box:
        man = postman(
            db,
            clock,
            ops=mail_channel(
                box.port, security="starttls", ca_file=own.file, username="siscon-mail", password=password
            ),
        )
        said = f"{before} login siscon-mail {password} is spent"
        box.to_data = [f"451 {said}"]
        await put(db, clock, "ops")
        await carry(man)
        later = await message(db, "ops")
        box.to_rcpt["oncall@district.example.org"] = [f"550 {said}"]
        clock.forward(3600)
        await carry(man)

    never = await message(db, "ops")
    assert (later.state, never.state) == (MessageState.WAITING, MessageState.REFUSED)
    async with db.read() as c:
        told = " ".join(one.text for one in await events.latest(c))
    for text in (later.error, never.error, told, (await channel_state(db, "ops")).last_error):
        assert password[:3] not in text.replace("district", "")
        assert "siscon-m" not in text


async def test_an_answer_without_an_end_is_not_kept(db: SqliteDatabase, clock: HandClock):
    sent = 0

    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        line = b"220-" + b"x" * 996 + b"\r\n"
        try:
            while sent < 100_000:
                writer.write(line * 10)
                sent += 10
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    await put(db, clock, "ops")
    await carry(postman(db, clock, ops=mail_channel(port)))
    server.close()
    await server.wait_closed()

    later = await message(db, "ops")
    assert (later.state, later.attempts) == (MessageState.WAITING, 1)
    assert "has no end" in later.error
    assert sent < 20_000, "it is not listened to for as long as it talks"


@pytest.mark.parametrize("drop", [b"2", b""], ids=["drips", "says nothing"])
async def test_a_server_that_drips_or_says_nothing_is_cut_off_in_time(
    db: SqliteDatabase, clock: HandClock, drop: bytes
):
    stop = threading.Event()

    def drip(listener: socket.socket) -> None:
        line, _ = listener.accept()
        with line:
            while not stop.wait(0.05):
                try:
                    line.sendall(drop)
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,))
        thread.start()
        try:
            man = postman(db, clock, ops=mail_channel(listener.getsockname()[1], timeout_s=1))
            await put(db, clock, "ops")
            async with asyncio.timeout(LIMIT_S):
                assert await carry(man) == 0
        finally:
            stop.set()
            thread.join()
    waiting = await message(db, "ops")
    assert waiting.state is MessageState.WAITING
    assert "in time" in waiting.error


async def test_whoever_must_end_still_hears_that_a_mail_was_taken(db: SqliteDatabase, clock: HandClock):
    async with mail_server() as box:
        man = postman(db, clock, ops=mail_channel(box.port))
        await put(db, clock, "ops")
        (task,) = await man.look(None)

        async def under_way() -> bool:
            return (await message(db, "ops")).attempts == 1

        await until(under_way)
        await man.close()
    assert task.done()
    assert len(box.taken) == 1
    assert (await message(db, "ops")).state is MessageState.SENT


async def test_headers_cannot_be_smuggled_in(db: SqliteDatabase, clock: HandClock):
    async with mail_server() as box:
        man = postman(db, clock, ops=mail_channel(box.port))
        async with db.transaction() as c:
            from siscon.store import outbox

            subject = "harbor\r\nBcc: everybody@example.org\r\n\r\nbody"
            await outbox.put(
                c, subject=subject, text="a\n.\nb", channel="ops", key="k1", now_ms=clock.now_ms()
            )
        assert await carry(man) == 1
    assert box.taken[0]["Bcc"] is None
    assert box.envelopes[0][1] == ["oncall@district.example.org"]
    assert box.taken[0].get_content().splitlines() == ["a", ".", "b"]


async def test_text_and_html_stand_side_by_side(db: SqliteDatabase, clock: HandClock):
    channel: ChannelSettings = mail_channel(25)
    await put(db, clock, "ops", text="Grüße")
    assert composed(await message(db, "ops"), channel).get_content_type() == "text/plain"
    mail = composed(replace(await message(db, "ops"), html="<p>Grüße</p>"), channel)
    assert [one.get_content_type() for one in mail.iter_parts()] == ["text/plain", "text/html"]
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.as_bytes().isascii()


@pytest.mark.parametrize("state", ["dead", "slow"])
async def test_a_channel_in_trouble_keeps_no_other_waiting(
    db: SqliteDatabase, clock: HandClock, silent: socket.socket, state: str
):
    async with mail_server() as box:
        port = silent.getsockname()[1] if state == "slow" else 1
        ways = {"bad": mail_channel(port, timeout_s=2), "good": mail_channel(box.port)}
        man = postman(db, clock, **ways)
        await put(db, clock)
        begun = await man.look(None)
        assert len(begun) == 2
        await until(lambda: len(box.taken) == 1)
        await asyncio.gather(*begun)
    assert (await message(db, "good")).state is MessageState.SENT
    assert (await message(db, "bad")).state is MessageState.WAITING
    assert (await channel_state(db, "bad")).failures == 1
