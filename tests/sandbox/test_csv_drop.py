"""The CSV that the sandbox writes has the form of the standard: manifest, headers, blank status in bulk."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

import pytest

from siscon.sandbox import csv_drop
from siscon.sandbox.district import District
from siscon.sandbox.systems import ONEROSTER


def district(day: int = 0) -> District:
    return District(ONEROSTER, seed=5, students=300, day=day)


def tables_of(path: Path) -> dict[str, list[dict[str, str]]]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {
            name.removesuffix(".csv"): list(csv.DictReader(io.StringIO(archive.read(name).decode("utf-8"))))
            for name in archive.namelist()
        }


@pytest.mark.parametrize("version", csv_drop.VERSIONS)
def test_a_bulk_zip_holds_every_table_without_status(tmp_path: Path, version: str) -> None:
    tables = tables_of(csv_drop.export(district(), tmp_path, version=version))

    told = {row["propertyName"]: row["value"] for row in tables.pop("manifest")}
    assert told["manifest.version"] == "1.0"
    assert told["oneroster.version"] == version
    assert {name.removeprefix("file.") for name, value in told.items() if value == "bulk"} == set(tables)
    assert told["file.results"] == "absent"
    assert ("roles" in tables) == (version == "1.2")
    assert ("role" in tables["users"][0]) == (version == "1.1")
    for rows in tables.values():
        assert rows
        assert {row["status"] + row["dateLastModified"] for row in rows} == {""}
        assert len({row["sourcedId"] for row in rows}) == len(rows)


def test_a_delta_zip_tells_status_and_moment_of_what_changed(tmp_path: Path) -> None:
    today = district(day=2)
    tables = tables_of(csv_drop.export(today, tmp_path, since_day=2))

    del tables["manifest"]
    assert set(tables) == {"users", "roles", "demographics", "classes", "enrollments"}
    for rows in tables.values():
        assert 0 < len(rows) < 100
        assert {row["status"] for row in rows} <= {"active", "tobedeleted"}
        assert {row["dateLastModified"] for row in rows} <= set(today.moments)
    assert "tobedeleted" in {row["status"] for row in tables["users"]}


def test_the_same_district_makes_the_same_rows_and_leaves_nothing_else(tmp_path: Path) -> None:
    first = csv_drop.export(district(), tmp_path)
    before = tables_of(first)
    again = csv_drop.export(district(), tmp_path)

    assert again == first
    assert tables_of(again) == before
    assert [one.name for one in tmp_path.iterdir()] == ["oneroster-bulk-day000.zip"]
