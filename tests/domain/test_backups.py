"""Which backups may go: never the newest, else those that are too many or too old."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from siscon.domain.backups import DAY_MS, made_at_ms, name_of, newest_first, superfluous

OWN, OTHER = "9f31c2aa", "00ff00ff"
MOMENTS = st.lists(
    st.integers(min_value=1_600_000_000, max_value=1_900_000_000), unique=True, min_size=1, max_size=30
)


@given(MOMENTS, st.integers(1, 20), st.integers(0, 400), st.integers(1_600_000_000, 1_900_000_000))
def test_the_newest_stays_and_no_more_stay_than_were_asked_for(
    seconds: list[int], keep: int, keep_days: int, now_s: int
) -> None:
    names = [name_of(OWN, one * 1000) for one in seconds]
    gone = superfluous(names, installation=OWN, keep=keep, keep_days=keep_days, now_ms=now_s * 1000)
    left = [one for one in newest_first(names) if one not in gone]

    so_far = [one for one in seconds if one <= now_s]
    assert name_of(OWN, max(so_far or seconds) * 1000) in left
    assert len(left) <= keep
    if keep_days:
        old = [one for one in left if (made_at_ms(one) or 0) < now_s * 1000 - keep_days * DAY_MS]
        assert len(old) <= 1
    else:
        assert len(left) == min(keep, len(names))


def test_what_a_clock_that_was_ahead_has_made_does_not_push_out_what_is_made_now() -> None:
    ahead = [name_of(OWN, 9_000_000_000 + day * DAY_MS) for day in range(3)]
    now = name_of(OWN, 1_000_000_000)

    assert superfluous([*ahead, now], installation=OWN, keep=3, keep_days=35, now_ms=1_000_000_500) == [
        ahead[0]
    ]


def test_many_copies_of_one_afternoon_push_out_no_week() -> None:
    week = [name_of(OWN, (10 + day) * DAY_MS) for day in range(7)]
    afternoon = [name_of(OWN, 16 * DAY_MS + minute * 60_000) for minute in range(1, 60)]

    gone = superfluous([*week, *afternoon], installation=OWN, keep=8, keep_days=35, now_ms=17 * DAY_MS)

    assert set(week[:6]) & set(gone) == set()
    assert afternoon[-1] not in gone
    assert afternoon[-2] not in gone
    assert len(gone) == 66 - 8


@given(st.integers(0, 4_000_000_000), st.integers(0, 20))
def test_a_name_tells_when_its_backup_was_made(seconds: int, number: int) -> None:
    assert made_at_ms(name_of(OWN, seconds * 1000, number)) == seconds * 1000


def test_what_another_installation_has_made_is_not_ours_to_let_go() -> None:
    theirs = [name_of(OTHER, day * DAY_MS) for day in range(9)]
    ours = [name_of(OWN, day * DAY_MS) for day in range(3)]

    gone = superfluous([*theirs, *ours], installation=OWN, keep=2, keep_days=1, now_ms=400 * DAY_MS)

    assert sorted(gone) == ours[:2]


def test_files_of_others_are_nobodys_backup() -> None:
    names = [
        "siscon.db",
        "notes.txt",
        "siscon-2026.db",
        "siscon-20261399T000000Z.db",
        "manifest-9f31c2aa.jsonl",
    ]

    assert newest_first(names) == []
    assert superfluous(names, installation=OWN, keep=1, keep_days=1, now_ms=1 << 50) == []


def test_one_of_before_there_were_several_installations_is_listed_and_never_let_go() -> None:
    old = ["siscon-20261127T000000Z.db", "siscon-20261127T000000Z-1.db"]

    assert newest_first(old) == old[::-1]
    assert newest_first(old, installation=OWN) == []
    assert superfluous(old, installation=OWN, keep=1, keep_days=1, now_ms=1 << 50) == []


def test_two_of_one_second_have_an_order() -> None:
    assert newest_first([name_of(OWN, 0), name_of(OWN, 0, 1), name_of(OWN, 0, 10)]) == [
        name_of(OWN, 0, 10),
        name_of(OWN, 0, 1),
        name_of(OWN, 0),
    ]
