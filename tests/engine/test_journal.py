"""The log: one JSON line a record, no secrets, nothing on the terminal."""

from __future__ import annotations

import base64
import json
import logging
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from siscon.domain.errors import ProviderError
from siscon.domain.privacy import Secret
from siscon.engine.journal import keep_journal, redact
from siscon.tui.crash import write_crash
from support.harmless import assert_acts_on_nothing
from support.hostile import HOSTILE, SAMPLE, SURROGATES


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Authorization: Bearer abc.def-1", "Authorization"),
        ("POST client_secret=hunter2&grant_type=x", "grant_type=x"),
        ('{"access_token": "tok-1", "expires_in": 5}', "expires_in"),
        ("eyJhbGciOi.eyJzdWIi.sig went", "went"),
        ("mail kim.marsh@example.org came", "came"),
        ("a@b@kim.marsh@example.org+kim.marsh@example.org", "a@"),
    ],
)
def test_what_has_the_shape_of_a_secret_is_left_out(text: str, kept: str):
    told = redact(text)

    assert kept in told
    assert not any(one in told for one in ("abc.def-1", "hunter2", "tok-1", "eyJ", "kim.marsh"))


SECRET = "hunter2+tiger/3&lion=4"


@pytest.mark.parametrize("before", ["", "id:", "me:"])
def test_a_known_secret_is_left_out_in_every_form_in_which_it_travels(before: str):
    whole = (before + SECRET).encode()
    forms = [
        SECRET,
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        base64.b64encode(whole).decode(),
        whole.hex(),
    ]
    for form in forms:
        told = redact(f"it said {form} and left", [Secret(SECRET)])

        assert told.startswith("it said ")
        assert told.endswith(" and left")
        for piece in (SECRET[:8], quote(SECRET, safe="")[:10], base64.b64encode(whole).decode()[4:16]):
            assert piece not in told


def test_a_record_is_one_line_of_json_without_known_secrets(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    file = tmp_path / "logs" / "engine.jsonl"
    with keep_journal(file, secrets=[Secret("hunter2")]):
        log = logging.getLogger("siscon.test")
        log.warning("the word is hunter2\nand \x1b[31mred")
        try:
            raise ValueError("hunter2")
        except ValueError:
            log.exception("it failed")

    first, second = (json.loads(line) for line in file.read_text().splitlines())
    assert first["text"] == "the word is ***\\x0aand \\x1b[31mred"
    assert first["level"] == "warning"
    assert "ValueError" in second["trace"]
    assert "hunter2" not in file.read_text()
    assert capfd.readouterr() == ("", "")


def test_a_trace_names_places_and_our_own_words_but_never_what_a_stranger_quotes(tmp_path: Path):
    file, name = tmp_path / "engine.jsonl", "Kim Marsh"
    with keep_journal(file):
        try:
            try:
                {"a": 1}[name]
            except KeyError as error:
                raise ProviderError("the list is odd", detail="KeyError") from error
        except ProviderError:
            logging.getLogger("siscon.test").exception("it failed")

    (line,) = file.read_text().splitlines()
    trace = json.loads(line)["trace"]
    assert "ProviderError: the list is odd KeyError" in trace
    assert "test_journal.py" in trace
    assert "which came of" in trace
    assert name not in trace


def test_the_log_of_the_process_is_as_before_afterwards(tmp_path: Path):
    before = logging.getLogger().handlers[:], logging.lastResort
    with keep_journal(tmp_path / "a.jsonl"):
        assert logging.lastResort is None

    assert (logging.getLogger().handlers[:], logging.lastResort) == before


@pytest.mark.parametrize("before", range(1980, 2002))
def test_a_secret_at_the_place_of_the_cut_leaves_no_half(tmp_path: Path, before: int):
    file = tmp_path / "engine.jsonl"
    with keep_journal(file, secrets=[Secret("tiger-and-lion-7")]):
        logging.getLogger("siscon.test").warning("%s tiger-and-lion-7 %s", "x" * before, "y" * 100)

    assert "tiger" not in file.read_text()


def test_each_piece_of_the_corpus_is_one_line_that_acts_on_nothing(tmp_path: Path) -> None:
    file = tmp_path / "logs" / "engine.jsonl"
    pieces = (*HOSTILE, *SURROGATES)
    with keep_journal(file):
        log = logging.getLogger("siscon.test")
        for text in pieces:
            log.warning("it said %s", text)
            try:
                raise ProviderError(text, detail=text)
            except ProviderError:
                log.exception("it fell over %s", text)

    lines = file.read_text(encoding="ascii").split("\n")
    assert len(lines) == 2 * len(pieces) + 1
    assert all(map(str.isprintable, lines))
    for line in lines[:-1]:
        told = json.loads(line)
        assert_acts_on_nothing(told["text"] + told.get("trace", ""))


def test_a_crash_page_of_any_words_acts_on_nothing(tmp_path: Path) -> None:
    for text in (*SAMPLE, *SURROGATES):
        path = write_crash(ProviderError(text, detail=text), tmp_path)
        assert path is not None
        assert_acts_on_nothing(path.read_text(encoding="utf-8"))
