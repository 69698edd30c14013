"""The commands about logins, in this process: what they print, how they end, and what they never show."""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from siscon.cli import commands
from siscon.providers import registry
from siscon.store import tokens
from siscon.store.sqlite import open_database
from support.token_server import TokenServer, token_server
from support.token_worker import provider_with

CONFIG = """
home: here
integrations:
  harbor:
    provider: wired
    base_url: {origin}
    client_id: abc
    client_secret: ${{HARBOR_SECRET:-planted-secret}}
"""


@pytest.fixture
def server() -> Iterator[TokenServer]:
    with token_server() as one:
        yield one


@pytest.fixture
def config(tmp_path: Path, server: TokenServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration whose provider logs in by a person's consent."""
    kind = provider_with("code")
    monkeypatch.setattr(registry, "load", lambda _name: kind)
    monkeypatch.setattr(registry, "names", lambda: ["wired"])
    monkeypatch.setattr(registry, "settings_of", lambda _name: kind.Settings)
    file = tmp_path / "config.yaml"
    file.write_text(CONFIG.format(origin=server.origin), encoding="utf-8")
    return file


def ran(capsys: pytest.CaptureFixture[str], config: Path, *arguments: str) -> tuple[int, str, str]:
    code = commands.run([*arguments, "--config", str(config)])
    told = capsys.readouterr()
    assert "Traceback" not in told.out + told.err
    assert "planted-secret" not in told.out + told.err
    return code, told.out, told.err


class Browser(io.StringIO):
    """A terminal whose person pastes what the shown address leads to."""

    def __init__(self, capsys: pytest.CaptureFixture[str], made: str = "") -> None:
        super().__init__()
        self._capsys, self._made = capsys, made

    def readline(self, _size: int = -1, /) -> str:
        if self._made:
            return self._made
        address = self._capsys.readouterr().out.strip()
        state = address.split("state=")[1].split("&")[0]
        return f"http://127.0.0.1:8976/callback?code=planted-code&state={state}\n"


def test_a_login_is_allowed_by_pasting_and_given_back(
    capsys: pytest.CaptureFixture[str], config: Path, server: TokenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", Browser(capsys))
    code, out, err = ran(capsys, config, "tokens", "authorise", "harbor", "--paste")
    assert (code, out) == (0, "harbor may log in now.\n")
    assert server.calls[0]["redirect_uri"] == "http://127.0.0.1:8976/callback"

    code, out, _err = ran(capsys, config, "tokens", "list", "--json")
    assert code == 0
    assert '"health": "good"' in out
    assert server.good_refresh not in out

    code, out, err = ran(capsys, config, "tokens", "revoke", "harbor")
    assert (code, out) == (2, "")
    assert "Give up the login of harbor? There is no terminal to ask: add --yes" in err
    code, out, _err = ran(capsys, config, "tokens", "revoke", "--all", "--yes")
    assert (code, out) == (0, "harbor has no token here any more; the SIS has taken it back.\n")
    assert len(server.revoked) == 2
    code, out, _err = ran(capsys, config, "tokens", "clean")
    assert (code, out) == (0, "No token is left over.\n")


def test_what_a_person_must_do_is_said_whole_under_the_list(
    capsys: pytest.CaptureFixture[str], config: Path, server: TokenServer
) -> None:
    assert ran(capsys, config, "tokens", "clean")[0] == 0

    async def lose_an_answer() -> None:
        db = await open_database(config.parent / "here" / "siscon.db")
        async with db.transaction() as c:
            said = "harbor needs a person: its answer was lost. Run: siscon tokens authorise harbor"
            await tokens.mark_needs_person(c, "harbor", said)
        await db.close()

    asyncio.run(lose_an_answer())
    code, out, err = ran(capsys, config, "tokens", "list")

    assert code == 0
    assert "needs a person" in out
    assert err.endswith("Run: siscon tokens authorise harbor\n")
    assert server.calls == []


def test_a_login_that_the_sis_does_not_take_back_ends_with_1(
    capsys: pytest.CaptureFixture[str], config: Path, server: TokenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", Browser(capsys))
    assert ran(capsys, config, "tokens", "authorise", "harbor", "--paste")[0] == 0
    server.answers = [(503, {})]
    code, out, err = ran(capsys, config, "tokens", "revoke", "harbor", "--yes")

    assert (code, out) == (1, "")
    assert "did not take it back" in err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("authorise", "nobody"), 2, "The configuration names no integration 'nobody', but harbor."),
        (("authorise", "harbor", "--paste", "--port", "0"), 2, "name the port"),
        (("authorise", "harbor", "--paste"), 2, "its state is another"),
        (("revoke",), 2, "Name one integration, or say --all."),
        (("revoke", "harbor", "--all"), 2, "Name one integration, or say --all."),
        (("revoke", "nobody", "--yes"), 2, "There is no integration 'nobody'"),
    ],
)
def test_bad_usage_is_a_sentence(
    capsys: pytest.CaptureFixture[str],
    config: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    forged = "http://127.0.0.1:8976/callback?code=planted-code&state=forged"
    monkeypatch.setattr(sys, "stdin", Browser(capsys, forged))
    found, _out, err = ran(capsys, config, "tokens", *arguments)

    assert found == code
    assert said in err
    assert "planted-code" not in err
