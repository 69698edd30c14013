"""The schedules and windows of a configuration."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from siscon.config.kinds import Number, Section, wrong
from siscon.domain import blackouts, schedules
from siscon.domain.blackouts import Blackout, Due, UnderWay
from siscon.domain.errors import UsageError
from siscon.domain.mappings import INTEGRATION_NAME
from siscon.domain.records import Entity
from siscon.domain.timetables import Busy, Missed, Schedule, Starts

DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


def checked_line(line: str) -> str:
    """A cron line without the blanks around it; raises a complaint that says what is wrong with it."""
    try:
        if line.strip():
            schedules.parse(line)
    except UsageError as error:
        raise wrong(error.sentence) from error
    return line.strip()


def checked_zone(name: str) -> str:
    """The name of a time zone; raises a complaint where there is none of that name."""
    if name and name not in available_timezones():
        raise wrong(f"'{name[:60]}' is no time zone: write UTC or one such as America/Chicago")
    return name


def _checked_name(name: str) -> str:
    if not INTEGRATION_NAME.match(name):
        raise wrong("a name is a small letter, then small letters, digits or _, at most 31 together")
    return name


def _split(value: object) -> object:
    return [one.strip() for one in value.split(",") if one.strip()] if isinstance(value, str) else value


def _checked_days(days: tuple[str, ...]) -> tuple[str, ...]:
    for day in days:
        if day.lower()[:3] not in DAYS:
            raise wrong(f"'{day[:20]}' is no day: write {', '.join(DAYS)}")
    return days


Name = Annotated[str, AfterValidator(_checked_name)]
Zone = Annotated[str, AfterValidator(checked_zone)]
Entities = Annotated[tuple[Entity, ...], BeforeValidator(_split)]


class ScheduleSettings(Section):
    name: Name = Field(description="what it is called on screens, in the history and in commands")
    cron: Annotated[str, AfterValidator(checked_line)] = Field(
        min_length=1, description="when: five cron fields, or @daily and the like"
    )
    kind: Starts = Field(
        Starts.CHANGES, description="changes: an import as the integration is set; full: compare everything"
    )
    entities: Entities = Field((), description="what it imports; empty: all that the integration does")
    time_zone: Zone = Field("", description="the zone of its times; empty: the one of the configuration")
    jitter_s: Number = Field(
        0,
        ge=0,
        le=86_400,
        description="a run starts up to so many seconds later, never half the way to the next",
    )
    missed: Missed = Field(
        Missed.ONCE, description="times that passed while no engine ran: skip them, run once, or run each"
    )
    busy: Busy = Field(
        Busy.WAIT, description="a time at which a run is under way: its run waits for its turn, or is skipped"
    )
    enabled: bool = Field(True, description="false: kept, but it starts nothing")

    def schedule(self, zone: str) -> Schedule:
        """As the engine knows it; ``zone`` is that of the configuration."""
        return Schedule(
            name=self.name,
            line=self.cron,
            zone=self.time_zone or zone,
            starts=self.kind,
            entities=tuple(entity for entity in Entity if entity in self.entities),
            jitter_s=self.jitter_s,
            missed=self.missed,
            busy=self.busy,
            enabled=self.enabled,
        )


class BlackoutSettings(Section):
    name: Name = Field(description="what it is called on screens and in events")
    begins: str = Field(description="a moment, '2027-07-01 18:00' or a date; or a time of day, '07:00'")
    ends: str = Field(description="when it is over, of the same kind; a date is that whole day")
    days: Annotated[tuple[str, ...], BeforeValidator(_split), AfterValidator(_checked_days)] = Field(
        (), description="of a time of day: the days on which it begins, such as [mon, tue]; empty: every day"
    )
    time_zone: Zone = Field("", description="the zone of its times; empty: the one of the configuration")
    due: Due = Field(
        Due.LATER, description="what was due inside: starts at the end (later), or not at all (skip)"
    )
    under_way: UnderWay = Field(
        UnderWay.FINISH,
        description="a scheduled run under way at the beginning: finish it, or pause it till the end",
    )
    remind_h: Number = Field(
        24, ge=0, le=720, description="so many hours before it begins and ends people are reminded; 0: never"
    )

    @field_validator("begins", "ends", mode="before")
    @classmethod
    def _as_text(cls, value: object) -> object:
        if not isinstance(value, str):
            raise wrong("must be text: put the time or the date in quotes")
        return value

    @model_validator(mode="after")
    def _both_alike(self) -> BlackoutSettings:
        if self._is_moment(self.begins) is not self._is_moment(self.ends):
            raise wrong("begins and ends must both be moments, or both times of day")
        if self._is_moment(self.begins):
            if self.days:
                raise wrong("days are for times of day: a moment has its day")
            begin, _ = blackouts.moment_of(self.begins)
            end, whole_day = blackouts.moment_of(self.ends)
            if end < begin or (end == begin and not whole_day):
                raise wrong("ends before it begins")
        elif blackouts.time_of(self.begins) == blackouts.time_of(self.ends) and not self.days:
            raise wrong("lasts all day, every day: set enabled of the schedules to false instead")
        return self

    @staticmethod
    def _is_moment(text: str) -> bool:
        for read in (blackouts.time_of, blackouts.moment_of):
            try:
                read(text)
            except ValueError:
                continue
            return read is blackouts.moment_of
        raise wrong(f"'{text[:30]}' is no time: write '07:00', '2027-07-01' or '2027-07-01 18:00'")

    def blackout(self, zone: str, integration: str) -> Blackout:
        """As the engine knows it; ``zone`` is that of the configuration."""
        return Blackout(
            name=self.name,
            zone=self.time_zone or zone,
            begins=self.begins,
            ends=self.ends,
            days=tuple(sorted(DAYS.index(day.lower()[:3]) for day in self.days)),
            due=self.due,
            under_way=self.under_way,
            integration=integration,
            remind_h=self.remind_h,
        )
