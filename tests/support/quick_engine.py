"""An engine as ``siscon serve`` runs it, whose clock alone sees time go faster: minutes come in seconds.

Leases, heartbeats and runs keep real time. Arguments: configuration, from which moment on, how many times faster.
"""

from __future__ import annotations

import asyncio
import sys

from siscon import runtime, serving
from siscon.engine import engine
from siscon.engine.clock import Clock
from siscon.engine.leases import Holdings
from siscon.engine.moments import wall_ms


class QuickEngine(engine.Engine):
    """The engine, but for the time that its clock is shown."""

    def _clock(self, holdings: Holdings) -> Clock:
        clock = super()._clock(holdings)
        begin_ms, faster = int(sys.argv[2]), int(sys.argv[3])
        clock.now_ms = lambda: begin_ms + (wall_ms() - begin_ms) * faster
        return clock


if __name__ == "__main__":
    engine.Engine = QuickEngine  # type: ignore[misc] # the one that is made here
    sys.exit(asyncio.run(serving.serve(runtime.load_settings(sys.argv[1]))))
