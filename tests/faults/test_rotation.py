"""A key is changed while an engine of its own process works: it follows without a word, and nothing is lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from siscon.domain.runs import RunStatus
from siscon.ops import audit as audit_desk
from siscon.ops import keys as desk
from siscon.store import rekey
from siscon.store.sqlite import open_database
from support.clock import LIMIT_S
from support.processes import ServedHouse, config_for, running_sandbox, served_houses


def siscon(config: Path, *words: str) -> int:
    command = [sys.executable, "-m", "siscon", "--config", str(config), *words]
    return subprocess.run(command, capture_output=True, timeout=2 * LIMIT_S, check=False).returncode


@pytest.mark.long
async def test_an_engine_follows_a_rotation_and_works_on_after_the_old_key_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CREDENTIALS_DIRECTORY", "SISCON_KEY_FILE", "SISCON_KEY"):
        monkeypatch.delenv(name, raising=False)
    with running_sandbox(tmp_path / "sandbox", students=60) as sandbox, served_houses() as children:
        settings = config_for(tmp_path / "home", sandbox)
        settings.home.mkdir(mode=0o700)
        db = await open_database(settings.database)
        house = ServedHouse(settings, db, children)
        try:
            await house.serve()
            await house.ask_for_import()
            first = await house.reaches(RunStatus.COMPLETED)
            source = desk.source_of(settings.home)
            old = source.read()

            assert siscon(settings.file, "keys", "rotate") == 0
            assert siscon(settings.file, "keys", "prune", "--yes") == 0
            assert [key for key in source.read() if key in old] == []
            await house.ask_for_import()
            await house.reaches(RunStatus.COMPLETED, after=first.id)
            assert siscon(settings.file, "tokens", "refresh", "powerschool") == 0

            report = await desk.check(db, source)
            async with db.read() as c:
                assert len(await rekey.counts(c)) == 1
            assert report.is_good
            assert (await audit_desk.verify(db, settings.home)).is_whole
        finally:
            await db.close()
