"""Undoing: what the images of a run come to for one record, and whether it still is what that run made of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from siscon.domain.identity import IDS
from siscon.domain.plans import Verdict
from siscon.domain.records import FIELDS, Entity

Told = dict[str, Any]


def merge(
    verdict: Verdict | None,
    told: Mapping[str, Any],
    *,
    kind: str,
    internal_id: int,
    before: str | None,
    after: str,
    base: str | None,
    settled_by: int | None = None,
) -> tuple[Verdict, Told]:
    """Lay one more image of a run over what its earlier ones came to: the earliest before, the last after.

    ``verdict`` is None for the first; ``settled_by`` is the run, if it decided conflicts. What a run has created is to
    be taken out again, what it took out comes back.
    """
    was: Told = dict(told.get("was", {}))
    became = {**told.get("became", {}), **json.loads(after)}
    for name, value in json.loads(before or "{}").items():
        was.setdefault(name, value)
    result: Told = {**told, "internal_id": internal_id, "was": was, "became": became}
    if base is not None:
        result.setdefault("base", base)
    if settled_by is not None:
        result["settled_by"] = settled_by
    if verdict is not None:
        return verdict, result
    if kind == "removed":
        return Verdict.CREATE, result
    return (Verdict.REMOVE if before is None else Verdict.UPDATE), result


def judge(
    entity: Entity,
    verdict: Verdict,
    told: Mapping[str, Any],
    *,
    local: Mapping[str, Any] | None,
    version: int,
    is_tied: bool,
    external_id: str = "",
) -> tuple[Verdict, Told]:
    """What undoing does with a record that now is ``local`` (None: it is not here).

    A plan's words: field -> [now, what it becomes, None], and under ``undo`` what else belongs to it; ``since`` names
    the fields that changed after the run, and are left alone. ``ids`` are those of ``identity.IDS`` that go back; an id
    that leads to another record by now (``is_tied``) does not, and the record is left alone with it. ``withdraw`` is
    of a record whose id is to lead elsewhere once more, after all that refers to it.
    """
    undo: Told = {name: told[name] for name in ("internal_id", "base", "settled_by") if name in told}
    if verdict is Verdict.CREATE:
        if local is not None or is_tied:
            return Verdict.SKIP, {"undo": {**undo, "since": ["here again"]}}
        return verdict, {"undo": {**undo, "body": told["was"]}}
    if local is None:
        return Verdict.SKIP, {"undo": {**undo, "since": ["not here any more"]}}
    if verdict is Verdict.SKIP:
        return verdict, {"undo": {**undo, "since": told["since"]}}
    was, became = told["was"], told["became"]
    if verdict is Verdict.REMOVE:
        names = [rule.name for rule in FIELDS[entity]] if version > 1 else []
        since = [name for name in names if _value(local.get(name)) != _value(became.get(name))]
        return (Verdict.SKIP if since else verdict), {"undo": {**undo, **({"since": since} if since else {})}}
    ids = {name: [became.get(name), was[name]] for name in IDS if name in was}
    comes_back = "external_id" in ids and ids["external_id"][1] == external_id
    if comes_back and is_tied:
        return Verdict.SKIP, {"undo": {**undo, "since": ["external_id"]}}
    since = [name for name in was if name not in ids and _value(local.get(name)) != _value(became.get(name))]
    fields = {
        name: [local.get(name), value, None]
        for name, value in was.items()
        if name not in since and name not in ids
    }
    if since:
        undo["since"] = since
        undo.pop("base", None)
    if ids:
        undo["ids"] = ids
        if "base" in told:
            undo["base"] = told["base"]
    if "external_id" in ids and not comes_back:
        return Verdict.WITHDRAW, {**fields, "undo": undo}
    has_something = bool(fields) or "base" in undo or bool(ids)
    return (Verdict.UPDATE if has_something else Verdict.SKIP), {**fields, "undo": undo}


def _value(value: Any) -> Any:
    return (tuple(value) if isinstance(value, list) else value) or None
