"""Planted secrets are hunted in every place that siscon leaves anything in: not one may be found."""

from __future__ import annotations

import base64
import json
import os
import pty
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from siscon.domain.errors import ProviderError
from siscon.domain.privacy import Secret
from siscon.store import keys
from siscon.tui.crash import crash_sentence, write_crash
from support.clock import LIMIT_S
from support.consoles import console, press
from support.echo_sis import MODES, echo_sis
from support.processes import running_sandbox

PLANTED = {
    "client_secret": "planted-CLIENT+secret/7421&x=1",
    "password": "planted-PASSWORD+word/7422&x=2",
    "token": "planted-STATIC+token/7423&x=3",
    "private_key": "planted-PRIVATE+key/7424&x=4",
    "access": "planted-ACCESS+token/7425&x=5",
    "refresh": "planted-REFRESH+token/7426&x=6",
}
VAULT_KEY = b"planted-vault-key-7427-32-bytes!"
SYNC = " ".join(("sync", "--wait", "sound", *(mode.replace(" ", "_") for mode in MODES)))
BY_STATIC_TOKEN = ("api_401", "api_html")
COMMANDS = (
    "status",
    "runs list",
    "runs show 1",
    "errors list",
    "conflicts list",
    "tokens list",
    "integrations list",
    "config check",
    "config show",
    "doctor",
    "keys check",
    "audit list",
    "audit verify",
    "keys rotate",
    "keys prune --yes",
)


def forms(secret: bytes) -> set[bytes]:
    """Every form that a secret may travel in; in base64 at each alignment, without the cut ends."""
    text = secret.decode("latin-1")
    found = {
        secret,
        quote(text, safe="").encode(),
        quote_plus(text).encode(),
        json.dumps(text)[1:-1].encode(),
        secret.hex().encode(),
        secret[::-1],
    }
    for shift in range(3):
        inner = base64.b64encode(b"\0" * shift + secret)[4:-4]
        found |= {inner, inner.replace(b"+", b"-").replace(b"/", b"_")}
    return found


HUNTED = {
    **{name: forms(secret.encode()) for name, secret in PLANTED.items()},
    "vault key": forms(VAULT_KEY),
}


def hunt(told: bytes) -> set[str]:
    """The names of the planted secrets that stand in a text in any form."""
    return {name for name, shapes in HUNTED.items() if any(shape in told for shape in shapes)}


def test_the_hunter_finds_what_is_there() -> None:
    for name, secret in PLANTED.items():
        for prefix in ("", "x", "id:"):
            assert hunt(base64.b64encode(f"{prefix}{secret}".encode())) == {name}
        assert hunt(quote(secret, safe="").encode()) == {name}
    assert hunt(base64.urlsafe_b64encode(VAULT_KEY)) == {"vault key"}
    assert hunt(b"nothing here") == set()


@contextmanager
def arguments_watched() -> Iterator[set[bytes]]:
    """What the argument lists of all processes say while the block runs."""
    seen: set[bytes] = set()
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.02):
            for one in Path("/proc").glob("[0-9]*/cmdline"):
                with suppress(OSError):
                    seen.add(one.read_bytes())

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


class Place:
    """A home, its configuration and the environment that brings the secrets."""

    def __init__(self, folder: Path, sandbox_port: int, ports: dict[str, int]) -> None:
        self.home = folder / "home"
        self.home.mkdir(mode=0o700)
        self.config = folder / "config.yaml"
        keys.replace_file(self.home / keys.KEY_FILE, [VAULT_KEY])
        lines = [f"home: '{self.home}'", "integrations:", *_integration("sound", sandbox_port, sandbox=True)]
        for mode, port in ports.items():
            lines += _integration(mode.replace(" ", "_"), port)
        self.config.write_text("\n".join(lines) + "\n")
        kept = {key: value for key, value in os.environ.items() if not key.startswith("SISCON")}
        self.environ = {
            **kept,
            **{f"PLANTED_{name.upper()}": secret for name, secret in PLANTED.items()},
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "TERM": "xterm-256color",
        }

    def run(self, words: str, *more: str) -> bytes:
        """What a command says, on both streams."""
        command = [sys.executable, "-m", "siscon", "--config", str(self.config), *words.split(), *more]
        done = subprocess.run(
            command,
            capture_output=True,
            env=self.environ,
            timeout=4 * LIMIT_S,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        return done.stdout + done.stderr

    def screens(self, presses: bytes) -> bytes:
        """What a console writes to its terminal while keys are pressed."""
        master, slave = pty.openpty()
        command = [sys.executable, "-m", "siscon", "--config", str(self.config)]
        process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=self.environ, start_new_session=True
        )
        os.close(slave)
        said = b""
        left = [presses[at : at + 1] for at in range(len(presses))]
        until_s = time.monotonic() + 2 * LIMIT_S
        while process.poll() is None and time.monotonic() < until_s:
            if select.select([master], [], [], 0.7)[0]:
                with suppress(OSError):
                    said += os.read(master, 65_536)
            elif b"sound" not in said:
                continue
            elif left:
                os.write(master, left.pop(0))
            else:
                process.terminate()
        process.kill()
        process.wait()
        os.close(master)
        return said


def _integration(name: str, port: int, *, sandbox: bool = False) -> list[str]:
    lines = [
        f"  {name}:",
        "    provider: powerschool",
        f"    base_url: http://127.0.0.1:{port}",
        "    client_id: sandbox-powerschool",
        "    requests_per_minute: 0",
        "    attempts: 2",
        "    settings: {page_size: 20}",
    ]
    if sandbox:
        return [*lines, "    client_secret: ${SISCON_SANDBOX_SECRET:-invented-secret}"]
    given = ("token",) if name in BY_STATIC_TOKEN else ()
    fields = ("client_secret", "password", "private_key", *given)
    return lines + [f"    {one}: ${{PLANTED_{one.upper()}}}" for one in fields]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    token = {
        "access_token": PLANTED["access"],
        "refresh_token": PLANTED["refresh"],
        "token_type": "Bearer",
        "expires_in": 3600,
    }
    said = " ".join(PLANTED.values())
    with ExitStack() as stack:
        sandbox = stack.enter_context(running_sandbox(tmp_path / "sandbox", students=60))
        ports = {mode: stack.enter_context(echo_sis(mode, token=token, said=said)) for mode in MODES}
        yield Place(tmp_path, sandbox.port, ports)


@pytest.mark.long
def test_no_planted_secret_is_found_anywhere(place: Place) -> None:
    said: dict[str, bytes] = {}
    with arguments_watched() as arguments:
        for words in (SYNC, *COMMANDS):
            said[words] = place.run(words)
            if words not in (SYNC, "keys prune --yes"):
                said[f"{words} --json"] = place.run(words, "--json")
        said["screens"] = place.screens(b"123456789?\x1bpq")
        said["stop"] = place.run("stop")

    assert b"sound" in said["integrations list"]
    assert b"api_500" in said["runs list"]
    assert len(said["screens"]) > 2000
    assert any(b"siscon" in one for one in arguments)
    assert {name: found for name, told in said.items() if (found := hunt(told))} == {}
    assert {one for one in arguments if hunt(one)} == set()
    files = [one for one in place.home.rglob("*") if one.is_file() and one.name != keys.KEY_FILE]
    assert {"siscon.db", "audit-heads.jsonl"} <= {one.name for one in files}
    assert {str(one): found for one in files if (found := hunt(one.read_bytes()))} == {}
    assert {str(one) for one in files if one.stat().st_mode & 0o077} == set()


@pytest.mark.long
async def test_no_planted_secret_is_on_a_screen_that_is_exported(place: Place) -> None:
    place.run(SYNC)
    async with console(place.home / "siscon.db", size=(160, 50)) as pilot:
        for key in "123456789":
            await press(pilot, key)
            assert hunt(pilot.app.export_screenshot().encode()) == set()


def test_a_crash_leaves_no_variable_behind(tmp_path: Path) -> None:
    secret, shown = PLANTED["token"], Secret(PLANTED["password"])

    def fail(token: str, login: Secret) -> None:
        bare = {"token": token, "login": login}
        try:
            raise ValueError(f"cannot use {token}")
        except ValueError as error:
            raise RuntimeError(bare) from error

    with pytest.raises(RuntimeError) as caught:
        fail(secret, shown)
    path = write_crash(caught.value, tmp_path)

    assert path is not None
    assert hunt(path.read_bytes()) == set()
    assert hunt(crash_sentence(caught.value, path).encode()) == set()
    assert path.stat().st_mode & 0o077 == 0
    assert (
        hunt(f"{shown!r} {shown} {shown!s:>40} {ProviderError('x', detail=str(shown))!r}".encode()) == set()
    )


def test_no_core_is_dumped(tmp_path: Path) -> None:
    code = (
        "import atexit, resource, sys; sys.argv = ['siscon', 'config', 'schema'];"
        "from siscon.cli.main import main;"
        "atexit.register(lambda: sys.stderr.write(str(resource.getrlimit(resource.RLIMIT_CORE)))); main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.stderr == "(0, 0)"
