"""The audit: append only, each row sealed together with the seal before it, under a key of its own that stays when the
vault's change. An edit, a deletion, an insertion and a swap break the chain; rows cut off at the end are shown by the
heads that :mod:`siscon.store.heads` keeps outside the database.
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from json.encoder import encode_basestring as quoted
from typing import Any

from siscon.domain.errors import DatabaseError
from siscon.store.database import Connection, Row
from siscon.store.vault import KEY_BYTES, Vault

PURPOSE = "audit"
HEAD = """
SELECT h.seq, h.seal, s.sealed AS secret
FROM (SELECT 1) LEFT JOIN (SELECT seq, seal FROM audit ORDER BY seq DESC LIMIT 1) h
  LEFT JOIN secrets s ON s.name = 'audit'
"""
SECRET = "SELECT sealed FROM secrets WHERE name = 'audit'"
KEEP_SECRET = "INSERT INTO secrets (name, sealed) VALUES ('audit', :sealed)"
APPEND = """
INSERT INTO audit (seq, at_ms, actor, action, target, detail, seal)
VALUES (:seq, :at_ms, :actor, :action, :target, :detail, :seal)
"""
# As bytes, so that what is no text any more is found to be bad instead of stopping the check; nothing for another type.
ACTS = """
SELECT seq, at_ms, iif(typeof(actor) = 'text', CAST(actor AS BLOB), NULL) AS actor,
  iif(typeof(action) = 'text', CAST(action AS BLOB), NULL) AS action,
  iif(typeof(target) = 'text', CAST(target AS BLOB), NULL) AS target,
  iif(typeof(detail) = 'text', CAST(detail AS BLOB), NULL) AS detail, iif(typeof(seal) = 'blob', seal, NULL) AS seal
FROM audit
"""
FIRST = f"{ACTS} WHERE seq = 1"
LIST_AFTER = f"{ACTS} WHERE seq > :after_seq ORDER BY seq LIMIT :limit"
BY_SEQS = f"{ACTS} WHERE seq IN (SELECT value FROM json_each(:seqs))"
CHAIN_FROM = f"{ACTS} WHERE seq >= :seq ORDER BY seq LIMIT :limit OFFSET :passed"
IS_OURS = """
SELECT (SELECT count(*) FROM pragma_table_list('audit') WHERE schema = 'main' AND type = 'table' AND strict = 1)
  AND (SELECT group_concat(name || ' ' || type || ' ' || pk, ', ') FROM pragma_table_info('audit', 'main'))
    = 'seq INTEGER 1, at_ms INTEGER 0, actor TEXT 0, action TEXT 0, target TEXT 0, detail TEXT 0, seal BLOB 0'
"""
NEWEST_OF = f"{ACTS} WHERE action = :action ORDER BY seq DESC LIMIT 1"
SCHEMA = "PRAGMA user_version"
LOWEST = -(2**63)
SEALS_BEFORE = """
SELECT seq + 1 AS seq, iif(typeof(seal) = 'blob', seal, NULL) AS seal FROM audit
WHERE seq IN (SELECT value - 1 FROM json_each(:seqs))
"""
SEAL_OF = "SELECT CAST(seal AS BLOB) AS seal FROM audit WHERE seq = :seq"
CHUNK = 1000
CHANGED = "CHANGED"
"""The action of an act that is none that siscon wrote; ``verify`` says it, too."""
END_MS = 253_402_300_800_000
"""The end of the year 9999: no calendar goes further."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One act: who, what, on what. ``detail`` holds ids, counts and digests, never pupils' data."""

    seq: int
    at_ms: int
    actor: str
    action: str
    target: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SealedAct:
    """One act as it was sealed, with its seal and that of the act before; nothing before the first."""

    seq: int
    at_ms: int
    actor: str
    action: str
    target: str
    detail: str
    before: bytes
    seal: bytes


async def append(
    c: Connection,
    vault: Vault,
    *,
    actor: str,
    action: str,
    target: str,
    detail: Mapping[str, Any],
    at_ms: int,
) -> None:
    """Write down an act in the transaction of its effect: without the one there is not the other.

    It is read again, for a trigger may let a row vanish without a word; raises ``DatabaseError``.
    """
    head = await c.one(HEAD)
    secret = head["secret"] if head else None
    key = _opened(vault, secret) if secret else await _keep_key(c, vault)
    last, before = (head["seq"], head["seal"]) if head and head["seq"] is not None else (0, b"")
    if not isinstance(before, bytes) or not isinstance(last, int):
        raise DatabaseError(
            "The end of the audit was changed, so nothing was done: 'siscon audit verify' says where.",
            code="audit_not_written",
        )
    told = json.dumps(detail, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    seq = last + 1
    row = (seq, at_ms, actor, action, target, told)
    names = ("seq", "at_ms", "actor", "action", "target", "detail")
    seal = _seal(key, before, row)
    await c.run(APPEND, {**dict(zip(names, row, strict=True)), "seal": seal})
    if await seal_of(c, seq) != seal:
        raise DatabaseError(
            "The audit does not keep what is written into it, so nothing was done: 'siscon doctor' examines the "
            "database.",
            code="audit_not_written",
        )


def place_of(name: str) -> str:
    """The place to which a secret that siscon made for itself is sealed."""
    return f"secrets|{name}|sealed"


async def check_key(c: Connection, vault: Vault) -> None:
    """Open the key of the chain; raises ``ConfigError`` without its key, ``DatabaseError`` where it was changed."""
    row = await c.one(SECRET)
    if row is not None:
        _opened(vault, row["sealed"])


async def chain_key(c: Connection, vault: Vault) -> bytes:
    """The key of the chain, for whoever checks it."""
    row = await c.one(SECRET)
    return _opened(vault, row["sealed"]) if row else await _key_before_secrets(c, vault)


async def _keep_key(c: Connection, vault: Vault) -> bytes:
    key = await _key_before_secrets(c, vault)
    sealed = vault.seal(base64.b64encode(key).decode(), place=place_of(PURPOSE))
    await c.run(KEEP_SECRET, {"sealed": sealed})
    return key


async def _key_before_secrets(c: Connection, vault: Vault) -> bytes:
    """Chains begun before the key was kept are sealed with one derived from a key of the vault."""
    first = await c.one(FIRST)
    if first is None:
        return secrets.token_bytes(KEY_BYTES)
    derived = vault.derive_from_each(PURPOSE)
    proven = (key for key in derived if Chain(key).holds(first))
    return next(proven, derived[0])


def _opened(vault: Vault, sealed: bytes) -> bytes:
    try:
        return base64.b64decode(vault.open(sealed, place=place_of(PURPOSE)), validate=True)
    except DatabaseError as error:
        raise DatabaseError(
            "The key of the audit cannot be opened: it was changed. Restore the newest good backup.",
            code="seal_broken",
        ) from error


async def entries(c: Connection, *, after_seq: int = 0, limit: int = 200) -> list[AuditEntry]:
    """Acts in their order, after a number."""
    return [_entry(row) for row in await c.all(LIST_AFTER, {"after_seq": after_seq, "limit": limit})]


async def by_seqs(c: Connection, seqs: Iterable[int]) -> list[AuditEntry]:
    """The acts of these numbers, in no particular order; one that siscon never wrote so is called ``CHANGED``."""
    return [_entry(row) for row in await c.all(BY_SEQS, {"seqs": json.dumps(list(seqs))})]


async def newest_detail(c: Connection, action: str) -> Mapping[str, Any] | None:
    """The detail of the newest act of a kind; None where there is none, or none that can be read."""
    row = await c.one(NEWEST_OF, {"action": action})
    return None if row is None or (found := _entry(row)).action == CHANGED else found.detail


async def schema(c: Connection) -> int:
    """The version of the schema that the database has now."""
    row = await c.one(SCHEMA)
    assert row is not None
    return int(row[0])


async def verify(c: Connection, vault: Vault) -> int | None:
    """The number of the first act at which the chain is broken, or None when it is whole."""
    return (await walked(c, vault)).first_bad


async def walked(c: Connection, vault: Vault) -> Chain:
    """The chain at its end, or at the first act at which it is broken."""
    chain = Chain(await chain_key(c, vault))
    seq, passed = LOWEST, 0
    while rows := await c.all(CHAIN_FROM, {"seq": seq, "limit": CHUNK, "passed": passed}):
        for row in rows:
            if not chain.holds(row):
                return chain
        seq, passed = chain.seq, 1
    return chain


async def is_ours(c: Connection) -> bool:
    """Whether the table is the one that the migrations made, which holds each number once and nothing without one."""
    row = await c.one(IS_OURS)
    return row is not None and bool(row[0])


class Chain:
    """Walks acts in their order, and says which is the first that is not as it was written."""

    def __init__(self, key: bytes, *, seq: int = 0, before: bytes = b"") -> None:
        self.seq = seq
        self.first_bad: int | None = None
        self._key, self._before = key, before

    def holds(self, row: Row | Sequence[Any]) -> bool:
        """Whether the next act is whole: number, moment, actor, action, target, detail (text or bytes) and seal."""
        try:
            texts = [one if isinstance(one, str) else one.decode() for one in (row[at] for at in range(2, 6))]
            sealed = _seal(self._key, self._before, (row[0], row[1], *texts))
            numbered = row[0] == self.seq + 1 and isinstance(row[0], int) and isinstance(row[1], int)
            whole = numbered and hmac.compare_digest(sealed, row[6])
        except (UnicodeDecodeError, AttributeError, TypeError):
            whole = False
        if not whole:
            self.first_bad = min(row[0], self.seq + 1) if isinstance(row[0], int) else self.seq + 1
            return False
        self.seq, self._before = row[0], row[6]
        return True


async def sealed_acts(c: Connection, seqs: Iterable[int]) -> list[SealedAct]:
    """The acts of these numbers in their order; raises ``DatabaseError`` for what was never sealed so."""
    asked = {"seqs": json.dumps(list(seqs))}
    before = {row["seq"]: row["seal"] for row in await c.all(SEALS_BEFORE, asked)}
    found = []
    for row in await c.all(f"{BY_SEQS} ORDER BY seq", asked):
        told, seal_before = _told(row), before.get(row["seq"], b"")
        if seal_before is None or row["seal"] is None:
            raise bad_act(row["seq"] - (seal_before is None))
        found.append(SealedAct(row["seq"], row["at_ms"], *told, seal_before, row["seal"]))
    return found


async def head(c: Connection) -> tuple[int, bytes]:
    """Number and seal of the newest act; 0 and nothing where there is none, or what stands there is no act."""
    row = await c.one(HEAD)
    is_act = row is not None and isinstance(row["seq"], int) and isinstance(row["seal"], bytes)
    return (row["seq"], row["seal"]) if row is not None and is_act else (0, b"")


async def seal_of(c: Connection, seq: int) -> bytes | None:
    """The seal of one act, or None where there is no such act."""
    row = await c.one(SEAL_OF, {"seq": seq})
    return row["seal"] if row else None


def _seal(key: bytes, before: bytes, row: Row | tuple[Any, ...]) -> bytes:
    told = f"[{row[0]},{row[1]},{quoted(row[2])},{quoted(row[3])},{quoted(row[4])},{quoted(row[5])}]"
    return hmac.digest(key, before + told.encode(), "sha256")


def bad_act(seq: int) -> DatabaseError:
    """What to say where an act cannot be read as siscon writes them."""
    return DatabaseError(
        f"Act {seq} of the audit was changed: it is none that siscon wrote. 'siscon audit verify' says what is whole; "
        f"--where 'act<{seq}' takes what stands before it.",
        code="bad_act",
    )


def _told(row: Row) -> tuple[str, str, str, str]:
    """Actor, action, target and detail; raises ``DatabaseError``."""
    try:
        actor, action, target, detail = (row[at].decode() for at in range(2, 6))
    except (UnicodeDecodeError, AttributeError) as error:
        raise bad_act(row["seq"]) from error
    if not isinstance(row["at_ms"], int):
        raise bad_act(row["seq"])
    return actor, action, target, detail


def _entry(row: Row) -> AuditEntry:
    """One act. What was changed into what nobody can read must not hide all others: it is called so."""
    try:
        actor, action, target, told = _told(row)
        detail = json.loads(told)
        if isinstance(detail, dict) and _is_moment(row["at_ms"]):
            return AuditEntry(row["seq"], row["at_ms"], actor, action, target, detail)
    except (DatabaseError, ValueError, RecursionError):
        pass
    actor, action, target = ((row[at] or b"").decode(errors="replace") for at in range(2, 5))
    at_ms = row["at_ms"] if _is_moment(row["at_ms"]) else 0
    return AuditEntry(row["seq"], at_ms, actor, CHANGED, target, {"action": action})


def _is_moment(at_ms: object) -> bool:
    return isinstance(at_ms, int) and 0 <= at_ms < END_MS
