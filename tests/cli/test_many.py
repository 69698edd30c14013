"""What concerns many rows on the command line: chosen by a filter, fetched by several ids; and the word for a plan."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from siscon.cli import commands
from siscon.domain.commands import FetchRecords
from siscon.store import commands as inbox
from siscon.store.sqlite import open_database
from support.console_data import fill

CONFIG = """
home: here
profile: {name: district-9, production: true}
integrations:
  harbor:
    provider: powerschool
    base_url: http://127.0.0.1:9
    client_id: abc
    client_secret: ${HARBOR_SECRET:-canary}
"""
Ran = Callable[..., tuple[int, str, str]]


@pytest.fixture
def ran(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Ran:
    """Commands over a filled database in which no engine lives."""
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG, encoding="utf-8")
    (tmp_path / "here").mkdir(mode=0o700)

    async def filled() -> None:
        db = await open_database(tmp_path / "here" / "siscon.db")
        try:
            await fill(db, engine=False)
            async with db.transaction() as c:
                await c.run("DELETE FROM tokens")  # sealed with no key that there is
        finally:
            await db.close()

    asyncio.run(filled())

    def run(*arguments: str) -> tuple[int, str, str]:
        code = commands.run([*arguments, "--config", str(config)])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


def rows(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def in_error(ran: Ran, where: str = "") -> list[int]:
    return [one["id"] for one in rows(ran("errors", "list", "--where", where, "--json")[1])]


def test_exactly_what_the_list_shows_for_a_filter_is_given_up(ran: Ran) -> None:
    where = "integration=harbor cause=bad_date !id=S-104-77-1*"
    meant, all_there = in_error(ran, where), in_error(ran)
    assert 0 < len(meant) < len(all_there)

    code, out, err = ran(
        "errors", "discard", "harbor", "--where", where, "--reason", "gone", "--yes", "--json"
    )
    assert (code, rows(out)) == (0, [{"integration": "harbor", "discarded": len(meant)}])
    assert f"{len(meant)} records in error of harbor would be given up" in err
    assert set(in_error(ran)) == set(all_there) - set(meant)

    (row,) = rows(ran("requests", "list", "--json")[1])
    assert row["asked"]["where"]["filter"] == ["integration", "cause", "id"]
    assert "bad_date" not in ran("audit", "list", "--json")[1]


def test_a_filter_narrows_a_pattern_and_goes_not_with_numbers(ran: Ran) -> None:
    number = len(in_error(ran, "integration=harbor entity=student"))
    code, out, _ = ran("errors", "retry", "harbor", "--entity", "student", "--where", "attempts>=1", "--yes")
    assert (code, out) == (0, "")
    (row,) = rows(ran("requests", "list", "--json")[1])
    assert (row["asked"]["expected"], row["asked"]["where"]["entity"]) == (number, "student")

    for arguments, said in (
        (("harbor", "1", "--where", "attempts>=1"), "Say which"),
        (("harbor", "--where", ""), "Say which"),
        (("harbor", "--where", "colour=red"), "There is no column 'colour' here."),
    ):
        code, _, err = ran("errors", "retry", *arguments, "--yes")
        assert (code, said in err) == (2, True), err


def test_conflicts_that_a_filter_means_are_decided_alike(ran: Ran) -> None:
    all_there = rows(ran("conflicts", "list", "--integration", "harbor", "--json")[1])
    first = all_there[0]["external_id"]
    code, _, err = ran(
        *("conflicts", "settle-all", "harbor", "--where", f"!id={first} kind=fields"),
        *("--take", "local", "--reason", "ours", "--yes"),
    )
    fields = [one for one in all_there if one["kind"] == "fields" and one["external_id"] != first]
    assert code == 0
    assert f"{len(fields)} open conflicts match" in err


def test_several_records_are_fetched_by_a_run_for_each_kind(ran: Ran, tmp_path: Path) -> None:
    named = ("--record", "student", "a", "--record", "staff", "t", "--record", "student", "b")
    code, out, _ = ran("sync", "harbor", *named, "--json")
    assert (code, len(rows(out))) == (0, 2)

    async def asked() -> list[object]:
        db = await open_database(tmp_path / "here" / "siscon.db")
        try:
            async with db.read() as c:
                return [row.command for one in (1, 2) if (row := await inbox.get(c, one))]
        finally:
            await db.close()

    assert asyncio.run(asked()) == [
        FetchRecords("harbor", "student", ("a", "b")),
        FetchRecords("harbor", "staff", ("t",)),
    ]
    code, _, err = ran("sync", "harbor", "harbor", *named)
    assert (code, "Name one integration with --record." in err) == (2, True)


@pytest.mark.parametrize("noun", ["plans", "runs"])
def test_a_plan_of_a_production_profile_is_thrown_away_by_its_name_or_a_yes(
    ran: Ran, monkeypatch: pytest.MonkeyPatch, noun: str
) -> None:
    held = rows(ran("plans", "list", "--json")[1])[0]["run_id"]
    discard = (noun, "discard", str(held), "--reason", "wrong file")
    code, _, err = ran(*discard)
    assert (code, "add --yes" in err) == (2, True)

    typed: list[str] = ["yes", "district-9"]
    monkeypatch.setattr("siscon.cli.options.has_person", lambda: True)
    monkeypatch.setattr("click.prompt", lambda *_, **__: typed.pop(0))
    assert ran(*discard)[0] != 0
    assert rows(ran("plans", "list", "--json")[1])[0]["run_id"] == held
    assert ran(*discard)[0] == 0
    assert held not in [one["run_id"] for one in rows(ran("plans", "list", "--json")[1])]
