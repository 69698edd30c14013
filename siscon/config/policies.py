"""The policies of a configuration: limits, who wins, what becomes of the absent, how people are named."""

from __future__ import annotations

from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field, model_validator

from siscon.config.kinds import Number, Section, Share, wrong
from siscon.domain.absence import AbsenceRules, Drops
from siscon.domain.accounts import LONGEST_LOCAL_PART, OF_PEOPLE, SHORTEST, AccountRule, parse, parse_email
from siscon.domain.conflicts import Policy, Strategy
from siscon.domain.errors import UsageError
from siscon.domain.guards import GuardLimits
from siscon.domain.records import FIELDS, Entity

_T = TypeVar("_T")


class GuardOverrides(Section):
    updated_share: Share | None = None
    created_share: Share | None = None
    missing_share: Share | None = None
    dead_share: Share | None = None
    school_share: Share | None = None
    section_emptied: bool | None = None
    at_least: Number | None = Field(None, ge=0, le=1_000_000)


class GuardSettings(Section):
    updated_share: Share = Field(0.75, description="a plan that updates more than this share is held")
    created_share: Share = Field(0.50, description="a plan that creates more than this share is held")
    missing_share: Share = Field(0.10, description="a plan in which more than this share is missing is held")
    dead_share: Share = Field(0.50, description="a plan in which more than this share is unusable is held")
    school_share: Share = Field(0.25, description="the same for the missing of a single school")
    section_emptied: bool = Field(True, description="a plan that empties a section that stays is held")
    at_least: Number = Field(5, ge=0, le=1_000_000, description="no share counts below this many records")
    entities: dict[Entity, GuardOverrides] = Field({}, description="other limits by entity")

    @property
    def limits(self) -> GuardLimits:
        told = self.model_dump(exclude={"entities"})
        others = {entity: one.model_dump(exclude_none=True) for entity, one in self.entities.items()}
        return GuardLimits(**told, entities=others)


_KNOWN_FIELDS = {f"{entity}.{rule.name}": rule for entity, rules in FIELDS.items() for rule in rules}


def _known_field(name: str) -> str:
    if name not in _KNOWN_FIELDS:
        raise wrong(f"'{name}' is no field of a record: write entity.field, such as student.email")
    return name


FieldName = Annotated[str, AfterValidator(_known_field)]
"""A field of an entity, such as ``student.email``."""


class ConflictSettings(Section):
    default: Strategy = Field(Strategy.SIS_WINS, description="who wins when both sides changed a field")
    entities: dict[Entity, Strategy] = Field(
        {}, description="other strategies by entity, such as staff: manual"
    )
    fields: dict[FieldName, Strategy] = Field(
        {}, description="other strategies by field, such as student.email: manual"
    )
    local_owns: tuple[FieldName, ...] = Field(
        (), description="fields that no import ever touches, such as student.email"
    )
    sis_owns: tuple[FieldName, ...] = Field(
        (), description="fields that are always as the SIS has them, such as student.last_name"
    )

    @model_validator(mode="after")
    def _one_owner(self) -> ConflictSettings:
        for name in self.local_owns:
            if name in self.sis_owns:
                raise wrong(f"'{name}' stands in local_owns and in sis_owns: a field has one owner")
            if _KNOWN_FIELDS[name].required:
                raise wrong(f"'{name}' cannot be local_owns: no record can be made without it")
        return self

    @property
    def policies(self) -> dict[Entity, Policy]:
        """Who decides over the fields of each entity."""
        return {
            entity: Policy(
                default=self.entities.get(entity, self.default),
                strategies=_of_entity(entity, self.fields),
                ours=frozenset(_of_entity(entity, dict.fromkeys(self.local_owns))),
                theirs=frozenset(_of_entity(entity, dict.fromkeys(self.sis_owns))),
            )
            for entity in Entity
        }


def _of_entity(entity: Entity, told: dict[str, _T]) -> dict[str, _T]:
    head = f"{entity}."
    return {name.removeprefix(head): value for name, value in told.items() if name.startswith(head)}


class AbsenceSettings(Section):
    drops: Drops = Field(
        Drops.WITHDRAW,
        description="what becomes of a record that complete lists no longer hold: mark, skip or withdraw",
    )
    after_runs: Number = Field(
        2,
        ge=1,
        le=100,
        description="so many complete lists in a row must lack a record before it is withdrawn",
    )
    grace_days: Number = Field(
        0, ge=0, le=3650, description="days that a record stays missing before it is withdrawn"
    )
    entities: dict[Entity, Drops] = Field({}, description="other rules by entity, such as course: mark")

    @property
    def rules(self) -> AbsenceRules:
        return AbsenceRules(**self.model_dump())


def _username_of(entity: Entity, text: str) -> str:
    try:
        if text:
            parse(text, OF_PEOPLE[entity])
    except UsageError as error:
        raise wrong(error.sentence) from error
    return text


def _email_of(entity: Entity, text: str) -> str:
    try:
        if text:
            parse_email(text, OF_PEOPLE[entity])
    except UsageError as error:
        raise wrong(error.sentence) from error
    return text


Longest = Annotated[Number, Field(ge=SHORTEST, le=LONGEST_LOCAL_PART)]
_LONGEST = "user names are cut to so many signs, their number included"


class StudentAccounts(Section):
    username: Annotated[str, AfterValidator(lambda text: _username_of(Entity.STUDENT, text))] = Field(
        "", description="such as '{first:1}{last}{birth_year}'; empty: students get no user names"
    )
    email: Annotated[str, AfterValidator(lambda text: _email_of(Entity.STUDENT, text))] = Field(
        "", description="such as '{username}@students.example.org'; empty: students get no e-mail addresses"
    )
    longest: Longest = Field(20, description=_LONGEST)


class StaffAccounts(Section):
    username: Annotated[str, AfterValidator(lambda text: _username_of(Entity.STAFF, text))] = Field(
        "", description="such as '{first}.{last}'; empty: staff get no user names"
    )
    email: Annotated[str, AfterValidator(lambda text: _email_of(Entity.STAFF, text))] = Field(
        "", description="such as '{username}@example.org'; empty: staff get no e-mail addresses"
    )
    longest: Longest = Field(20, description=_LONGEST)


class AccountSettings(Section):
    student: StudentAccounts = Field(StudentAccounts(), description="what students without are given")
    staff: StaffAccounts = Field(StaffAccounts(), description="what staff without are given")

    @property
    def rules(self) -> dict[Entity, AccountRule]:
        """How people are named, for those kinds of which anybody is given anything."""
        told = {
            entity: _account_rule(entity, one)
            for entity, one in ((Entity.STUDENT, self.student), (Entity.STAFF, self.staff))
        }
        return {entity: rule for entity, rule in told.items() if rule.fields}


def _account_rule(entity: Entity, told: StudentAccounts | StaffAccounts) -> AccountRule:
    known = OF_PEOPLE[entity]
    email, domain = parse_email(told.email, known) if told.email else ((), "")
    return AccountRule(parse(told.username, known) if told.username else (), email, domain, told.longest)
