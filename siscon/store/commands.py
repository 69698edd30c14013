"""The inbox: what people ask for, who and when, and what came of it."""

from __future__ import annotations

import json

from siscon.domain.commands import Command, CommandRow, CommandStatus, from_plain, to_plain
from siscon.domain.errors import DatabaseError
from siscon.store.database import Connection, Row

LEAVE = """
INSERT INTO commands (kind, body, actor, left_at_ms, status) VALUES (:kind, :body, :actor, :now_ms, 'pending')
RETURNING id
"""
PENDING = "SELECT * FROM commands WHERE status = 'pending' ORDER BY id LIMIT 500"
FIND = "SELECT * FROM commands WHERE id = :id"
ANSWER = """
UPDATE commands SET status = :status, answer = :answer, run_id = :run_id, answered_at_ms = :now_ms
WHERE id = :id AND status = 'pending'
"""


async def leave(c: Connection, command: Command, *, actor: str, now_ms: int) -> int:
    """Leave a command for the engine; its number."""
    body = json.dumps(to_plain(command), ensure_ascii=False)
    row = await c.one(LEAVE, {"kind": command.kind, "body": body, "actor": actor, "now_ms": now_ms})
    assert row is not None
    return int(row["id"])


async def pending(c: Connection) -> list[CommandRow]:
    """The commands that wait, oldest first; those of a kind that only a newer version knows are left to it."""
    rows = [_command(row) for row in await c.all(PENDING)]
    return [one for one in rows if one is not None]


async def pending_unknown(c: Connection) -> list[tuple[int, str]]:
    """Number and kind of the commands that wait and that this version does not know."""
    return [(row["id"], row["kind"]) for row in await c.all(PENDING) if _command(row) is None]


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
    )
