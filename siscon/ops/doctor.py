"""Examines what siscon stands on: configuration, files, key, database, clock, providers, terminal, engine, logins."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path

from siscon.config import Settings, fingerprint
from siscon.domain.audited import SETTINGS
from siscon.domain.errors import SisconError
from siscon.domain.text import counted, plain
from siscon.domain.tokens import TokenHealth, TokenState
from siscon.ops import notices
from siscon.ops.checks import Check as Check
from siscon.ops.checks import Screen as Screen
from siscon.ops.checks import State as State
from siscon.ops.engine_parts import failing_part
from siscon.ops.opening import as_owner
from siscon.ops.upkeep_checks import check_backups, check_chores, check_files
from siscon.ops.webhook_checks import check_webhooks
from siscon.providers import registry
from siscon.store import audit, events, integrations, keys, leases, migrate, rekey, size, sqlite, tokens
from siscon.store.database import Database
from siscon.store.os_accounts import account_of

LEAST_FREE_MIB, GOOD_FREE_MIB = 100, 1024
MIB = 1024 * 1024
CLOCK_SLACK_MS = 2 * 60 * 1000
SCREEN_COLUMNS, SCREEN_LINES = 80, 24


async def examine(
    load: Callable[[], Settings],
    environ: Mapping[str, str],
    *,
    screen: Screen,
    now_ms: int,
    thorough: bool = True,
) -> list[Check]:
    """Every check, in the order in which one builds on the other.

    Not ``thorough`` it neither touches the key nor reads every page of the database.
    """
    checks = check_screen(environ, screen)
    try:
        settings = load()
    except SisconError as error:
        broken = Check(
            "configuration", State.FAIL, error.sentence, "run 'siscon config check' and mend each line"
        )
        return [broken, *check_providers(()), *checks]
    found = f"{settings.file}, {counted(len(settings.integrations), 'integration')}"
    used = sorted({one.provider for one in settings.integrations.values()})
    checks = [Check("configuration", State.OK, found), *check_providers(used), *checks]
    checks += [check_home(settings.home), check_disk(settings.home), check_space(settings.home)]
    checks += await _check_database(settings, environ, now_ms=now_ms, thorough=thorough)
    return checks


def check_providers(used: Collection[str]) -> list[Check]:
    """Whose code the configured providers are; those that are installed and not used are named, not loaded."""
    checks = []
    for name in used:
        try:
            kind = registry.load(name)
            told = f"{kind.title}, {registry.package_of(name, kind)}"
        except SisconError as error:
            checks.append(Check(f"provider {name}", State.FAIL, error.sentence, "mend or remove the plug-in"))
        else:
            checks.append(Check(f"provider {plain(name)}", State.OK, told))
    if not registry.names():
        return [Check("providers", State.FAIL, "none is installed", "install siscon again")]
    others = sorted(set(registry.names()) - set(used))
    if others:
        checks.append(Check("providers", State.OK, f"installed, not used: {plain(', '.join(others))}"))
    return checks


def check_screen(environ: Mapping[str, str], screen: Screen) -> list[Check]:
    """What the console would find."""
    if not screen.is_terminal:
        return [Check("terminal", State.OK, "none here: commands work, the console needs one")]
    kind = environ.get("TERM", "")
    if kind in ("", "dumb"):
        return [Check("terminal", State.WARN, f"TERM is '{kind}'", "set TERM, such as xterm-256color")]
    seen = f"{kind}, {screen.columns} x {screen.lines}, {screen.encoding}"
    if "utf" not in screen.encoding.lower():
        return [Check("terminal", State.WARN, seen, "use a UTF-8 locale, such as LANG=C.UTF-8")]
    if screen.columns < SCREEN_COLUMNS or screen.lines < SCREEN_LINES:
        return [Check("terminal", State.WARN, seen, f"make it {SCREEN_COLUMNS} x {SCREEN_LINES} or larger")]
    return [Check("terminal", State.OK, seen)]


def check_home(home: Path) -> Check:
    """The folder of database and key: there, ours, private, writable."""
    try:
        found = home.stat()
    except FileNotFoundError:
        return _check_way_to(home)
    except OSError as error:
        return Check("home", State.FAIL, f"{home}: {error.strerror}", "give this account the right to it")
    if not stat.S_ISDIR(found.st_mode):
        return Check("home", State.FAIL, f"{home} is no folder", "name another folder as home")
    if found.st_uid != os.geteuid():
        seen = f"{home} belongs to another account, {account_of(found.st_uid)}"
        return Check("home", State.FAIL, seen, as_owner(found.st_uid))
    if not os.access(home, os.W_OK | os.X_OK):
        return Check("home", State.FAIL, f"{home} is read-only for this account", f"chmod 700 {home}")
    if stat.S_IMODE(found.st_mode) & 0o077:
        return Check("home", State.WARN, f"others may look into {home}", f"chmod 700 {home}")
    return Check("home", State.OK, f"{home}, private")


def _check_way_to(home: Path) -> Check:
    """A home that the first start would have to make."""
    there = next(folder for folder in home.parents if folder.exists())
    if os.access(there, os.W_OK | os.X_OK):
        return Check("home", State.WARN, f"{home} is not there yet", "the first start makes it")
    advice = "name another folder as home, or give this account the right to write there"
    return Check(
        "home", State.FAIL, f"{home} is not there, and {there} is read-only for this account", advice
    )


def check_disk(home: Path) -> Check:
    """SQLite's locks hold on local disks only."""
    kind = sqlite.is_network_filesystem(_nearest(home))
    if kind:
        return Check(
            "disk", State.FAIL, f"{home} lies on a network share ({kind})", "put home on a local disk"
        )
    return Check("disk", State.OK, "local")


def check_space(home: Path) -> Check:
    """What is left on the disk of the home."""
    free_mib = shutil.disk_usage(_nearest(home)).free // MIB
    seen = f"{free_mib:,} MiB free"
    if free_mib < LEAST_FREE_MIB:
        return Check("space", State.FAIL, seen, "make room: imports stop when the disk is full")
    if free_mib < GOOD_FREE_MIB:
        return Check("space", State.WARN, seen, "make room soon")
    return Check("space", State.OK, seen)


def _nearest(path: Path) -> Path:
    return next(one for one in (path, *path.parents) if one.exists())


async def _check_database(
    settings: Settings, environ: Mapping[str, str], *, now_ms: int, thorough: bool
) -> list[Check]:
    path = settings.database
    if not path.exists():
        return [Check("database", State.WARN, f"{path} is not there yet", "the first start makes it")]
    try:
        db = await sqlite.open_database(path, read_only=True)
    except SisconError as error:
        return [Check("database", State.FAIL, error.sentence, "see the sentence; nothing was changed")]
    try:
        faults = await sqlite.quick_check(db) if thorough else []
        if faults:
            advice = "stop siscon and restore the newest good copy"
            return [Check("database", State.FAIL, "; ".join(faults[:3]), advice)]
        newest = migrate.known_migrations()[-1].version
        if db.version > newest:
            told = f"{path} has schema {db.version}; this siscon knows schemas up to {newest}"
            return [Check("database", State.FAIL, told, "install the newer siscon again")]
        sound = "sound" if thorough else "not read through"
        return [
            Check("database", State.OK, f"{path}, schema {db.version}, {sound}"),
            await check_size(db),
            check_files(settings.home, settings.database, settings.backups),
            await check_backups(
                db, settings.backups, scheduled=bool(settings.upkeep.backup.schedule), now_ms=now_ms
            ),
            *await check_chores(db, now_ms=now_ms),
            *([await _check_key(db, settings.home, environ)] if thorough else []),
            await _check_clock(db, now_ms=now_ms),
            await _check_engine(db, settings, now_ms=now_ms),
            *(await _check_parts(db, now_ms=now_ms) if db.version == newest else []),
            *await _check_logins(db, settings.integrations, now_ms=now_ms),
            *await check_webhooks(db, settings, now_ms=now_ms),
            *(await notices.checks(db, settings.notices, now_ms=now_ms) if db.version == newest else []),
        ]
    except SisconError as error:
        return [Check("database", State.FAIL, error.sentence, "see the sentence; nothing was changed")]
    finally:
        await db.close()


async def check_size(db: Database) -> Check:
    """How large the database is, and what it holds most of."""
    async with db.read() as c:
        names = [one.name for one in await integrations.all_integrations(c)]
        found = await size.measure(c, names)
    told = ", ".join(f"{n:,} {what}" for what, n in found.rows.items() if n)
    free = f" ({found.free_bytes / MIB:,.1f} of them free)" if found.free_bytes > MIB else ""
    return Check("size", State.OK, f"{found.bytes / MIB:,.1f} MiB{free}; {told or 'no row yet'}")


async def _check_key(db: Database, home: Path, environ: Mapping[str, str]) -> Check:
    async with db.read() as c:
        needed = await rekey.any_sealed(c)
    source = keys.find_source(home, environ)
    try:
        vault = keys.open_vault(source)
        async with db.read() as c:
            await rekey.check_fits(c, vault)
            protecting = await rekey.counts(c)
    except SisconError as error:
        if not needed:
            return Check("key", State.WARN, "none yet", "the first start makes it")
        return Check("key", State.FAIL, error.sentence, "see the sentence; nothing was changed")
    seen = f"key {vault.key_id} seals, from the {source.name}"
    if old := sum(sum(rows.values()) for key_id, rows in protecting.items() if key_id != vault.key_id):
        advice = "run 'siscon keys rotate' to go on"
        return Check("key", State.WARN, f"{seen}; {old:,} values are sealed with older keys", advice)
    return Check("key", State.OK, seen)


async def _check_clock(db: Database, *, now_ms: int) -> Check:
    async with db.read() as c:
        news = await events.latest(c, limit=1)
    shown = datetime.fromtimestamp(now_ms // 1000, UTC).isoformat()
    if news and news[0].at_ms > now_ms + CLOCK_SLACK_MS:
        ahead_s = (news[0].at_ms - now_ms) // 1000
        said = f"{shown}, but the newest event is {ahead_s} s later"
        return Check("clock", State.WARN, said, "set the clock; schedules follow it")
    return Check("clock", State.OK, shown)


async def _check_engine(db: Database, settings: Settings, *, now_ms: int) -> Check:
    async with db.read() as c:
        alive = [one for one in await leases.engines(c, now_ms=now_ms) if one.alive]
        used = await audit.newest_detail(c, SETTINGS)
    if not alive:
        return Check("engine", State.OK, "none is alive: 'siscon' or 'siscon serve' starts one")
    seen = ", ".join(f"{one.id} (process {one.pid} on {one.host})" for one in alive)
    if used is not None and used.get("digest") != fingerprint(settings):
        advice = "start it anew: it reads the configuration, and variables, as it starts"
        return Check("engine", State.WARN, f"{seen} goes by other settings than these", advice)
    return Check("engine", State.OK, seen)


async def _check_parts(db: Database, *, now_ms: int) -> list[Check]:
    told = await failing_part(db, now_ms=now_ms)
    advice = "logs/engine.jsonl in the home says why; start the engine anew once that is mended"
    return [Check("parts of the engine", State.WARN, told, advice)] if told else []


_LOGIN_TO_DO = {
    TokenHealth.NEEDS_PERSON: "do what it says; 'siscon integrations test' then tells whether it works",
    TokenHealth.REVOKED: "'siscon tokens refresh' asks for a new one; 'siscon tokens authorise' where a person must",
}


async def _check_logins(db: Database, names: Collection[str], *, now_ms: int) -> list[Check]:
    """How the login of each configured integration is: for a person's work what went wrong and what to do."""
    async with db.read() as c:
        states = [one for one in await tokens.states(c, now_ms=now_ms) if one.integration in names]
    return [_login(one) for one in states]


def _login(one: TokenState) -> Check:
    match one.health:
        case TokenHealth.NEEDS_PERSON:
            state, seen = State.FAIL, plain(one.last_error, limit=400)
        case TokenHealth.REVOKED:
            state, seen = State.WARN, "was given back"
        case TokenHealth.EXPIRED:
            state, seen = State.OK, "has ended; the next run asks for a new one"
        case TokenHealth.NONE:
            state, seen = State.OK, "none yet; the first run asks for one"
        case _:
            state, seen = State.OK, one.health.value
    return Check(f"login {one.integration}", state, seen, _LOGIN_TO_DO.get(one.health, ""))
