"""Carries the outbox to its channels: one message of a channel at a time, no channel waiting for another.

At least once: an attempt is counted before it is made and concluded after it, and only a crash in between can bring
a message twice, under the same id.
"""

from __future__ import annotations

import asyncio
import logging
import random
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from siscon.config import ChannelSettings
from siscon.domain.deliveries import Fate, Message, MessageState, Outcome, conclude
from siscon.domain.errors import DatabaseError, LeaseLost
from siscon.domain.events import EventKind, Level
from siscon.domain.leases import Lease
from siscon.domain.text import plain
from siscon.engine import apprised, hooks, mail
from siscon.store import channels as states
from siscon.store import events, notices, outbox
from siscon.store.database import Connection, Database

log = logging.getLogger(__name__)

LAST_WORD_S = 1.5
"""Whoever ends waits so long for the answer to what is on its way: a mail that was taken must be known as taken."""
THREAD_GRACE_S = 5.0


@dataclass(slots=True, eq=False)
class Postman:
    """Delivers what is due to the channels of the configuration."""

    db: Database
    channels: Mapping[str, ChannelSettings]
    now_ms: Callable[[], int]
    luck: Callable[[], float] = random.random
    _under_way: dict[str, asyncio.Task[int]] = field(default_factory=dict, init=False)
    _closed: bool = field(default=False, init=False)

    async def look(self, lease: Lease | None) -> list[asyncio.Task[int]]:
        """Begin to deliver wherever something is due; what was begun. Each task ends when its channel has no more."""
        mails = [name for name, one in self.channels.items() if one.kind == "email"]
        async with self.db.read() as c:
            unshared = bool(mails) and await outbox.any_unshared(c)
        if unshared:
            async with self.db.transaction(lease) as c:
                await outbox.hand_out(c, mails, now_ms=self.now_ms())
        begun = []
        for name in self.channels:
            if name not in self._under_way and await self._next(name) is not None:
                task = asyncio.create_task(self._deliver(name, lease), name=f"channel {name}")
                self._under_way[name] = task
                task.add_done_callback(lambda _, name=name: self._under_way.pop(name, None))  # type: ignore[misc]  # bound now
                begun.append(task)
        return begun

    async def begin(self, lease: Lease | None) -> None:
        """Let every channel be tried at once, whatever it did before: its settings may have been mended since.

        How those were that are gone from the settings is forgotten.
        """
        async with self.db.transaction(lease) as c:
            await states.forget_others(c, self.channels)
            for name in self.channels:
                await states.lift(c, name)
                await outbox.hasten(c, name, now_ms=self.now_ms())

    async def close(self) -> None:
        """Begin nothing more, and give what is under way a moment to be answered."""
        self._closed = True
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _next(self, channel: str) -> Message | None:
        now_ms = self.now_ms()
        async with self.db.read() as c:
            if not (await states.one(c, channel)).may_try(now_ms):
                return None
            return await outbox.next_due(c, channel, now_ms=now_ms)

    async def _deliver(self, channel: str, lease: Lease | None) -> int:
        """Send what is due to one channel, one after the other; how many were taken."""
        sent = 0
        try:
            while not self._closed and (message := await self._next(channel)) is not None:
                async with self.db.transaction(lease) as c:
                    if not await outbox.begin(c, message.id):
                        continue
                    message = await outbox.get(c, message.id) or message
                outcome = await self._attempt(message)
                await self._conclude(message, outcome, lease)
                sent += outcome.fate is Fate.SENT
        except (DatabaseError, LeaseLost) as error:
            log.warning("channel %s: %s", channel, error)
        return sent

    async def _attempt(self, message: Message) -> Outcome:
        """One attempt; it is waited for a moment longer when whoever waits must end."""
        settings = self.channels[message.channel]
        attempt = asyncio.ensure_future(self._send(message, settings))
        try:
            return await asyncio.shield(attempt)
        except asyncio.CancelledError:
            await asyncio.wait({attempt}, timeout=LAST_WORD_S)
            if not attempt.done():
                attempt.cancel()
                await asyncio.wait({attempt})
                raise
            return attempt.result()

    async def _send(self, message: Message, settings: ChannelSettings) -> Outcome:
        try:
            if settings.kind == "email":
                return await _in_thread(lambda cut: mail.send(message, settings, cut), settings.timeout_s)
            if settings.kind == "apprise":
                return await _in_thread(lambda _: apprised.send(message, settings), settings.timeout_s)
            return await hooks.send(message, settings, now_ms=self.now_ms())
        except Exception as error:
            log.exception("channel %s failed", message.channel)
            said = f"a fault of siscon's own ({type(error).__name__}); see the log"
            return Outcome(Fate.LATER, said, blocked=True)

    async def _conclude(self, message: Message, outcome: Outcome, lease: Lease | None) -> None:
        """Write down what became of an attempt, also where this task is told to end meanwhile."""
        writing = asyncio.ensure_future(self._write(message, outcome, lease))
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            with suppress(DatabaseError, LeaseLost):
                await writing
            raise

    async def _write(self, message: Message, outcome: Outcome, lease: Lease | None) -> None:
        now_ms = self.now_ms()
        error = plain(outcome.error, limit=500)
        async with self.db.transaction(lease) as c:
            before = await states.one(c, message.channel)
            after = conclude(message, outcome, before, now_ms=now_ms, luck=self.luck())
            await outbox.end(
                c,
                message.id,
                state=after.state,
                next_at_ms=after.next_at_ms,
                error=error or (message.error if message.left_to else ""),
                left_to=outcome.left_to or message.left_to,
                refused_by={*message.refused_by, *outcome.refused_by},
                now_ms=now_ms,
            )
            await states.save(c, after.channel)
            if after.state is MessageState.GIVEN_UP:
                await notices.tell_again(c, _causes_in(message.key))
            await _report(c, message, after.state, error, is_first=before.failures == 0, now_ms=now_ms)


def _causes_in(key: str) -> list[int]:
    """The numbers of the causes that a message tells of, as the key of a notice holds them; else none."""
    kind, _, told = key.partition(":")
    return [int(one.partition(".")[0]) for one in told.split(",")] if kind == "notice" else []


async def _report(
    c: Connection, message: Message, state: MessageState, error: str, *, is_first: bool, now_ms: int
) -> None:
    """An event for what was taken and for what never will be; of failures that pass one for each row of them."""
    about = f"'{plain(message.subject, limit=80)}' to {message.channel}"
    if state is MessageState.SENT:
        text, level = f"message {about} was sent", Level.INFO
        if error:
            text, level = f"{text}, but {error}", Level.WARNING
        kind = EventKind.NOTICE_SENT
    elif state is MessageState.WAITING:
        if not is_first:
            return
        text, level, kind = f"message {about} is tried again: {error}", Level.WARNING, EventKind.NOTICE_FAILED
    else:
        text, level, kind = f"message {about} was {state}: {error}", Level.ERROR, EventKind.NOTICE_FAILED
    await events.append(c, kind, level, plain(text, limit=500), at_ms=now_ms)


async def _in_thread(work: Callable[[threading.Event], Outcome], whole_s: float) -> Outcome:
    """Do what blocks in a thread of its own, which never keeps the process alive, and cut it off in time."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Outcome] = loop.create_future()
    cut = threading.Event()

    def settle(outcome: Outcome | None, fault: BaseException | None) -> None:
        if done.done():
            return
        if outcome is not None:
            done.set_result(outcome)
        else:
            done.set_exception(fault or RuntimeError("no outcome"))

    def run() -> None:
        outcome: Outcome | None = None
        fault: BaseException | None = None
        try:
            outcome = work(cut)
        except BaseException as error:  # noqa: BLE001 - handed to the loop that waits
            fault = error
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(settle, outcome, fault)

    threading.Thread(target=run, name="siscon-channel", daemon=True).start()
    try:
        async with asyncio.timeout(whole_s + THREAD_GRACE_S):
            return await done
    except TimeoutError:
        return Outcome(Fate.LATER, "it took longer than it may", blocked=True)
    finally:
        cut.set()
