"""Whatever happens in whatever order: told once for each cause and change, once of its end, and nothing is lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from siscon.domain.notices import Cause, CauseState, NoticeLevel, Rule, Sighting, Trouble, over, seen
from siscon.domain.quiet import Window
from siscon.domain.telling import End, Manner, Proof, fold, tellings

HOUR_MS = 3_600_000
KEY = "sync:harbor"
ALL_DAY = tuple(range(7))
NIGHT = Window("22:00", "06:00", ALL_DAY)


def fails(at_ms: int, kind: str = "network", **more: object) -> Sighting:
    return Sighting(Trouble.FAILING, at_ms, f"run failed ({kind})", "harbor", kind=kind, **more)  # type: ignore[arg-type]


def works(at_ms: int) -> End:
    return End(KEY, at_ms)


@dataclass
class House:
    """Causes on disk, and what people were told. ``crash``: a step that is not committed happens once more."""

    manner: Manner
    rows: dict[int, Cause] = field(default_factory=dict)
    told: list[Cause] = field(default_factory=list)

    def step(self, facts: Sequence[Sighting | End], now_ms: int, *, crashes: int = 0) -> None:
        for _ in range(crashes + 1):
            rows, told = dict(self.rows), list(self.told)
            open_ = {one.key: one for one in rows.values() if one.state is not CauseState.CLOSED}
            for key, cause in fold(open_, facts, self.manner).items():
                kept = replace(cause, id=cause.id or len(rows) + 1)
                rows[kept.id] = open_[key] = kept
            for one in tellings(open_.values(), self.manner, gathering={}, now_ms=now_ms):
                rows[one.before.id] = one.after
                told.append(one.before)
        self.rows, self.told = rows, told
        keys = [one.key for one in rows.values() if one.state is not CauseState.CLOSED]
        assert len(keys) == len(set(keys)), "one open row for each cause"


def manner(**more: object) -> Manner:
    return Manner(("ops",), UTC, **more)  # type: ignore[arg-type]


facts = st.one_of(
    st.builds(
        lambda kind, wait: ("fails", kind, wait),
        st.sampled_from(["network", "answer", "database"]),
        st.sampled_from([0, HOUR_MS]),
    ),
    st.just(("works", "", 0)),
    st.just(("answers", "", 0)),
    st.just(("login", "", 0)),
    st.just(("nothing", "", 0)),
)
steps = st.lists(
    st.tuples(st.lists(facts, max_size=3), st.integers(0, 3 * HOUR_MS), st.integers(0, 2)), max_size=40
)


def made(one: tuple[str, str, int], at_ms: int) -> list[Sighting | End]:
    name, kind, wait_ms = one
    match name:
        case "fails":
            return [fails(at_ms, kind, wait_ms=wait_ms, times=0 if wait_ms else 1)]
        case "works":
            return [works(at_ms)]
        case "answers":
            return [End(KEY, at_ms, Proof.ANSWERS)]
        case "login":
            return [Sighting(Trouble.LOGIN, at_ms, "the login ended", "harbor", times=0)]
        case _:
            return []


@settings(max_examples=60)
@given(steps, st.booleans(), st.sampled_from([0, 3]))
def test_each_cause_and_each_change_is_told_once_and_each_end_once(script, quiet: bool, repeated: int):
    house = House(manner(windows=(NIGHT,) if quiet else (), repeated=repeated))
    now_ms = 1_800_000_000_000
    for happened, pause_ms, crashes in script:
        now_ms += pause_ms
        house.step([fact for one in happened for fact in made(one, now_ms)], now_ms, crashes=crashes)
    now_ms += 48 * HOUR_MS
    house.step([works(now_ms)], now_ms)
    house.step([], now_ms + 12 * HOUR_MS)

    assert all(one.state is CauseState.CLOSED for one in house.rows.values()), "nothing is left untold"
    for id_ in {one.id for one in house.told}:
        told = [one for one in house.told if one.id == id_]
        states = [one.state for one in told]
        assert states[0] is CauseState.OPEN
        assert states[-1] is CauseState.RECOVERED, "every one that was told has its end"
        assert states.count(CauseState.RECOVERED) == states.count(CauseState.OPEN) == 1
        for before, after in pairwise(told[:-1]):
            news = set(after.classes) - set(before.classes) or after.level is not before.level
            assert after.state is CauseState.CHANGED
            assert news, "told again only of what is new"


@settings(max_examples=30)
@given(st.lists(st.integers(0, HOUR_MS), min_size=1, max_size=60))
def test_a_night_of_failures_is_one_notice_and_one_end(pauses: list[int]):
    house = House(manner())
    now_ms = 1_800_000_000_000
    for pause_ms in pauses:
        now_ms += pause_ms
        house.step([fails(now_ms)], now_ms)
    house.step([works(now_ms + 1)], now_ms + 1)

    assert [one.state for one in house.told] == [CauseState.OPEN, CauseState.RECOVERED]
    assert house.told[-1].count == len(pauses)


def at(hour: int) -> int:
    """A moment of 2026-11-26, UTC."""
    return 1_795_651_200_000 + hour * HOUR_MS


def test_quiet_hours_keep_back_what_is_not_urgent_until_they_end():
    house = House(manner(windows=(NIGHT,)))
    house.step([fails(at(23))], at(23))
    house.step([fails(at(24))], at(24))
    assert house.told == []
    house.step([], at(30))
    assert [one.state for one in house.told] == [CauseState.OPEN]


def test_what_began_and_ended_in_quiet_hours_is_told_by_the_digest_alone():
    house = House(manner(windows=(NIGHT,)))
    house.step([fails(at(23))], at(23))
    house.step([works(at(25))], at(25))
    house.step([], at(31))
    assert house.told == []
    assert [one.state for one in house.rows.values()] == [CauseState.CLOSED]


def test_what_is_urgent_passes_quiet_hours():
    house = House(manner(windows=(NIGHT,), urgent=(Trouble.FAILING,)))
    house.step([fails(at(23))], at(23))
    assert [one.level for one in house.told] == [NoticeLevel.URGENT]


def test_repeated_failures_raise_an_alarm_once_also_at_night():
    house = House(manner(windows=(NIGHT,), repeated=3))
    for hour in range(23, 29):
        house.step([fails(at(hour))], at(hour))
    assert [(one.count, one.level) for one in house.told] == [(3, NoticeLevel.URGENT)]


def test_a_system_that_does_not_answer_for_a_moment_is_told_to_nobody():
    house = House(manner())
    house.step([fails(at(9), wait_ms=HOUR_MS // 4, times=0)], at(9))
    house.step([End(KEY, at(9) + 60_000, Proof.ANSWERS)], at(9) + 60_000)
    house.step([], at(12))
    assert house.told == []


def test_a_system_that_answers_again_is_not_well_while_runs_have_failed():
    house = House(manner())
    house.step([fails(at(9), wait_ms=HOUR_MS // 4, times=0), fails(at(9))], at(9))
    house.step([End(KEY, at(10), Proof.ANSWERS)], at(10))
    assert len(house.told) == 1
    house.step([works(at(11))], at(11))
    assert [one.state for one in house.told] == [CauseState.OPEN, CauseState.RECOVERED]


def test_a_deadline_missed_day_after_day_is_told_when_the_days_double():
    house = House(manner())
    for day in range(1, 9):
        fact = Sighting(Trouble.STALE, at(24 * day), "stale", "harbor", what="06:30", total=day)
        house.step([fact], at(24 * day))
    assert [one.count for one in house.told] == [1, 2, 4, 8]


def test_rules_send_causes_where_they_belong_and_the_end_where_the_begin_went():
    rules = (
        Rule(("mail",), levels=(NoticeLevel.ERROR, NoticeLevel.URGENT)),
        Rule(("pager",), levels=(NoticeLevel.URGENT,)),
        Rule(("north",), integrations=("north",)),
    )
    told_to = Manner(("mail", "pager", "north"), UTC, rules=rules, repeated=2)
    causes: dict[str, Cause] = {}

    def step(*found: Sighting | End) -> list[tuple[str, ...]]:
        causes.update(fold(causes, found, told_to))
        told = tellings(causes.values(), told_to, gathering={}, now_ms=at(9))
        for one in told:
            causes[one.before.key] = one.after
        return [one.channels for one in told]

    assert step(fails(at(1))) == [("mail",)]
    assert step(fails(at(2))) == [("mail", "pager")]
    assert step(works(at(3))) == [("mail", "pager")]


def test_a_channel_is_never_told_about_itself():
    dead = seen(None, Sighting(Trouble.CHANNEL, at(9), "takes nothing", what="ops"))
    for channels, told_to in ((("ops",), []), (("ops", "chat"), [("chat",)])):
        found = tellings([dead], Manner(channels, UTC), gathering={}, now_ms=at(9))
        assert [one.channels for one in found] == told_to


def test_a_muted_cause_is_told_when_the_time_is_over_if_it_still_is():
    cause = replace(seen(None, fails(at(9))), muted_until_ms=at(11))
    assert tellings([cause], manner(), gathering={}, now_ms=at(10)) == []
    assert len(tellings([cause], manner(), gathering={}, now_ms=at(11))) == 1
    assert tellings([over(cause, at_ms=at(10))], manner(), gathering={}, now_ms=at(12)) == []


def test_a_channel_that_was_just_told_something_gathers():
    cause = seen(None, fails(at(9)))
    minute = manner(gather_ms=60_000)
    assert tellings([cause], minute, gathering={"ops": at(9) + 60_000}, now_ms=at(9)) == []
    assert len(tellings([cause], minute, gathering={"ops": at(9)}, now_ms=at(9))) == 1
    assert len(tellings([cause], minute, gathering={"ops": at(33)}, now_ms=at(9))) == 1, "a clock put back"
