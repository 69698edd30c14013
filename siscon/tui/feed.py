"""Changes in the database become one message for the screen that is visible; a newer one replaces one that waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from textual.message import Message

from siscon.domain.errors import SisconError
from siscon.ops import Database
from siscon.ops.feed import changes

RETRY_S = 2.0


class Changed(Message):
    """Something was committed, or nothing was for a while (``news`` False)."""

    def __init__(self, *, news: bool) -> None:
        self.news = news
        super().__init__()

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, Changed)


async def follow(db: Database, tell: Callable[[Changed], object]) -> None:
    """Tell of changes until cancelled; a database that cannot be watched for a moment is watched again."""
    while True:
        try:
            async for news in changes(db):
                tell(Changed(news=news))
        except SisconError:
            tell(Changed(news=True))
            await asyncio.sleep(RETRY_S)
