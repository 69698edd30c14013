"""An import that was under way when siscon was brought up to date goes on in the newer one, from where it stood."""

from __future__ import annotations

import signal
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, closing
from pathlib import Path

import pytest

from siscon import runtime
from siscon.domain.runs import GOOD_ENDS, Phase
from siscon.store.migrate import known_migrations, migrate
from support.clock import until
from support.processes import Sandbox, ServedHouse, config_for, running_sandbox, served_houses

OLD = 6
TABLES = "SELECT name, sql FROM {schema}.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path / "sandbox", students=150) as found:
        yield found


@pytest.fixture
async def houses(tmp_path: Path, sandbox: Sandbox) -> AsyncIterator[dict[str, ServedHouse]]:
    async with AsyncExitStack() as stack:
        children = stack.enter_context(served_houses())
        found = {}
        for name in ("calm", "busy"):
            settings = config_for(tmp_path / name, sandbox, page_size=6)
            house = await stack.enter_async_context(runtime.open_house(settings))
            found[name] = ServedHouse(settings, house.db, children)
        yield found


def as_of_schema(path: Path, version: int) -> None:
    """Make a database what an older siscon would have left: its schema, and of each table the columns it had."""
    old = path.with_name("old.db")
    with closing(sqlite3.connect(old, isolation_level=None)) as made:
        migrate(made, old, now_ms=1, migrations=known_migrations()[:version])
        made.execute("ATTACH ? AS newer", (str(path),))
        newer = dict(made.execute(TABLES.format(schema="newer")))
        older = dict(made.execute(TABLES.format(schema="main")))
        made.execute("PRAGMA foreign_keys = OFF")
        for name, sql in newer.items():
            if name.endswith("_mappings"):
                made.execute(sql)
                older[name] = sql
        for name in older.keys() & newer.keys() - {"schema_migrations"}:
            columns = [
                [row[1] for row in made.execute(f"PRAGMA {schema}.table_info('{name}')")]
                for schema in ("main", "newer")
            ]
            both = ", ".join(f'"{one}"' for one in columns[0] if one in columns[1])
            made.execute(f"DELETE FROM main.{name}")
            made.execute(f"INSERT INTO main.{name} ({both}) SELECT {both} FROM newer.{name}")
        made.execute("PRAGMA journal_mode = WAL")
    for tail in ("-wal", "-shm"):
        path.with_name(path.name + tail).unlink(missing_ok=True)
    old.replace(path)


@pytest.mark.long
async def test_an_import_of_an_older_siscon_goes_on_after_the_upgrade(
    houses: dict[str, ServedHouse], sandbox: Sandbox
):
    calm, busy = houses["calm"], houses["busy"]
    before = sandbox.pages
    child = await calm.serve()
    await calm.ask_for_import()
    await calm.reaches(*GOOD_ENDS)
    calm.end(child, signal.SIGTERM)
    asked = sandbox.pages - before

    sandbox.control("faults", {"delay_ms": 80})
    before = sandbox.pages
    child = await busy.serve()
    await busy.ask_for_import()

    async def is_in_the_middle() -> bool:
        run = await busy.newest()
        return run is not None and run.phase is Phase.FETCH and sandbox.pages - before > 8

    await until(is_in_the_middle)
    busy.end(child, signal.SIGKILL)
    await busy.db.close()
    as_of_schema(busy.settings.database, OLD)
    sandbox.control("faults", {"delay_ms": 0})

    async with runtime.open_house(busy.settings) as newer:
        house = ServedHouse(busy.settings, newer.db, busy.children)
        child = await house.serve()
        run = await house.reaches(*GOOD_ENDS)
        house.end(child, signal.SIGTERM)
        assert run.attempt == 2
        assert await house.content() == await calm.content()
    assert sandbox.pages - before <= asked + 1
    with closing(sqlite3.connect(busy.settings.home / f"siscon.db.before-{OLD + 1}")) as copy:
        assert copy.execute("PRAGMA user_version").fetchone() == (OLD,)
        assert copy.execute("SELECT status, phase FROM runs").fetchall() == [("running", "fetch")]
