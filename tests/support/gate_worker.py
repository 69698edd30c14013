"""A process of its own that passes a stored gate again and again and prints when it was let through (ms)."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from siscon.engine.gate import StoredGate
from siscon.engine.moments import wall_ms
from siscon.providers.contract import Rate
from siscon.store.sqlite import open_database


async def main(path: str, requests: int, per_s: float, times: int) -> None:
    db = await open_database(Path(path), synchronous="normal")
    try:
        gate = StoredGate(db, "harbor", Rate(requests=requests, per_s=per_s), now_ms=wall_ms)
        for _ in range(times):
            await gate.enter()
            sys.stdout.write(f"{wall_ms()}\n")
    finally:
        await db.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])))
