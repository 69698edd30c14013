"""Damaged and hostile deliveries: every line arrives or is named, and no zip reaches further than its rows."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import re
import stat
import struct
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from siscon.domain.errors import ProviderError
from siscon.domain.records import Entity
from siscon.providers.contract import Rejected
from siscon.providers.oneroster_csv.rows import BadRow, Columns, Row, Sheet, split_lines
from support.csv_drops import PEOPLE, manifest, pages_of, zipped

HEAD = b"sourcedId,status,dateLastModified,title,courseSourcedId"
COLUMNS = Columns(tuple(HEAD.decode().split(",")), ("sourcedId",))


def sheet_of(*lines: bytes, encoding: str = "auto") -> Sheet:
    return Sheet("classes.csv", [b"\n".join([HEAD, *lines]) + b"\n"], COLUMNS, encoding=encoding)


def rejected_of(folder: Path, entity: Entity = Entity.STUDENT, **more: object) -> list[Rejected]:
    pages = asyncio.run(pages_of(folder, entity, **more))
    return [one for page in pages for one in page.rejected]


def damage(line: bytes, kind: str, at: int) -> bytes:
    place = at % (len(line) + 1)
    match kind:
        case "quote":
            return line[:place] + b'"' + line[place:]
        case "cut":
            return line[:place]
        case "comma":
            return line[:place] + b"," + line[place:]
        case "byte":
            return line[:place] + b"\xff" + line[place:]
        case "nul":
            return line[:place] + b"\0" + line[place:]
        case "break":
            return line[:place] + b"\n" + line[place:]
    return line


KINDS = ("quote", "cut", "comma", "byte", "nul", "break")


@settings(max_examples=300)
@given(
    rows=st.integers(2, 12),
    faults=st.lists(st.tuples(st.integers(0, 11), st.sampled_from(KINDS), st.integers(0, 60)), max_size=6),
    is_quoted=st.booleans(),
)
def test_every_line_arrives_or_is_named(
    rows: int, faults: list[tuple[int, str, int]], is_quoted: bool
) -> None:
    lines = [
        b",".join(
            b'"%s"' % cell if is_quoted else cell for cell in (b"c%d" % n, b"", b"", b"Art %d" % n, b"k1")
        )
        for n in range(rows)
    ]
    for number, kind, at in faults:
        if number < rows:
            lines[number] = damage(lines[number], kind, at)
    sheet = sheet_of(*lines)

    found = list(sheet.rows())

    told = {one.line for one in found}
    for first, last in re.findall(r"lines (\d+) to (\d+)", " ".join(sheet.notes)):
        told |= set(range(int(first), int(last) + 1))
    physical = b"\n".join(lines).split(b"\n")
    with_text = {number for number, line in enumerate(physical, 2) if line.strip(b", \t\r")}
    assert with_text <= told
    assert len({one.line for one in found}) == len(found)


def test_an_open_quote_costs_its_own_line_only() -> None:
    lines = [b"c%d,,,Art,k1" % n for n in range(2000)]
    lines[3] = b'c3,,,"Art,k1'

    found = list(sheet_of(*lines).rows())

    bad = [one for one in found if isinstance(one, BadRow)]
    assert [(one.line, one.code) for one in bad] == [(5, "open_quote")]
    assert sum(isinstance(one, Row) for one in found) == 1999


def test_two_open_quotes_do_not_make_one_row_of_two() -> None:
    found = list(sheet_of(b'c1,,,"Art,k1', b'c2,,",Music,k1', b"c3,,,Sport,k1").rows())

    assert [(one.line, type(one)) for one in found] == [(2, BadRow), (3, BadRow), (4, Row)]


def test_a_cell_with_line_breaks_is_read_and_told() -> None:
    sheet = sheet_of(b'c1,,,"Art', b'and more",k1', b"c2,,,Music,k1")

    rows = [one for one in sheet.rows() if isinstance(one, Row)]

    assert [one.cells["title"] for one in rows] == ["Art\nand more", "Music"]
    assert sheet.notes == ["classes.csv: a cell holds line breaks (lines 2 to 3)."]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"c1,,,Art", "column_count"),
        (b"c1,,,Art,k1,more", "column_count"),
        (b'c1,,,"Art"x,k1', "bad_quotes"),
        (b"c1,,,M\xfcller,k1", "bad_encoding"),
        (b"c1,,," + b"x" * 300_000 + b",k1", "too_long"),
    ],
    ids=["too few", "too many", "text after a quote", "undecodable", "endless"],
)
def test_a_bad_line_is_named_and_the_next_is_read(line: bytes, code: str) -> None:
    bad, good = list(sheet_of(line, b"c2,,,Music,k1").rows())

    assert isinstance(bad, BadRow)
    assert (bad.line, bad.code) == (2, code)
    assert bad.sentence.startswith("classes.csv line 2: ")
    assert isinstance(good, Row)


def test_the_id_of_an_undecodable_line_is_known() -> None:
    (bad,) = sheet_of(b"c1,,,M\xfcller,k1").rows()
    (good,) = sheet_of(b"c1,,,M\xfcller,k1", encoding="windows-1252").rows()

    assert isinstance(bad, BadRow)
    assert bad.external_id == "c1"
    assert isinstance(good, Row)
    assert good.cells["title"] == "Müller"


@pytest.mark.parametrize(
    "head",
    [
        b"\xef\xbb\xbfsourcedId,status,dateLastModified,title,courseSourcedId",
        b"SOURCEDID, Status ,date_last_modified,Title,coursesourcedid,,,",
        b"sourcedId,status,dateLastModifed,titel,courseSourcedID",
        b'"sourcedId","status","dateLastModified","title","courseSourcedId"\r',
    ],
    ids=["bom", "other case", "misspelt", "quoted"],
)
def test_headers_are_understood_as_people_write_them(head: bytes) -> None:
    sheet = Sheet("classes.csv", [head + b"\n" + b"c1,,,Art,k1,,,\r\n"], COLUMNS, encoding="auto")

    (row,) = sheet.rows()

    assert isinstance(row, Row)
    assert row.cells["title"] == "Art"
    assert row.cells["courseSourcedId"] == "k1"
    assert bool(sheet.notes) == (b"titel" in head)


@pytest.mark.parametrize(
    "text",
    [
        b"id,name\n1,a\n",
        b"sourcedId,sourcedId\n1,2\n",
        b"sourcedId\rc1\rc2\r",
        b"\xff\xfes\0o\0\n\0",
        b'"sourcedId\n',
    ],
    ids=["others", "twice", "old line ends", "utf-16", "open quote"],
)
def test_a_header_that_is_none_stops_the_run(text: bytes) -> None:
    with pytest.raises(ProviderError) as refused:
        Sheet("classes.csv", [text], COLUMNS, encoding="auto")

    assert refused.value.code in ("bad_header", "bad_encoding")


@given(st.lists(st.binary(max_size=40), max_size=10))
def test_lines_do_not_depend_on_how_the_bytes_come(chunks: list[bytes]) -> None:
    whole = b"".join(chunks)

    assert list(split_lines(chunks)) == list(split_lines([whole]))


def test_a_bad_row_is_rejected_with_file_line_and_what_stood_there(tmp_path: Path) -> None:
    users = (
        PEOPLE["users"].replace("u1,,,true,s1,student,ivo,Ivo,Marsh", "u1,,,true,s1,student,ivo,,Marsh")
        + "u9\n"
    )
    zipped(tmp_path / "a.zip", {**PEOPLE, "users": users})

    nameless, short = rejected_of(tmp_path)

    assert (nameless.external_id, nameless.field) == ("u1", "givenName")
    assert nameless.sentence.startswith("users.csv line 2: givenName is missing")
    assert json.loads(nameless.raw)["familyName"] == "Marsh"
    assert (short.external_id, short.code) == (None, "column_count")
    assert json.loads(short.raw) == {"text": "u9"}


def test_a_bad_row_is_the_same_wherever_it_stands(tmp_path: Path) -> None:
    """What was mended or given up is known again by it when the next delivery has other rows above."""
    bad = "u8,,,true,s1,student,eva,,Lind\nu9\n"
    raws = []
    for name, above in (("a", ""), ("b", "u3,,,true,s1,student,ida,Ida,Lund\n" * 2)):
        (tmp_path / name).mkdir()
        zipped(tmp_path / name / "x.zip", {**PEOPLE, "users": PEOPLE["users"] + above + bad})
        raws.append([(one.external_id, one.raw) for one in rejected_of(tmp_path / name)])

    assert [one[0] for one in raws[0]] == ["u8", None]
    assert raws[0] == raws[1]


# zips


def written(path: Path, fill: Callable[[zipfile.ZipFile], None]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.csv", manifest(dict.fromkeys(PEOPLE, "bulk")))
        for name, text in PEOPLE.items():
            archive.writestr(f"{name}.csv", text)
        fill(archive)


def a_link(archive: zipfile.ZipFile) -> None:
    entry = zipfile.ZipInfo("courses.csv")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    archive.writestr(entry, "/etc/passwd")


def many(archive: zipfile.ZipFile) -> None:
    for number in range(300):
        archive.writestr(f"x{number}.csv", "")


def packed_rarely(archive: zipfile.ZipFile) -> None:
    archive.writestr("courses.csv", "sourcedId,title\n", compress_type=zipfile.ZIP_BZIP2)


HOSTILE: dict[str, Callable[[zipfile.ZipFile], None]] = {
    "leads out": lambda archive: archive.writestr("../users2.csv", "x"),
    "leads out within": lambda archive: archive.writestr("a/../../x.csv", "x"),
    "absolute": lambda archive: archive.writestr("/etc/x.csv", "x"),
    "backslash": lambda archive: archive.writestr("a\\x.csv", "x"),
    "drive": lambda archive: archive.writestr("c:x.csv", "x"),
    "twice in two folders": lambda archive: archive.writestr("more/USERS.csv", "x"),
    "link": a_link,
    "too many entries": many,
    "packed rarely": packed_rarely,
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_zip_is_refused_and_nothing_is_written(tmp_path: Path, name: str) -> None:
    drop = tmp_path / "drop"
    drop.mkdir()
    written(drop / "a.zip", HOSTILE[name])

    with pytest.raises(ProviderError) as refused:
        await pages_of(drop, Entity.STUDENT)

    assert refused.value.code == "zip_refused"
    assert {one.name for one in tmp_path.iterdir()} == {"drop", "drop-copies"}
    assert {one.name for one in drop.iterdir()} == {"a.zip"}
    assert list((tmp_path / "drop-copies").iterdir()) == []


@pytest.mark.filterwarnings("ignore:Duplicate name")
async def test_the_same_name_twice_is_refused(tmp_path: Path) -> None:
    written(tmp_path / "a.zip", lambda archive: archive.writestr("users.csv", PEOPLE["users"]))

    with pytest.raises(ProviderError, match="twice") as refused:
        await pages_of(tmp_path, Entity.STUDENT)

    assert refused.value.code == "zip_refused"


async def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", PEOPLE)
    raw = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        at = -1
        while (at := raw.find(mark, at + 1)) >= 0:
            raw[at + offset] |= 1
    path.write_bytes(raw)

    with pytest.raises(ProviderError, match="encrypted"):
        await pages_of(tmp_path, Entity.STUDENT)


async def test_a_bomb_is_refused_while_it_unpacks(tmp_path: Path) -> None:
    rows = PEOPLE["users"] + "u3,,,true,s1,student,a,A,A\n" * 200_000
    zipped(tmp_path / "a.zip", {**PEOPLE, "users": rows})

    with pytest.raises(ProviderError) as refused:
        await pages_of(tmp_path, Entity.STUDENT)

    assert refused.value.code == "zip_bomb"


async def test_a_bomb_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    path = zipped(
        tmp_path / "a.zip", {**PEOPLE, "users": PEOPLE["users"] + "u3,,,true,s1,student,a,A,A\n" * 1000}
    )
    raw = bytearray(path.read_bytes())
    at = raw.rfind(b"users.csv") - 46
    raw[at + 24 : at + 28] = struct.pack("<I", 200)
    path.write_bytes(raw)

    with pytest.raises(ProviderError) as refused:
        await pages_of(tmp_path, Entity.STUDENT)

    assert refused.value.code == "damaged_zip"


@settings(max_examples=150)
@given(
    cut=st.integers(0, 900), flip=st.lists(st.tuples(st.integers(0, 900), st.integers(1, 255)), max_size=3)
)
def test_a_damaged_zip_is_refused_or_whole(cut: int, flip: list[tuple[int, int]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "drop"
        folder.mkdir()
        path = zipped(folder / "a.zip", PEOPLE)
        raw = bytearray(path.read_bytes())
        for at, bits in flip:
            raw[at % len(raw)] ^= bits
        path.write_bytes(raw[: len(raw) - cut % 5] if cut % 2 else raw)
        with contextlib.suppress(ProviderError):
            pages = asyncio.run(pages_of(folder, Entity.STUDENT))
            assert {one.external_id for page in pages for one in page.records} == {"u1", "u2"}


def test_an_archive_of_another_kind_is_no_zip(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(io.BytesIO(b"\x1f\x8b" + b"x" * 4000).getvalue())

    with pytest.raises(ProviderError) as refused:
        asyncio.run(pages_of(tmp_path, Entity.STUDENT))

    assert refused.value.code == "damaged_zip"
