"""A walk that is taken up again asks for nothing that was answered and kept before."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from siscon.domain.records import Entity
from siscon.providers.contract import Answer, Api
from siscon.providers.registry import load
from support.sandbox_sis import client_for, sandbox, settings_for


class Counted:
    """An ``Api`` that remembers what was asked for."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self.asked: list[str] = []

    async def get(
        self, path: str, params: Mapping[str, str | int] | None = None, *, keep_s: float = 0.0
    ) -> Answer:
        self.asked.append(f"{path} {sorted((params or {}).items())}")
        return await self._api.get(path, params, keep_s=keep_s)

    async def post(self, path: str, body: Any, params: Any = None, *, repeatable: bool = False) -> Answer:
        self.asked.append(f"{path} {sorted((params or {}).items())}")
        return await self._api.post(path, body, params, repeatable=repeatable)


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("powerschool", {}),
        ("powerschool", {"lists": "walk"}),
        ("infinite_campus", {}),
        ("skyward", {}),
    ],
    ids=["powerschool", "powerschool by walk", "infinite_campus", "skyward"],
)
async def test_a_walk_taken_up_after_every_page_asks_for_no_page_again(
    tmp_path: Path, name: str, more: dict[str, Any]
):
    kind = load(name)
    async with sandbox(tmp_path, students=60) as state:
        settings = settings_for(kind, state, page_size=17, **more)
        async with client_for(kind, settings) as client:
            whole, pieces = Counted(client), Counted(client)
            for entity in kind.entities:
                async for _ in kind(whole, settings).pages(entity, cursor=None, resume=None):
                    pass
                await walk_in_pieces(kind(pieces, settings), entity)
    assert sorted(pieces.asked) == sorted(whole.asked)


async def walk_in_pieces(provider: Any, entity: Entity) -> None:
    """One page a walk, as if a crash followed each."""
    resume: str | None = None
    while True:
        async with aclosing(provider.pages(entity, cursor=None, resume=resume)) as pages:
            resume = (await anext(pages)).resume
        if resume is None:
            return
