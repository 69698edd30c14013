"""The command line in this process: what each command prints for people and for programs, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from siscon.cli import commands, output
from siscon.domain.text import plain
from support.token_server import token_server

CONFIG = """
home: here
integrations:
  north:
    provider: powerschool
    base_url: http://127.0.0.1:9
    client_id: abc
    client_secret: ${NORTH_SECRET:-s3cr3t-canary}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "config.yaml"
    file.write_text(CONFIG, encoding="utf-8")
    return file


def ran(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = commands.run(list(arguments))
    told = capsys.readouterr()
    assert "Traceback" not in told.out + told.err
    assert "s3cr3t" not in told.out + told.err
    return code, told.out, told.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("--nonsense",),
        ("sync",),
        ("runs", "show", "x"),
        ("runs", "show", "1", "2"),
        ("records", "list", "--entity", "pupil"),
        ("demo", "--students", "3"),
        ("sandbox", "--port", "70000"),
    ],
)
def test_bad_usage_is_a_sentence_and_2(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    code, out, err = ran(capsys, *arguments)

    assert (code, out) == (2, "")
    assert err.startswith("siscon: ")
    assert "--help" in err


def test_a_missing_configuration_says_what_to_do(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, _out, err = ran(capsys, "status", "--config", str(tmp_path / "none.yaml"))

    assert code == 2
    assert "--config" in err
    assert "siscon demo" in err


def test_every_complaint_has_a_line_with_its_place(capsys: pytest.CaptureFixture[str], config: Path) -> None:
    config.write_text(CONFIG.replace("home:", "hoem:").replace("client_id", "clientid"), encoding="utf-8")
    code, out, err = ran(capsys, "config", "check", "--config", str(config))

    assert (code, out) == (2, "")
    assert f"{config}:2:1: hoem: unknown key: did you mean 'home'?" in err
    assert f"{config}:7:5: integrations.north.clientid: unknown key" in err
    assert "integrations.north.client_id: is missing" in err


def test_the_configuration_is_checked_shown_and_described(
    capsys: pytest.CaptureFixture[str], config: Path
) -> None:
    assert ran(capsys, "--config", str(config), "config", "check")[0] == 0
    code, out, _err = ran(capsys, "config", "show", "--json", "--config", str(config))
    rows = {row["key"]: row for row in map(json.loads, out.splitlines())}

    assert code == 0
    assert rows["integrations.north.client_secret"]["value"] == "***"
    assert rows["home"]["source"] == "config.yaml:2"
    code, out, _err = ran(capsys, "config", "schema")
    assert json.loads(out)["title"] == "siscon configuration"


@pytest.mark.parametrize("listing", ["records", "mappings", "errors", "conflicts", "tokens", "runs"])
def test_a_listing_of_nothing_says_so_to_people_and_nothing_to_programs(
    capsys: pytest.CaptureFixture[str], config: Path, listing: str
) -> None:
    code, out, err = ran(capsys, listing, "list", "--config", str(config))
    assert (code, err) == (0, "")
    assert out.count("\n") == 1

    assert ran(capsys, listing, "list", "--json", "--config", str(config)) == (0, "", "")


def test_integrations_are_listed_before_any_engine_has_seen_them(
    capsys: pytest.CaptureFixture[str], config: Path
) -> None:
    _code, out, _err = ran(capsys, "integrations", "list", "--json", "--config", str(config))
    row = json.loads(out)

    assert list(row)[:3] == ["name", "provider", "state"]
    assert (row["name"], row["provider"], row["state"]) == ("north", "powerschool", "new")


def test_an_unknown_integration_is_refused_with_those_there_are(
    capsys: pytest.CaptureFixture[str], config: Path
) -> None:
    for arguments in (("sync", "south"), ("records", "list", "--integration", "south")):
        code, _out, err = ran(capsys, *arguments, "--config", str(config))
        assert code == 2
        assert "There is no integration 'south'. Known are: north." in err


def test_a_run_is_queued_shown_and_cancelled_without_an_engine(
    capsys: pytest.CaptureFixture[str], config: Path
) -> None:
    code, out, err = ran(capsys, "sync", "north", "--json", "--config", str(config))
    assert (code, json.loads(out)["status"]) == (0, "queued")
    assert "No engine is alive" in err

    _code, out, _err = ran(capsys, "runs", "show", "1", "--json", "--config", str(config))
    assert json.loads(out)["events"][0]["text"].startswith("run 1 of north was asked for by")
    _code, out, _err = ran(capsys, "status", "--config", str(config))
    assert "none is alive" in out
    assert "queued" in out

    assert ran(capsys, "runs", "cancel", "1", "--config", str(config))[0] == 0
    assert ran(capsys, "runs", "cancel", "1", "--config", str(config))[0] == 2
    assert ran(capsys, "runs", "show", "9", "--config", str(config))[0] == 2
    _code, out, _err = ran(capsys, "runs", "list", "--json", "--config", str(config))
    assert json.loads(out)["status"] == "cancelled"
    for chosen in (
        "runs list --status failed",
        "runs list --where by=nobody",
        "errors list --where code=odd",
    ):
        _code, out, _err = ran(capsys, *chosen.split(), "--config", str(config))
        assert out == "Nothing is like that.\n"
    _code, out, _err = ran(capsys, "errors", "list", "--config", str(config))
    assert out == "No record is in error.\n"


def test_waiting_for_a_run_that_is_queued_already_sees_that_one_through(
    capsys: pytest.CaptureFixture[str], config: Path
) -> None:
    with token_server(answers=[(401, {"error": "invalid_client"})] * 9) as sis:
        text = config.read_text(encoding="utf-8")
        config.write_text(text.replace("http://127.0.0.1:9", sis.origin), encoding="utf-8")
        ran(capsys, "sync", "north", "--config", str(config))
        ran(capsys, "runs", "cancel", "1", "--config", str(config))
        ran(capsys, "sync", "north", "--config", str(config))
        code, _out, err = ran(capsys, "sync", "north", "--wait", "--config", str(config))

    assert code == 1
    assert "Run 2 of north: failed" in err


def test_stop_without_an_engine_is_no_error(capsys: pytest.CaptureFixture[str], config: Path) -> None:
    assert ran(capsys, "stop", "--config", str(config))[:2] == (0, "No engine is alive.\n")


def test_the_doctor_examines_and_its_exit_code_tells(
    capsys: pytest.CaptureFixture[str], config: Path
) -> None:
    ran(capsys, "sync", "north", "--config", str(config))
    code, out, _err = ran(capsys, "doctor", "--json", "--config", str(config))
    rows = {row["check"]: row["state"] for row in map(json.loads, out.splitlines())}

    assert code == 0
    assert rows["database"] == rows["key"] == rows["clock"] == rows["engine"] == "ok"
    config.write_text("hoem: x", encoding="utf-8")
    code, out, _err = ran(capsys, "doctor", "--config", str(config))
    assert code == 1
    assert out.startswith("fail  configuration")


def test_the_console_needs_a_terminal(capsys: pytest.CaptureFixture[str], config: Path) -> None:
    code, _out, err = ran(capsys, "--config", str(config))

    assert code == 2
    assert "siscon serve" in err


def test_a_read_only_home_is_a_sentence(capsys: pytest.CaptureFixture[str], config: Path) -> None:
    config.write_text(CONFIG.replace("home: here", "home: /proc/siscon"), encoding="utf-8")
    code, _out, err = ran(capsys, "status", "--config", str(config))

    assert code == 1
    assert err.startswith("siscon: ")


def test_the_sandbox_tells_its_truth_and_lets_a_day_pass(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    code, out, _err = ran(capsys, "sandbox", "--print-config", "--students", "50", "--home", str(tmp_path))
    assert code == 0
    assert out.count("provider:") == 3
    assert ran(capsys, "sandbox", "truth")[0] == 2

    from siscon.sandbox.state import SandboxState, path_for

    SandboxState(seed=1, students=50, day=0, port=0, path=path_for(0, tmp_path), ports=(1, 2, 3, 4)).save()
    place = ("--home", str(tmp_path))
    told = ("--integration", "skyward", "--entity", "student", "--json")
    _code, before, _err = ran(capsys, "sandbox", "truth", *told, *place)
    assert list(json.loads(before.splitlines()[0]))[:3] == ["integration", "entity", "external_id"]
    code, out, _err = ran(capsys, "sandbox", "advance", "--json", *place)
    assert {json.loads(one)["day"] for one in out.splitlines()} == {1}
    _code, after, _err = ran(capsys, "sandbox", "truth", *told, *place)
    assert after != before
    assert ran(capsys, "sandbox", "truth", "--integration", "north", *place)[0] == 2
    assert ran(capsys, "demo", "--once", "--students", "60", *place)[0] == 2
    assert ran(capsys, "demo", "--once", "--seed", "2", *place)[0] == 2


def test_a_demo_does_not_touch_a_home_that_is_somebodys_own(
    capsys: pytest.CaptureFixture[str], config: Path
) -> None:
    before = config.read_text(encoding="utf-8")
    code, _out, err = ran(capsys, "demo", "--once", "--home", str(config.parent))

    assert code == 2
    assert "no demo has written" in err
    assert config.read_text(encoding="utf-8") == before


def test_json_is_ascii_and_tables_are_marked_so_that_no_control_byte_gets_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    nasty = "Smith \x1b]52;c;x\x07 \x7f \x9b31m \u202e [/x] é"
    output.show([{"name": nasty}], ("name",), as_json=True)
    told = capsys.readouterr().out
    assert json.loads(told) == {"name": nasty}
    assert all(32 <= ord(one) < 127 for one in told.rstrip("\n"))

    output.show([{"name": nasty}], ("name",), as_json=False)
    output.card({"name": nasty}, as_json=False)
    output.say(nasty)
    shown = capsys.readouterr().out
    assert plain(nasty) in shown
    assert not any((ord(one) < 32 and one != "\n") or 127 <= ord(one) < 160 for one in shown)


def test_a_long_table_is_printed_as_it_comes(capsys: pytest.CaptureFixture[str]) -> None:
    printer = output.Printer(("n",), as_json=False)
    for number in range(output.LOOK_AHEAD):
        printer.row({"n": number})

    assert len(capsys.readouterr().out.splitlines()) == output.LOOK_AHEAD + 1


def test_keys_of_the_console_are_checked_with_their_line_and_listed_as_moved(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("home: h\nconsole:\n  keys:\n    refresh: j\n", encoding="utf-8")
    code, _, told = ran(capsys, "config", "check", "--config", str(file))
    assert code == 2
    assert "config.yaml:4:14: console.keys.refresh: 'refresh' and 'down' are both on j" in told

    file.write_text(
        "home: h\nconsole:\n  keys:\n    errors: ctrl+e\n    refresh: [f5, 7]\n    plans: []\n",
        encoding="utf-8",
    )
    assert ran(capsys, "config", "check", "--config", str(file))[0] == 0
    _, told, _ = ran(capsys, "config", "keys", "--json", "--config", str(file))
    rows = {row["id"]: row for row in map(json.loads, told.splitlines())}
    assert rows["refresh"]["keys"] == ["f5", "7"]
    assert rows["plans"]["keys"] == []
    assert rows["retry"] == {
        "id": "retry",
        "keys": ["R"],
        "screens": ["dead", "dead_record"],
        "what": "Fetch and apply this record again (asks).",
        "command": "siscon errors retry",
        "changes_data": True,
        "moved": False,
    }


def test_a_word_below_the_sandbox_says_its_help_and_starts_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, told, _ = ran(capsys, "sandbox", "serve", "--help")

    assert code == 0
    assert told.startswith("Usage: siscon sandbox serve")
