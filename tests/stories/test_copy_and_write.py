"""An id goes into an e-mail, a list into a file for a colleague."""

from __future__ import annotations

from pathlib import Path

from stories.conftest import Dawn


async def test_an_id_is_copied_and_a_list_written_once(dawn: Dawn, tmp_path: Path) -> None:
    async with dawn() as here, here.console() as hand:
        await hand.presses("6", "y")
        await hand.hears("clipboard")
        target = tmp_path / "mappings.csv"
        await hand.presses(":")
        await hand.types(f"write {target}")
        await hand.hears("mappings.csv")
        assert target.stat().st_mode & 0o077 == 0
        lines = target.read_text(encoding="utf-8").splitlines()
        assert len(lines) > 100
        await hand.presses(":")
        await hand.types(f"write {target}")
        await hand.sees("there already")
        await hand.presses("escape")
