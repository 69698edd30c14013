"""What the suite holds single records to: they are what the list has, and an id that nobody has is no record."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from siscon.domain.records import FIELDS, Entity, Part, Record
from siscon.providers.contract import Page, Provider, Rejected

FEW = 4
"""So many records of each list are asked for by their ids."""

NOBODY = ("no-such-record-8251", "no such/record%2F8251 é?#", "..", "82510000000000000")
"""Ids that no test district has; some that lead elsewhere where they are put into a path as they are."""


async def check_known(provider: Provider, entity: Entity, listed: Sequence[Record | Part]) -> None:
    """Some records by their ids: the first, the last and those in many parts, each with the parts that the list has."""
    parts: dict[str, set[str]] = {}
    for one in listed:
        if isinstance(one, Part):
            parts.setdefault(one.external_id, set()).add(repr(one))
    mains = {one.external_id: one for one in listed if not isinstance(one, Part)}
    most = sorted(mains, key=lambda one: -len(parts.get(one, ())))
    for external_id in list(dict.fromkeys([*islice(mains, 2), *most[:FEW], *list(mains)[-1:]])):
        page = await provider.one(entity, external_id)
        if page is None:
            return
        _check_single(page)
        found = {repr(one) for one in page.records}
        wanted = {repr(mains[external_id]), *parts.get(external_id, ())}
        assert found == wanted, f"one({entity}, {external_id!r}) gives another record than the list"
        assert not page.rejected, (entity, external_id)


async def check_unknown(provider: Provider, entity: Entity) -> None:
    """An invented id gives an empty page or None, whatever characters it holds, and never an exception."""
    for external_id in NOBODY:
        page = await provider.one(entity, external_id)
        assert page is None or not (page.records or page.rejected), (
            f"one({entity}, {external_id!r}) gives a record"
        )


async def check_related(provider: Provider, entity: Entity, listed: Sequence[Record | Part]) -> None:
    """The records that lead to one of another entity, for each field by which they do."""
    for rule in FIELDS[entity]:
        if rule.refers_to is None or rule.many:
            continue
        known = [one for one in listed if not isinstance(one, Part)]
        owners = list(dict.fromkeys(getattr(one, rule.name) for one in known if getattr(one, rule.name)))
        for external_id in owners[:FEW]:
            page = await provider.related(entity, rule.refers_to, external_id)
            if page is None:
                break
            _check_single(page)
            wanted = {repr(one) for one in known if getattr(one, rule.name) == external_id}
            found = {repr(one) for one in page.records}
            assert found == wanted, (
                f"related({entity}, {rule.refers_to}, {external_id!r}) gives others than the list"
            )


def _check_single(page: Page) -> None:
    assert page.resume is None, "a single page has none after it"
    assert set(page.modified) <= {one.external_id for one in page.records}


def check_read_again(provider: Provider, entity: Entity, rejected: Rejected) -> None:
    """What was rejected is rejected again as long as nobody has mended it, under the id that it had."""
    page = provider.read(entity, rejected.raw, rejected.part)
    if page is not None:
        assert not page.records, (entity, rejected.code)
        assert all(one.external_id == rejected.external_id for one in page.rejected), entity
