"""How long it takes to check an audit of many acts: ``python benchmarks/audit_chain.py 100000``."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from siscon.store import audit
from siscon.store.sqlite import open_database
from siscon.store.vault import Vault


async def main(acts: int) -> None:
    vault = Vault([b"k" * 32])
    with tempfile.TemporaryDirectory() as folder:
        db = await open_database(Path(folder) / "siscon.db", synchronous="normal")
        begun_s = time.perf_counter()
        async with db.transaction() as c:
            for seq in range(acts):
                await audit.append(
                    c,
                    vault,
                    actor=f"run:{seq}",
                    action="apply",
                    target="harbor/student",
                    detail={"created": 0, "updated": seq % 200, "digest": f"{seq:064x}"},
                    at_ms=seq,
                )
        written_s = time.perf_counter() - begun_s
        begun_s, begun_cpu_s = time.perf_counter(), time.process_time()
        async with db.read() as c:
            assert await audit.verify(c, vault) is None
        took_s, cpu_s = time.perf_counter() - begun_s, time.process_time() - begun_cpu_s
        await db.close()
    print(f"{acts:,} acts: written in {written_s:.1f} s, checked in {took_s:.2f} s ({cpu_s:.2f} s of CPU)")


asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
