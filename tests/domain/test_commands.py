"""What is written down of commands."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import get_args

import pytest

from siscon.domain.audited import for_audit
from siscon.domain.command_shapes import FITS
from siscon.domain.commands import (
    ApprovePlan,
    Command,
    EditRecord,
    MendDead,
    SettleConflict,
    SettleConflicts,
    WithdrawRecords,
    from_plain,
    to_plain,
)

COMMANDS: list[Command] = [
    SettleConflict(7, {"last_name": "=Quill", "email": "sis"}, "f", 3, "asked"),
    SettleConflicts(
        "harbor", {"field": "email", "sis": "kim@Quill", "entity": "student"}, "sis", 4, 9, "why"
    ),
    EditRecord("harbor", "student", "u1", {"last_name": "Quill"}, "why"),
    WithdrawRecords("harbor", "student", (), {"last_name": "Quill"}, 2, "why"),
    MendDead(3, {"name.family": "Quill"}, "digest", "why"),
    ApprovePlan(3, "why", ("student",)),
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda one: one.kind)
def test_a_command_comes_back_from_the_table_as_it_was_left(command: Command) -> None:
    assert from_plain(command.kind, json.loads(json.dumps(to_plain(command)))) == command


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("pause_integration", "[]"),
        ("pause_integration", '"x"'),
        ("pause_integration", '{"integration": {"a": 1}}'),
        (
            "edit_record",
            '{"integration": "a", "entity": "b", "external_id": "c", "fields": null, "reason": ""}',
        ),
        (
            "edit_record",
            '{"integration": "a", "entity": "b", "external_id": "c", "fields": ["status"], "reason": ""}',
        ),
        (
            "settle_conflict",
            '{"conflict_id": 1, "choices": {"a": 7}, "sis_fingerprint": "", "local_version": 1}',
        ),
        ("run_chore", '{"chore": ["retention"]}'),
        ("cancel_run", '{"run_id": 9223372036854775808}'),
        ("cancel_run", '{"run_id": true}'),
        ("cancel_run", '{"run_id": 1e400}'),
        ("pause_integration", '{"integration": "\\ud800"}'),
    ],
)
def test_what_no_command_holds_is_none(kind: str, body: str) -> None:
    with pytest.raises(TypeError):
        from_plain(kind, json.loads(body))


def test_every_field_of_every_command_has_a_shape() -> None:
    assert {one.type for kind in get_args(Command) for one in fields(kind)} <= FITS.keys()


@pytest.mark.parametrize("command", COMMANDS, ids=lambda one: one.kind)
def test_the_audit_names_fields_and_never_a_pupils_value(command: Command) -> None:
    told = json.dumps(for_audit(command))

    assert "Quill" not in told
    assert "why" in told or "asked" in told


def test_the_audit_says_which_side_won_and_which_pattern_was_meant() -> None:
    assert for_audit(COMMANDS[0])["choices"] == {"last_name": "a value", "email": "sis"}
    assert for_audit(COMMANDS[1])["where"] == {"field": "email", "sis": "a value", "entity": "student"}
    assert for_audit(COMMANDS[2])["fields"] == ["last_name"]
