"""How fast a run went: minutes without a request are minutes, and phases end where the next begins."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from siscon.domain.paces import Minute, Pace, lasted
from siscon.domain.runs import Phase


def test_minutes_without_requests_are_none_and_not_left_out() -> None:
    pace = Pace((Minute(10, 88, failed=2), Minute(13, 90, throttled=1)))

    assert pace.requests == [88, 0, 0, 90]
    assert (pace.sent, pace.failed, pace.throttled) == (178, 2, 1)
    assert Pace().requests == []


def test_a_phase_lasts_until_the_next_one_began() -> None:
    phases = {Phase.FETCH: 1_000, Phase.PLAN: 61_000, Phase.APPLY: 70_000}

    assert lasted(phases, 100_000) == {Phase.FETCH: 60_000, Phase.PLAN: 9_000, Phase.APPLY: 30_000}
    assert lasted({Phase.APPLY: 5}, 1) == {Phase.APPLY: 0}
    assert lasted({}, 1) == {}


@given(st.dictionaries(st.sampled_from(Phase), st.integers(0, 10**13)), st.integers(0, 10**13))
def test_no_phase_lasts_less_than_nothing(phases: dict[Phase, int], ended_ms: int) -> None:
    assert all(ms >= 0 for ms in lasted(phases, ended_ms).values())
