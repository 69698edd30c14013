"""The keys of the vault seen from the desk: where they come from, what each protects, and how they are changed."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from siscon.domain.errors import UsageError
from siscon.domain.roles import ACTS, Role
from siscon.domain.text import plain
from siscon.ops import commands
from siscon.store import audit, keys, leases, rekey
from siscon.store.database import Connection, Database
from siscon.store.keys import Source
from siscon.store.vault import Vault, id_of

OnStep = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class KeyUse:
    """One key: whether it is here and seals, and how many values of each table it protects."""

    key_id: str
    seals: bool
    here: bool
    protects: Counter[str]


@dataclass(frozen=True, slots=True)
class KeyReport:
    """Where keys come from, what each protects, and how many values of each table cannot be opened."""

    source: str
    keys: list[KeyUse]
    unreadable: Counter[str]

    @property
    def is_good(self) -> bool:
        """Whether every sealed value can be opened."""
        return not self.unreadable.total()


def source_of(home: Path) -> Source:
    """Where the keys of this installation come from; no key is read."""
    return keys.find_source(home, os.environ)


def places(home: Path) -> list[tuple[str, bool]]:
    """Where keys are looked for, in order, and whether anything is there."""
    return keys.places(home, os.environ)


async def check(db: Database, source: Source) -> KeyReport:
    """Examine every sealed value; raises ``ConfigError`` where there is no key, and changes nothing."""
    given = _ids(source.read())
    vault = keys.open_vault(source)
    async with db.read() as c:
        found = await rekey.counts(c)
    uses = [KeyUse(one, one == given[0], True, found.pop(one, Counter())) for one in given]
    uses += [KeyUse(one, False, False, protects) for one, protects in sorted(found.items())]
    return KeyReport(source.name, uses, +await rekey.unreadable(db, vault))


async def free_key_file(db: Database, home: Path, *, actor: str, role: Role) -> Path:
    """The key file of a home that has sealed nothing yet; raises ``UsageError`` where a new key would lock it, or the
    role does not allow it.
    """
    await commands.need(db, "generate a key", ACTS["generate a key"], actor=actor, role=role)
    path = home / keys.KEY_FILE
    async with db.read() as c:
        if not path.exists() and await rekey.any_sealed(c):
            raise UsageError(
                f"{plain(path)} is missing, and the database holds secrets that a new key would not open. Put the "
                "old key back from your backup; --out FILE makes a key elsewhere.",
                code="key_missing",
            )
    return path


def generate(path: Path) -> str:
    """Write a new key into a file that is not there yet; its id. Nothing is ever overwritten."""
    if not keys.create_file(path):
        raise UsageError(
            f"{plain(path)} is there already and stays as it is. Name another file with --out; 'siscon keys rotate' "
            "makes a new key beside the old one.",
            code="key_exists",
        )
    return _ids(Source(str(path), path).read())[0]


@dataclass(frozen=True, slots=True)
class Rotation:
    """What a rotation came to: the key that seals now, whether it is new, and how many values it sealed anew."""

    key_id: str
    is_new: bool
    resealed: int
    left: int


async def rotate(
    db: Database,
    source: Source,
    *,
    actor: str,
    role: Role,
    now_ms: Callable[[], int],
    on_step: OnStep = lambda _name: None,
    on_batch: Callable[[int], None] = lambda _done: None,
) -> Rotation:
    """Let a new key seal, and seal anew with it whatever older ones sealed, a batch in each transaction.

    Every value can be opened with the keys of the file at every moment. One that was cut off is gone on with: no
    further key is made while older ones protect anything. Raises ``UsageError`` where the role does not allow it.
    """
    await commands.need(db, "rotate keys", ACTS["rotate keys"], actor=actor, role=role)
    vault = keys.open_vault(source)
    is_new = await _begin(db, source, vault, actor=actor, now_ms=now_ms, on_step=on_step)
    vault = keys.open_vault(source)
    resealed = 0
    async for done in rekey.reseal(db, vault, on_step=on_step):
        resealed += done
        on_batch(resealed)
    on_step("all sealed")
    async with db.transaction() as c:
        left = _left(await rekey.counts(c), vault.key_id)
        if resealed:
            detail = {"resealed": resealed, "left": left}
            await _note(c, vault, "finish key rotation", vault.key_id, detail, actor=actor, now_ms=now_ms())
    return Rotation(vault.key_id, is_new, resealed, left)


async def _begin(
    db: Database, source: Source, vault: Vault, *, actor: str, now_ms: Callable[[], int], on_step: OnStep
) -> bool:
    """Put the new key into the file, and chain that into the audit; whether there is a new one.

    The file is written before anything is sealed with the key, and inside the transaction: of two rotations that
    begin at once one waits and then finds the other's key. Cut off between the two, the key stands in the file and
    protects nothing; the next rotation goes on with it.
    """
    async with db.transaction() as c:
        await rekey.check_fits(c, vault)
        given = source.read()
        first = _ids(given)[0]
        found = await rekey.counts(c)
        readable = {one for one in found if vault.knows(bytes.fromhex(one))}
        to_go_on = bool(readable - {first}) or (len(given) > 1 and first not in found)
        if not to_go_on and source.is_ours and source.path is not None:
            detail = {"instead_of": first}
            new = keys.new_key()
            await _note(c, vault, "begin key rotation", _ids([new])[0], detail, actor=actor, now_ms=now_ms())
            keys.replace_file(source.path, [new, *given])
            on_step("key written")
        elif to_go_on:
            if not source.is_ours:
                await _refuse_beside_engine(c, source, now_ms=now_ms())
            await _note(c, vault, "resume key rotation", first, {}, actor=actor, now_ms=now_ms())
        else:
            raise UsageError(
                f"The keys come from the {source.name}, where siscon writes nothing. Make a key with 'siscon keys "
                "generate --out FILE', put it there before the old one, start the engine again, and repeat this.",
                code="key_place",
            )
    on_step("rotation begun")
    return not to_go_on


async def _refuse_beside_engine(c: Connection, source: Source, *, now_ms: int) -> None:
    """An engine reads such keys once, when it starts; sealing with one that it lacks would lock it out."""
    alive = [one.id for one in await leases.engines(c, now_ms=now_ms) if one.alive]
    if alive:
        raise UsageError(
            f"Engine {alive[0]} is alive and reads the {source.name} only when it starts. Run 'siscon stop', then "
            "repeat this, then start the engine with the new key.",
            code="engine_alive",
        )


@dataclass(frozen=True, slots=True)
class Pruning:
    """Older keys of the file: how many values each protects. ``removed`` are those that are out of use now."""

    protects: dict[str, int]
    removed: list[str]


async def prune(
    db: Database, source: Source, *, confirmed: bool, actor: str, role: Role, now_ms: Callable[[], int]
) -> Pruning:
    """Take older keys that protect nothing out of use; only counts them unless ``confirmed``.

    Counted and retired in one transaction: from then on the database refuses what is sealed with them, so that a
    value on its way cannot be lost. Only then do they leave the file. Raises ``UsageError`` where the role does not
    allow it.
    """
    await commands.need(db, "prune keys", ACTS["prune keys"], actor=actor, role=role)
    given = source.read()
    vault = keys.open_vault(source)
    ids = _ids(given)
    async with db.transaction() as c:
        await rekey.check_fits(c, vault)
        found = await rekey.counts(c)
        protects = {one: found.get(one, Counter()).total() for one in ids[1:]}
        removed = [one for one, number in protects.items() if not number] if confirmed else []
        for key_id in removed:
            await rekey.retire(c, key_id, now_ms=now_ms())
            await _note(c, vault, "prune key", key_id, {}, actor=actor, now_ms=now_ms())
    if removed and source.is_ours and source.path is not None:
        kept = [key for key in given if _ids([key])[0] not in removed]
        keys.replace_file(source.path, kept)
    return Pruning(protects, removed)


async def _note(
    c: Connection,
    vault: Vault,
    action: str,
    key_id: str,
    detail: Mapping[str, object],
    *,
    actor: str,
    now_ms: int,
) -> None:
    await audit.append(
        c, vault, actor=actor, action=action, target=f"key {key_id}", detail=detail, at_ms=now_ms
    )


def _ids(given: list[bytes]) -> list[str]:
    return [id_of(key).hex() for key in given]


def _left(found: Mapping[str, Counter[str]], current: str) -> int:
    return sum(protects.total() for one, protects in found.items() if one != current)
