"""Names provider, integration and entity in whatever a provider does wrong."""

from __future__ import annotations

import asyncio
import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from siscon.domain.errors import ProviderError, Signal, SisconError
from siscon.domain.records import Entity
from siscon.domain.text import plain
from siscon.engine.job import ImportJob
from siscon.providers.contract import Provider

log = logging.getLogger(__name__)


class Told:
    """Names provider, integration and entity in whatever goes wrong."""

    def __init__(self, job: ImportJob, entity: Entity | None) -> None:
        self.entity = entity
        self._provider = job.provider
        kind = plain(getattr(job.provider, "name", "") or type(job.provider).__name__, limit=40)
        of = f", {entity} list," if entity else ""
        self._who = f"The provider {kind} of integration {job.run.integration}{of}"

    def broken(self, what: str, code: str = "bad_provider") -> ProviderError:
        """The error that says so."""
        return ProviderError(
            f"{self._who} {what}. Nothing of it is applied; report it to whoever wrote the provider.",
            code=code,
        )

    @contextmanager
    def faults(self) -> Iterator[None]:
        """Turn everything but our own errors, signals and a true cancellation into an error that names the provider.

        The log gets the place but not the words, which may quote a pupil's data.
        """
        try:
            yield
        except (SisconError, Signal):
            raise
        except BaseException as fault:
            task = asyncio.current_task()
            if isinstance(fault, asyncio.CancelledError) and (task is None or task.cancelling()):
                raise
            named = plain(type(fault).__name__, limit=60)
            place = "".join(traceback.format_tb(fault.__traceback__)[-4:])
            log.error("%s raised %s:\n%s", self._who, named, place)  # noqa: TRY400 - the words may quote a pupil
            raise self.broken(f"raised {named}{line_of(fault, self._provider)}") from None


def line_of(fault: BaseException, provider: Provider) -> str:
    """`` in line 39 of quill.py``: where a fault left the file of a provider; empty if it never was there."""
    file = getattr(sys.modules.get(type(provider).__module__), "__file__", None)
    lines = [
        line for frame, line in traceback.walk_tb(fault.__traceback__) if frame.f_code.co_filename == file
    ]
    return f" in line {lines[-1]} of {plain(Path(str(file)).name, limit=60)}" if lines else ""
