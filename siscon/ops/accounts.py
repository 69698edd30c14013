"""The user names and e-mail addresses that siscon has given, as plain rows."""

from __future__ import annotations

from collections.abc import AsyncIterator

from siscon.ops.rows import PAGE, Row, iso, names
from siscon.store import accounts, mappings
from siscon.store.accounts import Account
from siscon.store.database import Connection, Database


async def account_rows(
    db: Database, *, integration: str | None, limit: int | None = None
) -> AsyncIterator[Row]:
    """Every name that was given, in the order of the names, with whose it is; of one integration only its people's."""
    left = limit if limit is not None else 1 << 62
    known = await names(db, only=integration)
    after = ""
    while left > 0:
        async with db.read() as c:
            found = await accounts.page(c, after=after, limit=PAGE)
            owners = await _owners(c, known, found)
        for one in found:
            owner = owners.get(one.internal_id)
            if left <= 0 or (owner is None and integration is not None):
                continue
            left -= 1
            yield {
                "name": one.name,
                "integration": owner[0] if owner else None,
                "entity": one.entity.value if one.entity else None,
                "external_id": owner[1] if owner else None,
                "internal_id": one.internal_id,
                "in_use": one.stands,
                "given_at": iso(one.given_at_ms),
            }
        if len(found) < PAGE:
            return
        after = found[-1].name


async def _owners(c: Connection, known: list[str], found: list[Account]) -> dict[int, tuple[str, str]]:
    """Internal id -> the integration that feeds the record, and its id there."""
    owners: dict[int, tuple[str, str]] = {}
    for name in known:
        for entity in accounts.PEOPLE:
            ids = [one.internal_id for one in found if one.entity is entity]
            told = await mappings.external_ids(c, name, entity, ids) if ids else {}
            owners.update({internal_id: (name, external_id) for internal_id, external_id in told.items()})
    return owners
