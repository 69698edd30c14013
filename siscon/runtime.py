"""The assembly: opens the house, starts or finds an engine, wires signals, and leaves a page after a crash."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from siscon import __version__, config
from siscon.config import Settings
from siscon.domain.errors import NOT_ALLOWED, ConfigError, DatabaseError, SisconError, UsageError
from siscon.domain.leases import EngineInfo
from siscon.domain.privacy import Secret
from siscon.domain.roles import ACTS, Role
from siscon.domain.text import plain_lines
from siscon.engine import inbox
from siscon.engine.activation import activate_all
from siscon.engine.heads import HeadKeeper
from siscon.engine.journal import keep_journal, redact
from siscon.engine.judging import judge_of
from siscon.engine.lifeline import is_provably_gone
from siscon.engine.log_file import Limits, move_aside
from siscon.engine.moments import wall_ms
from siscon.ops import commands as desk
from siscon.ops import opening
from siscon.ops.actor import check_serve, is_behind_sudo, role_here
from siscon.providers import registry
from siscon.store import audit, commands, keys, leases, rekey, sqlite
from siscon.store.database import Database
from siscon.store.vault import Vault
from siscon.tui import keymap

CONFIG_VARIABLE = "SISCON_CONFIG"
CONFIG_FILE = "config.yaml"
ENGINE_READY_WITHIN_S = 20.0
SAID, SAID_BYTES = "serve.log", 1 << 20


@dataclass(frozen=True, slots=True)
class House:
    """An open house: its database, its vault and what was asked for."""

    db: Database
    vault: Vault
    settings: Settings
    actor: str
    role: Role

    async def need(self, act: str, needed: Role | None = None) -> None:
        """Raise ``UsageError`` where who is here may not do this; ``needed`` None: an act of ``ACTS``."""
        await desk.need(self.db, act, needed or ACTS[act], actor=self.actor, role=self.role)


def settings_file(path: str | Path | None = None) -> tuple[bool, Path]:
    """The file of the settings, and whether somebody named it: here, else in ``$SISCON_CONFIG``; else ./config.yaml."""
    named = path or os.environ.get(CONFIG_VARIABLE)
    return bool(named), Path(named or CONFIG_FILE).absolute()


def load_settings(path: str | Path | None = None) -> Settings:
    """The settings: of the file named, else of ``$SISCON_CONFIG``, else of ./config.yaml."""
    return config.load(
        settings_file(path)[1],
        os.environ,
        provider_settings=registry.settings_of,
        provider_needs=registry.needs_of,
        known_providers=registry.names(),
        key_faults=keymap.faults,
        behind_sudo=is_behind_sudo(),
    )


@asynccontextmanager
async def open_house(settings: Settings, *, for_person: bool = False) -> AsyncIterator[House]:
    """Open the database and the vault; close both however the block ends. What is made is for its owner alone.

    ``for_person``: what is read is shown to who is here, so a viewer reads it masked.
    """
    before = os.umask(0o077)
    try:
        actor, role = role_here(settings.role_rules)
        db = await _opened(settings, role if for_person else Role.ADMIN)
        try:
            async with db.read() as c:
                sealed = await rekey.any_sealed(c)
                vault = keys.load_keys(settings.home, os.environ, create=not sealed)
                await rekey.check_fits(c, vault)
                newest, _seal = await audit.head(c)
            house = House(db, vault, settings, actor, role)
            try:
                yield house
            except UsageError as error:
                if error.code == NOT_ALLOWED and await find_engine(db) is None:
                    await _answer(house, ())
                raise
            finally:
                await _keep_head(house, newest)
        finally:
            await db.close()
    finally:
        os.umask(before)


async def open_database(settings: Settings, *, for_person: bool = False) -> Database:
    """The database alone, for a screen that opens and closes it in a loop of its own."""
    role = role_here(settings.role_rules)[1]
    return await _opened(settings, role if for_person else Role.ADMIN)


async def _opened(settings: Settings, role: Role) -> Database:
    """The database; a viewer reads names and personal values masked, whatever is asked."""
    synchronous, masked = settings.storage.synchronous, role is Role.VIEWER
    return await opening.open_database(settings.database, synchronous=synchronous, masked=masked)


def secrets_of(settings: Settings) -> list[Secret]:
    """Every secret of the configuration, so that the log can leave them out."""
    of_systems = (secret for one in settings.integrations.values() for secret in one.secrets)
    return [*of_systems, *settings.notices.secrets]


@contextmanager
def journal(settings: Settings, name: str) -> Iterator[None]:
    """Send this process's log into ``<home>/logs/<name>.jsonl``; nothing is printed on the terminal."""
    told = settings.upkeep.log
    limits = Limits(
        logging.getLevelNamesMapping()[told.level.upper()], told.file_mib << 20, told.file_days, told.files
    )
    file = logs_of(settings) / f"{name}.jsonl"
    with keep_journal(file, secrets=secrets_of(settings), limits=limits):
        yield


def logs_of(settings: Settings) -> Path:
    """The folder of the logs, for its owner alone."""
    opening.make_home(settings.home)
    folder = settings.home / "logs"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


async def _keep_head(house: House, before_seq: int) -> None:
    """Write the newest seal down where acts have come and no engine is alive that does so."""
    with suppress(DatabaseError):
        async with house.db.read() as c:
            newest, _seal = await audit.head(c)
        if newest > before_seq and await find_engine(house.db) is None:
            await HeadKeeper(house.db, house.vault, house.settings.home, now_ms=wall_ms).write()


async def settle_audit(settings: Settings) -> None:
    """Have the audit tell at once what waits to be noted, and keep its newest seal; an engine does so by itself."""
    db = await open_database(settings)
    try:
        async with db.read() as c:
            if not (await audit.head(c))[0] and not await commands.pending(c):
                return  # a new home, whose key nobody has made yet
    finally:
        await db.close()
    async with open_house(settings) as house:
        if await find_engine(house.db) is None:
            await _answer(house, ())
            await _keep_head(house, -1)


async def find_engine(db: Database) -> EngineInfo | None:
    """The newest engine that is alive, or None; one that was killed a moment ago is not."""
    async with db.read() as c:
        alive = [one for one in await leases.engines(c, now_ms=wall_ms()) if one.alive]
    if isinstance(db, sqlite.SqliteDatabase):
        alive = [one for one in alive if not is_provably_gone(db.path.parent, one.id)]
    return next(iter(alive), None)


async def run_until_idle(house: House) -> int:
    """Be the engine for as long as there is something to do: for short commands where no engine is alive."""
    from siscon.engine.engine import Engine

    await house.need("run what waits")
    with journal(house.settings, "sync"):
        return await Engine(house.db, house.settings, house.vault, asyncio.Event(), until_idle=True).run()


async def carry_out_request(house: House, command_id: int) -> int:
    """Answer one command without an engine; 1, or 0 where it need not be. What the configuration names is activated
    first. What others asked for is left to an engine.
    """
    await activate_all(house.db, house.settings, load_provider=registry.load, now_ms=wall_ms)
    return await _answer(house, {command_id})


async def _answer(house: House, only: Collection[int]) -> int:
    """Answer these commands, and what others have left to be noted alone."""
    judge = judge_of(house.settings)
    return await inbox.carry_out(
        house.db, vault=house.vault, live=None, judge=judge, now_ms=wall_ms, only=only
    )


async def try_integration(house: House, name: str) -> AsyncIterator[dict[str, Any]]:
    """Try an integration out as :func:`siscon.engine.trial.tried` does; each finding as a row."""
    from siscon.engine.trial import tried

    await house.need("try an integration")
    await activate_all(house.db, house.settings, load_provider=registry.load, now_ms=wall_ms)
    owner = f"trial-{os.getpid()}-{secrets.token_hex(4)}"
    with journal(house.settings, "trial"):
        async for finding in tried(
            house.db,
            house.settings,
            house.vault,
            name,
            owner=owner,
            load_provider=registry.load,
            now_ms=wall_ms,
        ):
            yield asdict(finding)


async def preview_accounts(house: House, name: str, *, examples: int) -> list[dict[str, Any]]:
    """Who would be named how, a row for each kind of person of which the configuration says how; nothing is written."""
    from siscon.engine.accounts import Accounts, preview

    rules = house.settings.integrations[name].accounts.rules
    found = await preview(house.db, Accounts(rules), name, examples=examples)
    return [
        {
            "integration": name,
            "entity": one.entity.value,
            "fields": list(rules[one.entity].fields),
            "people": one.lacking,
            "examples": [
                {"external_id": person.external_id, "internal_id": person.internal_id, **told}
                for person, told in one.examples
            ],
        }
        for one in found
    ]


@contextmanager
def stop_on_signals(stop: asyncio.Event) -> Iterator[None]:
    """SIGTERM and SIGINT set ``stop``; a second one ends the process at once. A lost line (SIGHUP) does nothing."""
    loop = asyncio.get_running_loop()
    watched = (signal.SIGTERM, signal.SIGINT)

    def on_signal(number: int) -> None:
        if stop.is_set():
            os._exit(128 + number)
        stop.set()

    for number in watched:
        loop.add_signal_handler(number, on_signal, number)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)
        for number in watched:
            loop.remove_signal_handler(number)


@dataclass(frozen=True, slots=True)
class Child:
    """An engine started as a process of its own; what it says goes to ``said`` from ``said_from`` on."""

    process: subprocess.Popen[bytes]
    said: Path
    said_from: int

    @property
    def pid(self) -> int:
        return self.process.pid

    def last_sentence(self) -> str:
        """The last line it printed, for the one who waits for it in vain."""
        with suppress(OSError), self.said.open("rb") as file:
            file.seek(self.said_from)
            lines = file.read()[-4000:].decode("utf-8", "replace").strip().splitlines()
            if lines:
                return plain_lines(lines[-1])
        return f"it left no word; see {self.said.parent}"


def start_engine_process(settings: Settings) -> Child:
    """Start ``siscon serve`` in a session of its own, so that it outlives the terminal.

    To be called before a screen starts: the screen replaces the standard streams by some that no child can have.
    """
    said = logs_of(settings) / SAID
    if said.exists() and said.stat().st_size > SAID_BYTES:
        move_aside(said, 1)
    descriptor = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    try:
        said_from = os.fstat(descriptor).st_size
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and words of our own
            # -P: never a module that lies in the folder where somebody happens to stand
            [sys.executable, "-P", "-m", "siscon", "--config", str(settings.file), "serve"],
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            start_new_session=True,
            close_fds=True,
        )
    finally:
        os.close(descriptor)
    return Child(process, said, said_from)


async def wait_for_engine(
    db: Database, *, child: Child | None = None, timeout_s: float = ENGINE_READY_WITHIN_S
) -> EngineInfo:
    """The engine once its row says that it is alive; raises with its last words if it ends before."""
    deadline_s = time.monotonic() + timeout_s
    while True:
        engine = await find_engine(db)
        if engine is not None and (child is None or engine.pid == child.pid):
            return engine
        if child is not None and child.process.poll() is not None:
            raise ConfigError(f"The engine ended at once: {child.last_sentence()}", code="engine_ended")
        if time.monotonic() > deadline_s:
            raise DatabaseError(
                f"No engine was ready within {timeout_s:.0f} s; see the logs.", code="no_engine"
            )
        await db.changed(timeout_s=0.1)


@contextmanager
def engine_in_thread(settings: Settings) -> Iterator[None]:
    """An engine in this process, in a thread with its own loop; it is stopped when the block ends."""
    from siscon.engine.engine import Engine

    check_serve(settings.role_rules)
    ready, faults = threading.Event(), list[BaseException]()
    stopping: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def main() -> None:
        stop = asyncio.Event()
        stopping.append((asyncio.get_running_loop(), stop))
        async with open_house(settings) as house:
            await Engine(house.db, settings, house.vault, stop).run(ready.set)

    def run() -> None:
        try:
            asyncio.run(main())
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
            faults.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=run, name="siscon-engine")
    thread.start()
    try:
        ready.wait(ENGINE_READY_WITHIN_S)
        if faults:
            raise faults[0]
        yield
    finally:
        for loop, stop in stopping:
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(stop.set)
        thread.join()


def write_crash_page(error: BaseException, arguments: Sequence[str], *, home: Path | None = None) -> str:
    """Leave a page about a fault that nobody expected, without values of variables; a sentence that names it."""
    number = secrets.token_hex(4)
    name = plain_lines(type(error).__name__)
    page = "\n".join(
        [
            f"siscon {__version__}, Python {sys.version.split()[0]}, crash {number}",
            f"command: {' '.join(arguments[:1])}",
            "",
            *traceback.format_tb(error.__traceback__),
            f"{name}: {redact(str(error)) if isinstance(error, SisconError) else '(text left out)'}",
        ]
    )
    folder = (home or Path.home() / ".siscon") / "logs"
    path = folder / f"crash-{number}.txt"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(plain_lines(page))
    except OSError:
        return f"siscon met a fault of its own ({name}, {number}) and could not write a page about it."
    return f"siscon met a fault of its own ({name}). Please report it with the file {path}."
