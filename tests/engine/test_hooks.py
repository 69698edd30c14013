"""Chats and webhooks over real HTTP on loopback: in each service's form, signed, to the address alone, tried again."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from typing import Any

import pytest

from siscon.config import ChannelSettings
from siscon.domain.commands import RetryChannel
from siscon.domain.deliveries import DEAD_AFTER, FIRST_WAIT_S, LONGEST_WAIT_S, MessageState
from siscon.domain.errors import ConfigError
from siscon.engine.answers import Circumstances
from siscon.engine.notice_acts import retry_channel
from siscon.ops.dead_channels import dead_channels
from siscon.providers.transport.post import post
from siscon.store import events
from siscon.store.sqlite import SqliteDatabase
from siscon.store.vault import Vault
from support.clock import HandClock
from support.hook_server import Receiver, hook_server
from support.notices import carry, channel_state, message, postman, put

KEY = "whsec_" + base64.b64encode(bytes(range(32))).decode()


def way(receiver: Receiver, kind: str, **told: Any) -> ChannelSettings:
    return ChannelSettings.model_validate({"kind": kind, "url": receiver.url, "timeout_s": 5, **told})


@pytest.mark.parametrize("kind", ["slack", "mattermost", "teams", "text"])
async def test_each_chat_gets_its_own_form_and_foreign_words_act_on_none(
    db: SqliteDatabase, clock: HandClock, kind: str
):
    async with hook_server() as receiver:
        await put(db, clock, "chat", text="It said <!channel> ```@all [x](http://bad) & more")
        assert await carry(postman(db, clock, chat=way(receiver, kind))) == 1
    (got,) = receiver.got
    assert got.path == "/services/T0/canary-b64"
    assert "authorization" not in got.headers
    body = got.body.decode()
    if kind == "text":
        assert got.headers["content-type"].startswith("text/plain")
        assert body.startswith("[siscon] harbor fails\n")
        return
    told = json.loads(body)
    if kind == "teams":
        blocks = told["attachments"][0]["content"]["body"]
        assert {one["type"] for one in blocks} == {"RichTextBlock"}
        assert "[x](http://bad)" in blocks[1]["inlines"][0]["text"]
        return
    assert told["text"].count("```") == 2
    assert kind != "slack" or "<!" not in told["text"]


async def test_a_webhook_is_signed_and_has_the_same_id_at_each_attempt(db: SqliteDatabase, clock: HandClock):
    async with hook_server() as receiver:
        receiver.statuses = [503]
        man = postman(db, clock, hook=way(receiver, "webhook", secret=KEY))
        await put(db, clock, "hook")
        await carry(man)
        clock.forward(FIRST_WAIT_S + 1)
        await carry(man)

    first, second = receiver.got
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]
    content = f"{second.headers['webhook-id']}.{second.headers['webhook-timestamp']}.".encode() + second.body
    wanted = base64.b64encode(hmac.new(bytes(range(32)), content, hashlib.sha256).digest()).decode()
    assert second.headers["webhook-signature"] == f"v1,{wanted}"
    assert json.loads(second.body)["data"]["text"] == "It failed."


async def test_what_an_answer_asks_for_is_heeded(db: SqliteDatabase, clock: HandClock):
    async with hook_server() as receiver:
        receiver.statuses, receiver.extra = [429], "Retry-After: 120\r\n"
        man = postman(db, clock, chat=way(receiver, "slack"))
        await put(db, clock, "chat")
        await carry(man)
        clock.forward(119)
        await carry(man)
        assert len(receiver.got) == 1
        clock.forward(2)
        assert await carry(man) == 1


@pytest.mark.parametrize(
    ("status", "said"),
    [(301, "redirect"), (302, "redirect"), (401, "key"), (403, "key"), (404, "new one"), (410, "new")],
)
async def test_what_a_channel_refuses_is_kept_and_goes_out_once_when_the_channel_is_mended(
    db: SqliteDatabase, clock: HandClock, status: int, said: str
):
    async with hook_server() as receiver, hook_server() as elsewhere:
        receiver.statuses, receiver.extra = [status], f"Location: {elsewhere.url}\r\n"
        man = postman(db, clock, chat=way(receiver, "slack"))
        await put(db, clock, "chat")
        await put(db, clock, "chat", key="k2")
        assert await carry(man) == 0
        assert (len(receiver.got), elsewhere.got) == (1, [])  # one is enough to know
        refused = await message(db, "chat")
        assert refused.state is MessageState.WAITING
        assert f"refused: it answered {status}" in refused.error
        assert said in refused.error
        assert "'siscon notices retry chat'" in refused.error
        clock.forward(FIRST_WAIT_S * 1.25 + 1)
        assert await carry(man) == 2
        clock.forward(4 * 3600)
        assert await carry(man) == 0
    assert len(receiver.got) == 3
    assert (await channel_state(db, "chat")).last_error == ""


async def test_one_message_that_is_refused_keeps_no_other_waiting(db: SqliteDatabase, clock: HandClock):
    async with hook_server() as receiver:
        receiver.statuses = [400]
        man = postman(db, clock, chat=way(receiver, "slack"))
        await put(db, clock, "chat")
        await put(db, clock, "chat", key="k2")
        assert await carry(man) == 1
    assert (await message(db, "chat")).state is MessageState.WAITING
    assert (await message(db, "chat", "k2")).state is MessageState.SENT


async def test_what_was_given_up_is_sent_after_all_when_somebody_asks_for_it(
    db: SqliteDatabase, clock: HandClock
):
    async with hook_server() as receiver:
        receiver.statuses = [404] * 200
        man = postman(db, clock, chat=way(receiver, "slack"))
        await put(db, clock, "chat")
        while (await message(db, "chat")).state is MessageState.WAITING:
            await carry(man)
            clock.forward(LONGEST_WAIT_S)
        assert (await message(db, "chat")).state is MessageState.GIVEN_UP
        receiver.statuses = [503]
        async with db.transaction() as c:
            here = Circumstances("grace", clock.now_ms(), Vault([bytes(32)]))
            answer = await retry_channel(c, RetryChannel("chat"), here)
        assert (
            answer.sentence
            == "1 message for chat is sent now, 1 of them refused, given up or dropped before."
        )
        tried = len(receiver.got)
        assert await carry(man) == 0  # the three days begin anew
        assert (await message(db, "chat")).state is MessageState.WAITING
        clock.forward(LONGEST_WAIT_S + 1)
        assert await carry(man) == 1
        assert len(receiver.got) == tried + 2


async def test_a_new_engine_tries_at_once_what_its_forerunner_was_to_wait_for(
    db: SqliteDatabase, clock: HandClock
):
    async with hook_server() as receiver:
        receiver.statuses = [404] * DEAD_AFTER
        man = postman(db, clock, chat=way(receiver, "slack"))
        await put(db, clock, "chat")
        for tries in range(1, DEAD_AFTER + 1):
            clock.forward(LONGEST_WAIT_S * 2)
            assert await carry(man) == 0
            assert len(receiver.got) == tries
            assert await dead_channels(db) == (("chat",) if tries == DEAD_AFTER else ())
        assert await carry(man) == 0
        assert len(receiver.got) == DEAD_AFTER, "it waits"
        mended = postman(db, clock, chat=way(receiver, "slack"))
        await mended.begin(None)
        assert await dead_channels(db) == ("chat",)  # until it has taken something
        await postman(db, clock, other=way(receiver, "slack")).begin(None)
        assert await dead_channels(db) == ()  # nobody can mend what is configured no more
        assert await carry(mended) == 1


async def test_a_receiver_that_never_answers_is_left_in_time(db: SqliteDatabase, clock: HandClock):
    async with hook_server() as receiver:
        receiver.silent = True
        await put(db, clock, "chat")
        assert await carry(postman(db, clock, chat=way(receiver, "slack", timeout_s=1))) == 0
    assert "in time" in (await message(db, "chat")).error


async def test_the_address_of_a_chat_is_told_nowhere(
    db: SqliteDatabase, clock: HandClock, caplog: pytest.LogCaptureFixture
):
    caplog.set_level("DEBUG", logger="siscon")
    async with hook_server() as receiver:
        receiver.statuses = [500, 404]
        man = postman(db, clock, chat=way(receiver, "slack"))
        await put(db, clock, "chat")
        await carry(man)
        clock.forward(60)
        await carry(man)
    await put(db, clock, "chat", key="k2")
    clock.forward(60)
    await carry(man)
    async with db.read() as c:
        told = [one.text for one in await events.latest(c)]
    everything = (
        f"{told} {await channel_state(db, 'chat')} {await message(db, 'chat')} {caplog.text} {man.channels}"
    )
    assert "cannot be reached" in everything
    assert "canary" not in everything


async def test_a_name_that_leads_into_a_private_network_is_refused_unless_it_is_called_internal(
    monkeypatch: pytest.MonkeyPatch,
):
    loop = asyncio.get_running_loop()

    async def looked_up(host: str, port: int, **_more: Any) -> list[Any]:
        return [
            (2, 1, 6, "", ({"metadata.example": "169.254.169.254", "chat.example": "10.0.0.7"}[host], port))
        ]

    monkeypatch.setattr(loop, "getaddrinfo", looked_up)
    told: dict[str, Any] = {"headers": {}, "whole_s": 2, "ca_file": None}
    with pytest.raises(ConfigError, match="private network"):
        await post("https://chat.example/x", b"", **told)
    with pytest.raises(ConfigError, match="private network"):
        await post("https://metadata.example/x", b"", internal=True, **told)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of a module that apprise imports
async def test_apprise_reaches_its_services(db: SqliteDatabase, clock: HandClock):
    pytest.importorskip("apprise")
    async with hook_server() as receiver:
        told = {"kind": "apprise", "urls": [f"json://127.0.0.1:{receiver.port}/in"], "timeout_s": 20}
        await put(db, clock, "many")
        assert await carry(postman(db, clock, many=ChannelSettings.model_validate(told))) == 1
    assert json.loads(receiver.got[0].body)["message"] == "It failed."
