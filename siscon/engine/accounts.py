"""People get user names and e-mail addresses: newcomers of an import with their record, others by an act."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from siscon.domain.accounts import LONGEST_LOCAL_PART, USERNAME, AccountRule, candidates, stem_of, told_of
from siscon.domain.records import Entity
from siscon.engine.letters import to_ascii
from siscon.store import accounts
from siscon.store.accounts import Person
from siscon.store.database import Connection, Database

MORE = 4
"""One name is looked at for each person; so many times more each time when all of them are taken."""


@dataclass(frozen=True, slots=True)
class Accounts:
    """How people are named, by entity, and the names that runs under way bring from an SIS, read once a run."""

    rules: Mapping[Entity, AccountRule] = field(default_factory=dict)
    coming: dict[str, set[str]] = field(default_factory=dict)

    def of(self, entity: Entity) -> AccountRule | None:
        """The rule for people of a kind, if they are given anything."""
        rule = self.rules.get(entity)
        return rule if rule is not None and rule.fields else None


async def name_newcomers(
    c: Connection, given: Accounts, integration: str, run_id: int, entity: Entity, *, after: str, upto: str
) -> str:
    """Decide the names of the new people of a stretch and write them into the plan; what was decided, a line each."""
    rule = given.of(entity)
    assert rule is not None, "only where a rule is configured"
    people = await accounts.newcomers(c, integration, run_id, entity, after=after, upto=upto)
    names = await choose(c, rule, people, reserved=await names_coming(c, given))
    await accounts.name_newcomers(
        c, run_id, entity, {one.external_id: told for one, told in zip(people, names, strict=True) if told}
    )
    return "".join(
        f"\n{one.external_id} {name} {value}"
        for one, told in zip(people, names, strict=True)
        for name, value in told.items()
    )


async def names_coming(c: Connection, given: Accounts) -> Mapping[str, Collection[str]]:
    """The names, by field, that a run under way is about to bring: they are left to whom the SIS gave them."""
    if not given.coming:
        given.coming.update({one: await accounts.coming(c, one) for one in accounts.KINDS})
    return given.coming


async def choose(
    c: Connection,
    rule: AccountRule,
    people: Sequence[Person],
    *,
    reserved: Mapping[str, Collection[str]] | None = None,
) -> list[dict[str, str]]:
    """For each person the fields that are lacking, with names that are nobody else's; nothing is written.

    Who was given a name before gets the same again. ``reserved`` are further names that are taken, by field.
    """
    before = await accounts.of_records(c, [one.internal_id for one in people if one.internal_id is not None])
    chosen: list[dict[str, str]] = [{} for _ in people]
    for name in rule.fields:
        template = rule.username if name == USERNAME else rule.email
        behind, longest = ("", rule.longest) if name == USERNAME else (f"@{rule.domain}", LONGEST_LOCAL_PART)
        wanting = [at for at, one in enumerate(people) if not one.fields.get(name)]
        taken = {str(one.fields[name]).lower() for one in people if one.fields.get(name)}
        taken |= set((reserved or {}).get(name, ()))
        for at, again in (await _given_before(c, name, people, wanting, before, taken)).items():
            chosen[at][name] = again
        stems = {
            at: stem_of(
                template,
                _told(people[at], chosen[at]),
                longest=longest,
                to_ascii=to_ascii,
            )
            for at in wanting
            if name not in chosen[at]
        }
        for at, free in (await _free(c, name, stems, taken, longest=longest, behind=behind)).items():
            chosen[at][name] = free
    return chosen


def _told(person: Person, chosen: Mapping[str, str]) -> dict[str, str | None]:
    fields: dict[str, Any] = {**person.fields, **chosen}
    return told_of(fields, school=person.school)


async def _given_before(
    c: Connection,
    name: str,
    people: Sequence[Person],
    wanting: Sequence[int],
    before: Mapping[int, Sequence[str]],
    taken: set[str],
) -> dict[int, str]:
    """Who had a name once gets it back, unless somebody bears it by now."""
    had: dict[int, str] = {}
    for at in wanting:
        mine = [
            one for one in before.get(people[at].internal_id or 0, ()) if ("@" in one) == (name != USERNAME)
        ]
        if mine:
            had[at] = mine[-1]
    borne = await accounts.standing(c, name, had.values()) if had else set()
    back = {at: one for at, one in had.items() if one not in borne and one not in taken}
    taken.update(back.values())
    return back


async def _free(
    c: Connection, name: str, stems: Mapping[int, str], taken: set[str], *, longest: int, behind: str
) -> dict[int, str]:
    """The next free name for each of these, in their order: whoever comes first has no number."""
    series = {stem: candidates(stem, longest=longest, behind=behind) for stem in stems.values()}
    ahead: dict[str, Iterator[str]] = {stem: iter(()) for stem in series}
    found: dict[int, str] = {}
    left, reach = list(stems), 1
    while left:
        wanted = Counter(stems[at] for at in left)
        fresh = {stem: list(islice(series[stem], count * reach)) for stem, count in wanted.items()}
        taken |= await accounts.taken(c, name, {one for ones in fresh.values() for one in ones})
        ahead.update({stem: iter(ones) for stem, ones in fresh.items()})
        still = []
        for at in left:
            free = next((one for one in ahead[stems[at]] if one not in taken), None)
            if free is None:
                still.append(at)
            else:
                found[at] = free
                taken.add(free)
        left, reach = still, reach * MORE
    return found


@dataclass(frozen=True, slots=True)
class Preview:
    """How many people of a kind lack something, and what the first of them would get."""

    entity: Entity
    lacking: int
    examples: list[tuple[Person, dict[str, str]]]


async def preview(db: Database, given: Accounts, integration: str, *, examples: int) -> list[Preview]:
    """What giving names to everybody without would come to; nothing is written."""
    found = []
    async with db.read() as c:
        for entity in accounts.PEOPLE:
            rule = given.of(entity)
            if rule is None:
                continue
            count = await accounts.count_lacking(c, integration, entity, rule.fields)
            people = await accounts.lacking(c, integration, entity, rule.fields, after_id=0, limit=examples)
            names = await choose(c, rule, people, reserved=await names_coming(c, given))
            found.append(Preview(entity, count, list(zip(people, names, strict=True))))
    return found
