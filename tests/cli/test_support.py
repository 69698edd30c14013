"""``siscon support bundle``: what is in it, and that nobody is."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import stat
import zipfile
from pathlib import Path

import pytest

from siscon.cli import commands
from siscon.domain.errors import DatabaseError
from siscon.domain.events import EventKind, Level
from siscon.domain.masking import Masker
from siscon.domain.privacy import Secret, forms_of
from siscon.ops.support.vocabulary import own_words
from siscon.store import events
from siscon.store.sqlite import open_database
from support.console_data import NOW_MS, Names, fill

SECRET = "correct horse battery staple"
CANARIES = (
    *("Zanthippe", "Will", "Grant", "Østergård", "zan@pupil.example", "PUPIL-77", "20110231", "2011-02-28"),
    *("31/02/2011", "4711-0815", "jane.doe", "Lincoln", "555-0199", SECRET, "BUNDLE_SECRET", "client-77-id"),
    *("roster-host-9", "Hilltop Lane"),
)
SENTENCE = (
    "run 21 held: Zanthippe Østergård (PUPIL-77, born 2011-02-28, zan@pupil.example, 20110231) of Lincoln, 4711-0815; "
    f"Will Grant says '31/02/2011' {SECRET} 555-0199 Hilltop Lane jane.doe roster-host-9 412 of 1,930 at 05:12"
)
CONFIG = """
home: home
profile: {{name: Lincoln}}
integrations:
  harbor:
    provider: powerschool
    base_url: https://sis.district.example/Hilltop-Lane/PUPIL-77
    client_id: client-77-id
    client_secret: ${{BUNDLE_SECRET}}
    schedule: 30 1 * * *
    accounts: {{student: {{email: "{{first}}.jane.doe@pupil.example"}}}}
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation with something of somebody wherever it can be."""
    monkeypatch.setenv("BUNDLE_SECRET", SECRET)
    names = Names(
        *(
            "PowerSchool",
            "Skyward",
            SENTENCE,
            SENTENCE,
            SENTENCE,
            "PUPIL-77",
            "Zanthippe",
            "zan@pupil.example",
        ),
        *("jane.doe(1004)", "roster-host-9", SENTENCE),
    )

    async def make() -> None:
        db = await open_database(tmp_path / "home" / "siscon.db", synchronous="normal")
        await fill(db, names=names, engine=False)
        async with db.transaction() as c:
            await c.run("DELETE FROM tokens")
            await c.run(
                "UPDATE students SET first_name = 'will', last_name = 'GRANT', middle_name = 'Lincoln'"
            )
            await events.append(
                c, EventKind.PAGE_NOTE, Level.WARNING, SENTENCE, integration="harbor", at_ms=NOW_MS
            )
        await db.close()

    asyncio.run(make())
    logs = tmp_path / "home" / "logs"
    logs.mkdir()
    frame = '  File "/home/jane.doe/siscon/engine/fetch.py", line 12, in fetch'
    trace = f"Traceback\n{frame}\n    Zanthippe = 1\nValueError: {SENTENCE}"
    entry = {
        "at": "2026-11-20T05:12:00.000+00:00",
        "level": "error",
        "from": "siscon.engine.fetch",
        "text": SENTENCE,
        "trace": trace,
    }
    (logs / "engine.jsonl").write_text(
        json.dumps(entry) + "\n" + SENTENCE + "\n" + '{"x": "Zanthippe"}\n["PUPIL-77"]\n'
    )
    (logs / "serve.log").write_text(SENTENCE)
    (logs / "Zanthippe.log").write_text("run 21 failed")
    (logs / "crash-1.txt").write_text(trace)
    file = tmp_path / "config.yaml"
    file.write_text(CONFIG.format())
    return file


def ran(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = commands.run(list(arguments))
    told = capsys.readouterr()
    assert "Traceback" not in told.out + told.err
    return code, told.out, told.err


def unzipped(file: Path) -> dict[str, str]:
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def planted(text: str) -> list[str]:
    forms = {form for one in CANARIES for form in (one, *forms_of(one))}
    return [one for one in forms if one in text]


def test_nothing_of_anybody_is_in_it_whatever_stands_in_database_log_and_settings(
    capsys: pytest.CaptureFixture[str], config: Path, tmp_path: Path
) -> None:
    target = tmp_path / "bundle.zip"
    code, out, err = ran(capsys, "--config", str(config), "support", "bundle", "--output", str(target))
    found = unzipped(target)

    assert (code, planted(out)) == (0, []), err
    for name, text in found.items():
        assert not planted(text + name), name
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert str(tmp_path) not in "".join(found.values())


def test_what_helps_is_in_it(capsys: pytest.CaptureFixture[str], config: Path, tmp_path: Path) -> None:
    target = tmp_path / "bundle.zip"
    ran(capsys, "--config", str(config), "support", "bundle", "--output", str(target))
    found = unzipped(target)

    about, settings = json.loads(found["about.json"]), json.loads(found["settings.json"])
    assert {"siscon", "python", "sqlite", "libraries"} <= set(about)
    harbor = settings["integrations"]["harbor"]
    assert (harbor["provider"], harbor["schedule"]) == ("powerschool", "30 1 * * *")
    assert harbor["base_url"] == "https://sis.district.example"
    assert (harbor["client_secret"], settings["home"]) == ("<secret>", "<path>")
    errors = json.loads(found["errors.json"])
    assert (errors[0]["code"], errors[0]["records"], errors[0]["field"]) == ("unknown_parent", 412, "section")
    assert {"…36"} & {one for row in errors for one in row["samples"]} or errors[1]["samples"]
    assert "run 21 held" in found["events.json"]
    assert "412 of 1,930 at 05:12" in found["events.json"]
    entry = json.loads(found["logs/engine.jsonl"].splitlines()[0])
    assert (entry["level"], entry["from"]) == ("error", "siscon.engine.fetch")
    assert "siscon/engine/fetch.py:12 fetch" in entry["trace"]
    assert "ValueError" in found["logs/crash-1.txt"]
    assert json.loads(found["runs.json"])[0]["started_by"] == "somebody"
    assert all(name in found["README.txt"] for name in found if name != "README.txt")


def test_hosts_can_be_left_out(capsys: pytest.CaptureFixture[str], config: Path, tmp_path: Path) -> None:
    target = tmp_path / "bundle.zip"
    ran(capsys, "--config", str(config), "support", "bundle", "--output", str(target), "--mask-hosts")

    assert "district.example" not in "".join(unzipped(target).values())


def test_a_preview_says_what_would_be_in_it_and_writes_nothing(
    capsys: pytest.CaptureFixture[str], config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = ran(capsys, "--config", str(config), "support", "bundle", "--preview", "--json")
    assert code == 0, err
    rows = [json.loads(line) for line in out.splitlines()]

    assert code == 0, out
    assert {"about.json", "settings.json", "errors.json", "logs/engine.jsonl"} <= {
        row["file"] for row in rows
    }
    assert not list(tmp_path.glob("*.zip"))
    assert not ran(capsys, "--config", str(config), "audit", "list", "--json")[1]


def test_the_audit_says_that_it_was_made_or_it_is_not(
    capsys: pytest.CaptureFixture[str], config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "bundle.zip"
    arguments = ("--config", str(config), "support", "bundle", "--output", str(target))
    ran(capsys, *arguments)
    _, listed, _ = ran(capsys, "--config", str(config), "audit", "list", "--json")
    again, _, said = ran(capsys, *arguments)
    target.unlink()

    async def refused(*_told: object, **_more: object) -> None:
        raise DatabaseError("The audit cannot be written.", code="no_answer")

    monkeypatch.setattr("siscon.cli.acts.carry_out", refused)
    code, _, _ = ran(capsys, *arguments)

    [row] = [json.loads(line) for line in listed.splitlines()]
    assert row["action"] == "note_export"
    assert (again, "there already" in said) == (2, True)
    assert (code, target.exists()) == (1, False)


def test_an_installation_without_a_database_that_opens_has_a_bundle_too(
    capsys: pytest.CaptureFixture[str], config: Path, tmp_path: Path
) -> None:
    (tmp_path / "home" / "siscon.db").write_bytes(b"no database" * 500)
    target = tmp_path / "bundle.zip"
    code, _, err = ran(capsys, "--config", str(config), "support", "bundle", "--output", str(target))
    found = unzipped(target)

    assert code == 0
    assert "nothing of the database" in err
    assert {"about.json", "settings.json", "doctor.json", "logs/engine.jsonl"} <= set(found)
    assert not planted("".join(found.values()).replace("Will", "").replace("Grant", ""))
    assert "runs.json" not in found


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("run 21 of harbor, failed: 412 of 1,930 (21 %)", "run 21 of harbor, failed: 412 of 1,930 (21 %)"),
        ("student S-104-77 was missing", "student *** was missing"),
        ("it was due at 2026-11-20 05:12", "it was due at 2026-11-20 05:12"),
        ("came 2011-02-03", "came ***"),
        ("the 'run' failed", "the *** failed"),
        ("https://a.example/students?id=7", "***"),
        ("1234567 failed", "*** failed"),
        ("", ""),
    ],
)
def test_of_a_sentence_the_words_of_siscon_are_left(text: str, told: str) -> None:
    found = Masker(own_words() | {"harbor"}, 2025, (Secret("s3cr3t"),)).masked(text)

    assert found in (told, told.replace("*** ***", "***"))


def test_the_vocabulary_has_words_of_siscon_and_no_invented_people() -> None:
    words = own_words()

    assert {"run", "failed", "records", "missing", "breaker"} <= words
    assert not words & {"Amara", "Okonkwo", "kim", "Kim"}
    assert os.path.sep not in words


def test_who_may_only_look_gets_no_bundle(
    capsys: pytest.CaptureFixture[str], config: Path, tmp_path: Path
) -> None:
    account = pwd.getpwuid(os.getuid()).pw_name
    config.write_text(config.read_text() + f"roles: {{viewers: [{account}], admins: [somebody_else]}}\n")
    target = tmp_path / "bundle.zip"
    code, _, err = ran(capsys, "--config", str(config), "support", "bundle", "--output", str(target))

    assert (code, target.exists()) == (2, False), err
    assert "role" in err
