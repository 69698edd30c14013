"""The inbox: what people ask for, who and when, and what came of it."""

from __future__ import annotations

import json

from siscon.domain.commands import Command, CommandRow, CommandStatus, from_plain, to_plain
from siscon.domain.errors import DatabaseError
from siscon.domain.text import plain
from siscon.store.database import Connection, Row

LEAVE = """
INSERT INTO commands (kind, body, actor, left_at_ms, due_at_ms, status)
VALUES (:kind, :body, :actor, :now_ms, :due_at_ms, 'pending')
RETURNING id
"""
PENDING = "SELECT * FROM commands WHERE status = 'pending' ORDER BY id LIMIT 500"
# A clock that was set back must not make anybody wait for hours; one that was put right by seconds takes no grace away.
DUE = """
SELECT * FROM commands WHERE status = 'pending' AND (due_at_ms <= :now_ms OR left_at_ms - 60000 > :now_ms)
ORDER BY id LIMIT 500
"""
NEXT_DUE = "SELECT min(due_at_ms) AS at_ms FROM commands WHERE status = 'pending' AND due_at_ms > :now_ms"
PAGE = """
SELECT * FROM commands WHERE id < :before_id AND (:waiting = 0 OR status = 'pending') ORDER BY id DESC LIMIT :limit
"""
FIND = "SELECT * FROM commands WHERE id = :id"
ANSWER = """
UPDATE commands SET status = :status, answer = :answer, run_id = :run_id, answered_at_ms = :now_ms
WHERE id = :id AND status = 'pending'
"""


async def leave(c: Connection, command: Command, *, actor: str, now_ms: int, grace_ms: int = 0) -> int:
    """Leave a command for the engine, which lets it lie for ``grace_ms``; its number."""
    body = json.dumps(to_plain(command), ensure_ascii=False)
    told = {"kind": command.kind, "body": body, "actor": actor, "now_ms": now_ms}
    row = await c.one(LEAVE, {**told, "due_at_ms": now_ms + grace_ms if grace_ms else 0})
    assert row is not None
    return int(row["id"])


async def pending(c: Connection) -> list[CommandRow]:
    """The commands that wait, oldest first; those of a kind that only a newer version knows are left to it."""
    rows = [_command(row) for row in await c.all(PENDING)]
    return [one for one in rows if one is not None]


async def due(c: Connection, *, now_ms: int) -> list[CommandRow]:
    """Those of :func:`pending` whose time of grace is over."""
    rows = [_command(row) for row in await c.all(DUE, {"now_ms": now_ms})]
    return [one for one in rows if one is not None]


async def next_due_ms(c: Connection, *, now_ms: int) -> int | None:
    """When the next time of grace is over; None where nothing lies."""
    row = await c.one(NEXT_DUE, {"now_ms": now_ms})
    return None if row is None else row["at_ms"]


async def page(c: Connection, *, before_id: int, limit: int, waiting: bool = False) -> list[CommandRow]:
    """Commands before a number, the newest first; with ``waiting`` those that nobody has answered."""
    told = {"before_id": before_id, "limit": limit, "waiting": int(waiting)}
    rows = [_command(row) for row in await c.all(PAGE, told)]
    return [one for one in rows if one is not None]


async def get(c: Connection, command_id: int) -> CommandRow | None:
    """The command of that number; None when there is none or this version does not know its kind."""
    row = await c.one(FIND, {"id": command_id})
    return None if row is None else _command(row)


async def answer(
    c: Connection,
    command_id: int,
    *,
    status: CommandStatus,
    answer: str,
    run_id: int | None = None,
    now_ms: int,
) -> None:
    """Say what came of a command, once; a second answer is refused."""
    told = {"status": status.value, "answer": answer, "run_id": run_id, "now_ms": now_ms}
    if await c.run(ANSWER, {**told, "id": command_id}) != 1:
        raise DatabaseError(f"Command {command_id} has been answered already.", code="illegal_move")


async def take_back(c: Connection, command_id: int, *, actor: str, now_ms: int) -> None:
    """Let a command that waits wait no more; raises ``DatabaseError`` when it has been answered."""
    sentence = f"Taken back by {plain(actor)} before anything was done."
    await answer(c, command_id, status=CommandStatus.TAKEN_BACK, answer=sentence, now_ms=now_ms)


def _command(row: Row) -> CommandRow | None:
    try:
        command = from_plain(row["kind"], json.loads(row["body"]))
    except (KeyError, TypeError):
        return None
    return CommandRow(
        id=row["id"],
        command=command,
        actor=row["actor"],
        left_at_ms=row["left_at_ms"],
        status=CommandStatus(row["status"]),
        answer=row["answer"],
        run_id=row["run_id"],
        due_at_ms=row["due_at_ms"],
        answered_at_ms=row["answered_at_ms"],
    )
