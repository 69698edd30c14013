"""What changed in PowerSchool since a data version (``GET /ws/dataversion/{application}/{version}``), record by record.

Fact: plugin API reference, "data version". How long versions are kept and how deleted rows show is told nowhere.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from siscon.domain.errors import ProviderError, RecordError
from siscon.domain.records import Entity
from siscon.providers.contract import Answer, Page, Rejected
from siscon.providers.kit.coerce import as_id, as_list, as_map
from siscon.providers.kit.decode import PageDecoder, parse
from siscon.providers.powerschool import wire
from siscon.providers.powerschool.lists import KEEP_S, NOT_OFFERED, Lists, resume_at

TABLES: Mapping[Entity, tuple[str, ...]] = {
    Entity.SCHOOL: ("schools",),
    Entity.TERM: ("terms",),
    Entity.STAFF: ("users", "schoolstaff"),
    Entity.STUDENT: ("students", "studentcorefields"),
    Entity.COURSE: ("courses",),
    Entity.SECTION: ("sections",),
    Entity.ENROLLMENT: ("cc",),
}
"""The tables behind each entity; ids of an extension table are those of the rows it extends."""

AT_ONCE = 50
"""So many records that are read one by one make a page."""

_REFUSALS = (*NOT_OFFERED, "bad_request", "gone", "too_large")


@dataclass(frozen=True, slots=True)
class Changed:
    """The answer of the subscription: the next version, and the ids by table."""

    version: int
    tables: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Single:
    """How one record of an entity is read: its resource, its parameters, and the decoder of its list."""

    name: str
    decoder: PageDecoder
    params: Mapping[str, str]


class Changes:
    """The subscription of one application."""

    def __init__(self, lists: Lists, application: str, *, at_most: int) -> None:
        self._lists = lists
        self._application = application
        self._at_most = at_most

    async def prepare(
        self,
        entity: Entity,
        cursor: str | None,
        at: dict[str, Any],
        *,
        more_tables: tuple[str, ...] = (),
        by_query: bool = False,
    ) -> None:
        """Write into a resume position what to read: ``ids`` or all, the next cursor (``mark``) and a ``note``.

        ``by_query`` says that a PowerQuery gives the changed rows ``since`` the version, however many they are.
        """
        since = self._version_in(cursor)
        changed = None if since is None else await self._asked(since)
        if since is not None and (changed is None or changed.version < since):
            at["note"] = "PowerSchool does not know the last data version any more: the whole list is read."
            changed = None
        if changed is None:
            current = await self._asked(0, keep_s=KEEP_S)
            if current is None:
                at["note"] = (
                    f"PowerSchool tells no data version for {self._application}: whole lists are read. Let the "
                    "plugin subscribe to it, or set data_version to false."
                )
            else:
                at["mark"] = self._cursor(current.version)
            return
        at["mark"] = self._cursor(changed.version)
        names = {name.lower() for name in (*TABLES[entity], *more_tables)}
        found = {one for table, ids in changed.tables.items() if table in names for one in ids}
        if entity is Entity.STAFF and found:
            return  # changed persons are told by another id than the lists of schools have
        if by_query:
            at["since"] = str(since)
        if len(found) <= self._at_most:
            at["ids"] = sorted(found)
        elif not by_query:
            at["note"] = f"{len(found)} records changed, more than changed_at_most: the whole list is read."

    def arguments(self, at: Mapping[str, Any]) -> dict[str, str]:
        """What a PowerQuery must be given to send changed rows only; both arguments or none."""
        if "since" not in at:
            return {}
        return {"$dataversion": str(at["since"]), "$dataversion_applicationname": self._application}

    def _cursor(self, version: int) -> str:
        return json.dumps({"app": self._application, "version": str(version)}, separators=(",", ":"))

    def _version_in(self, cursor: str | None) -> int | None:
        """The version that a cursor of this application holds; another's, or none of ours, is as good as none."""
        try:
            told = as_map(json.loads(cursor or ""))
        except (ValueError, RecursionError):
            return None
        version = _number(told.get("version"))
        return version if told.get("app") == self._application else None

    async def _asked(self, version: int, *, keep_s: float = 0.0) -> Changed | None:
        """What the subscription says; None where the server refuses, or says something else."""
        path = f"ws/dataversion/{self._application}/{version}"
        try:
            answer = await self._lists.api.get(path, keep_s=keep_s)
        except ProviderError as error:
            if error.code in _REFUSALS:
                return None
            raise
        body = as_map(parse(answer.body, f"GET {path}"))
        current = _number(body.get("$dataversion"))
        if current is None:
            return None
        tables = as_map(body.get("tables")).items()
        try:
            told = {name.lower(): tuple(as_id(one, "id") for one in as_list(ids)) for name, ids in tables}
        except RecordError:
            return None
        return Changed(current, told)

    async def pages(self, one: Single, at: dict[str, Any]) -> AsyncIterator[Page]:
        """The records in ``at["ids"]``, each asked for by itself."""
        ids = [str(one) for one in at["ids"]]
        if not ids:
            yield Page([], None, total=0)
        for start in range(0, len(ids), AT_ONCE):
            left = ids[start + AT_ONCE :]
            page = await self._some(one, ids[start : start + AT_ONCE])
            yield replace(page, resume=resume_at(at, ids=left) if left else None)

    async def one(self, one: Single, external_id: str) -> Page:
        """One record; an empty page where it is gone. A bad one is rejected under the id that was asked for."""
        page = replace(await self._some(one, [external_id]), note="")
        rejected = [replace(bad, external_id=bad.external_id or external_id) for bad in page.rejected]
        if any(told.external_id != external_id for told in (*page.records, *rejected)):
            raise ProviderError(
                f"GET ws/v1/{one.name}/... answered with another record than was asked for. Report it to the vendor.",
                code="unexpected_answer",
            )
        return replace(page, rejected=rejected)

    async def _some(self, one: Single, ids: list[str]) -> Page:
        rows: list[Any] = []
        gone = 0
        for external_id in ids:
            row = await self._lists.row(one.name, external_id, one.params)
            gone += row is None
            rows += [] if row is None else [row]
        body = {wire.plural_of(one.name): {one.name: rows}}
        decoded = one.decoder.read(
            Answer(200, {}, json.dumps(body).encode(), ""), f"GET ws/v1/{one.name}/..."
        )
        records = list(decoded.records)
        if one.name == "section":
            records = await self._lists.with_persons(records, {})
        rejected: list[Rejected] = list(decoded.rejected)
        note = f"{gone} changed records are no longer there: nothing is done to them." if gone else ""
        return Page(records, None, rejected, note=note)


def _number(value: Any) -> int | None:
    """A version is text in practice and a whole number in the reference."""
    text = str(value) if type(value) in (int, str) else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
