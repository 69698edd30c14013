"""The life of a connection from the command line: tried out, shown, imported, removed; over a real server."""

from __future__ import annotations

import csv
import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from siscon.cli import commands
from siscon.ops.integrations import cell
from support.invented_sis import HARBOR, harbor, in_thread

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "harbor.py"
SECRET = "s3cr3t-canary"


def configuration(folder: Path, base_url: str) -> Path:
    provider = folder / "harbor.py"
    provider.write_bytes(EXAMPLE.read_bytes())
    provider.chmod(0o600)
    folder.chmod(0o700)
    file = folder / "config.yaml"
    file.write_text(
        f"""
home: here
integrations:
  north:
    provider: {provider}:Harbor
    base_url: {base_url}
    client_id: id
    client_secret: ${{NORTH:-{SECRET}}}
    requests_per_minute: 0
""",
        encoding="utf-8",
    )
    return file


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Path]:
    with in_thread(harbor()) as base_url:
        yield configuration(tmp_path, base_url)


def ran(capsys: pytest.CaptureFixture[str], config: Path, *arguments: str) -> tuple[int, str, str]:
    code = commands.run(["--config", str(config), *arguments])
    told = capsys.readouterr()
    assert "Traceback" not in told.out + told.err
    assert SECRET not in told.out + told.err
    return code, told.out, told.err


def rows(text: str) -> dict[str, dict[str, object]]:
    return {row["step"]: row for row in map(json.loads, text.splitlines())}


def test_a_connection_is_tried_out_without_touching_the_roster(
    capsys: pytest.CaptureFixture[str], config: Path
) -> None:
    code, out, _err = ran(capsys, config, "integrations", "test", "north", "--json")
    found = rows(out)

    assert code == 0
    assert list(found)[:5] == ["provider", "host", "login", "scopes", "coverage"]
    assert found["coverage"]["seen"] == "school year 2026"
    assert found["student"]["records"] == len(HARBOR["students"])
    assert {row["state"] for row in found.values()} == {"ok"}
    assert ran(capsys, config, "records", "list", "--json")[1] == ""
    assert ran(capsys, config, "mappings", "list", "--json")[1] == ""


def test_a_login_that_is_refused_is_named_and_ends_the_trial(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    async def refuse(_request: Request) -> Response:
        return JSONResponse({"error": "invalid_client"}, status_code=401)

    app = Starlette(routes=[Route("/oauth/token", refuse, methods=["POST"])])
    with in_thread(app) as base_url:
        code, out, _err = ran(
            capsys, configuration(tmp_path, base_url), "integrations", "test", "north", "--json"
        )

    found = rows(out)
    assert code == 1
    assert list(found) == ["provider", "host", "login"]
    assert found["login"]["state"] == "fail"
    assert "client" in str(found["login"]["seen"])


def test_a_list_that_is_missing_and_a_scope_that_was_not_granted_are_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    async def token(_request: Request) -> Response:
        return JSONResponse({"access_token": "t", "token_type": "Bearer", "scope": "other.read"})

    async def nothing(_request: Request) -> Response:
        return JSONResponse({"message": "no"}, status_code=403)

    routes = [Route("/oauth/token", token, methods=["POST"]), Route("/api/{name}", nothing)]
    with in_thread(Starlette(routes=routes)) as base_url:
        code, out, _err = ran(
            capsys, configuration(tmp_path, base_url), "integrations", "test", "north", "--json"
        )

    found = rows(out)
    assert code == 1
    assert found["login"]["state"] == "ok"
    assert found["scopes"]["state"] == "warn"
    assert "roster.read" in str(found["scopes"]["seen"])
    assert {found[one]["state"] for one in ("school", "student", "enrollment")} == {"fail"}


def test_a_provider_that_raises_is_told_with_its_line_and_the_other_lists_are_still_tried(
    capsys: pytest.CaptureFixture[str], config: Path
) -> None:
    provider = config.parent / "harbor.py"
    text = provider.read_text()
    first_line = "        path, to_record = LISTS[entity]\n"
    assert first_line in text
    fault = "        if entity == 'course':\n            raise KeyError('Kim Marsh')\n"
    provider.write_text(text.replace(first_line, fault + first_line))

    code, out, err = ran(capsys, config, "integrations", "test", "north", "--json")
    found = rows(out)
    line = provider.read_text().splitlines().index("            raise KeyError('Kim Marsh')") + 1

    assert code == 1
    assert found["course"]["state"] == "fail"
    assert f"raised KeyError in line {line} of harbor.py" in str(found["course"]["seen"])
    assert found["student"]["state"] == "ok"
    assert "Marsh" not in out + err


def test_nobody_at_the_address_is_a_sentence(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    config = configuration(tmp_path, "http://127.0.0.1:9")
    code, out, _err = ran(capsys, config, "integrations", "test", "north")

    assert code == 1
    assert "fail  host: 127.0.0.1:9 cannot be reached" in out
    assert ran(capsys, config, "integrations", "test", "south")[0] == 2


def test_a_connection_is_shown_with_the_digest_of_its_provider(
    capsys: pytest.CaptureFixture[str], config: Path
) -> None:
    ran(capsys, config, "integrations", "test", "north")
    code, out, _err = ran(capsys, config, "integrations", "show", "north", "--json")
    shown = json.loads(out)

    assert code == 0
    assert (shown["name"], shown["breaker"], shown["login"]) == ("north", "closed", "good")
    assert "sha256" in shown["package"]
    assert ran(capsys, config, "integrations", "show", "south")[0] == 2


def test_the_configuration_decides_what_is_on(capsys: pytest.CaptureFixture[str], config: Path) -> None:
    assert ran(capsys, config, "integrations", "enable", "north")[0] == 0
    code, _out, err = ran(capsys, config, "integrations", "disable", "north")

    assert code == 2
    assert "integrations.north.enabled to false" in err
    assert "pause north" in err


def test_a_removed_connection_leaves_its_ties_in_a_file_and_its_records_in_the_roster(
    capsys: pytest.CaptureFixture[str], config: Path
) -> None:
    assert ran(capsys, config, "sync", "north", "--wait")[0] == 0
    count = sum(len(one) for one in HARBOR.values())

    code, _out, err = ran(capsys, config, "integrations", "remove", "north")
    assert code == 2
    assert "still names north" in err

    code, out, _err = ran(capsys, config, "integrations", "remove", "north", "--yes")
    assert code == 0
    assert f"{count} mappings, 0 dead records, 0 conflicts, 1 tokens" in out
    assert "cannot be undone" in out

    (file,) = (config.parent / "here" / "exports").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with file.open(encoding="utf-8", newline="") as text:
        kept = list(csv.DictReader(text))
    assert len(kept) == count
    assert {row["integration"] for row in kept} == {"north"}

    config.write_text("home: here\n", encoding="utf-8")
    assert ran(capsys, config, "integrations", "list", "--json")[1] == ""
    assert ran(capsys, config, "integrations", "remove", "north")[0] == 2


def test_a_removal_that_is_refused_leaves_no_list_of_what_it_removed(
    capsys: pytest.CaptureFixture[str], config: Path
) -> None:
    ran(capsys, config, "integrations", "test", "north")
    assert ran(capsys, config, "sync", "north")[0] == 0
    code, _out, err = ran(capsys, config, "integrations", "remove", "north", "--yes")

    assert (code, "Run 1 of north is queued" in err, "Nothing was removed" in err) == (2, True, True)
    assert list((config.parent / "here" / "exports").iterdir()) == []


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "\uff1d1", "\uff0b1", "\uff0d1", "\uff20x"]
)
def test_no_cell_is_a_formula(text: str) -> None:
    assert cell(text) == f"'{text}"
    assert cell("a=1") == "a=1"
    assert cell(None) == ""
