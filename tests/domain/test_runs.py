"""Runs: moves, counts and ends."""

from __future__ import annotations

from siscon.domain.records import Entity
from siscon.domain.runs import ENDED, EXIT_CODES, MOVES, Counts, RunStatus, end_of, may_move


def test_every_state_has_its_moves_and_every_state_can_be_reached():
    assert set(MOVES) == set(RunStatus)
    assert {after for moves in MOVES.values() for after in moves} == set(RunStatus)


def test_what_ended_well_never_moves_again():
    for status in (RunStatus.COMPLETED, RunStatus.WITH_WARNINGS, RunStatus.WITH_ERRORS):
        assert not MOVES[status]


def test_a_running_run_cannot_simply_be_queued():
    assert not may_move(RunStatus.RUNNING, RunStatus.QUEUED)
    assert may_move(RunStatus.INTERRUPTED, RunStatus.QUEUED)


def test_every_end_but_failure_has_an_exit_code_of_its_own():
    assert ENDED - set(EXIT_CODES) == {RunStatus.FAILED}


def test_errors_come_before_warnings():
    clean, warned, failed = (
        Counts(Entity.STUDENT, fetched=1, created=1),
        Counts(Entity.STUDENT, fetched=1, created=1, warnings=1),
        Counts(Entity.STUDENT, fetched=1, failed=1),
    )

    assert end_of([clean]) is RunStatus.COMPLETED
    assert end_of([clean, warned]) is RunStatus.WITH_WARNINGS
    assert end_of([clean, warned, failed]) is RunStatus.WITH_ERRORS


def test_missing_records_are_no_part_of_what_was_fetched():
    assert Counts(Entity.STUDENT, fetched=3, created=1, unchanged=2, missing=7).reconciles
    assert not Counts(Entity.STUDENT, fetched=3, created=1).reconciles
