"""The systems that the sandbox plays: what sets the district of each apart from the others'."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from siscon.sandbox.ids import GuidIds, Ids, NumberIds, ZeroedIds


@dataclass(frozen=True, slots=True)
class System:
    """One system, as far as its district is concerned."""

    name: str
    title: str
    make_ids: Callable[[int], Ids]
    terms_per_school: bool
    shared_courses: bool
    username_required: bool
    flaws: tuple[str, ...]
    requests_per_minute: int
    port: int
    """How far its port is from the first one."""


POWERSCHOOL = System(
    name="powerschool",
    title="PowerSchool",
    make_ids=lambda _seed: NumberIds(),
    terms_per_school=True,
    shared_courses=True,
    username_required=False,
    flaws=("no_last_name", "no_section", "bad_birth_date", "wrong_type"),
    requests_per_minute=60,
    port=0,
)
INFINITE_CAMPUS = System(
    name="infinite_campus",
    title="Infinite Campus",
    make_ids=GuidIds,
    terms_per_school=False,
    shared_courses=False,
    username_required=False,
    flaws=("no_last_name", "no_section", "bad_begin", "wrong_type"),
    requests_per_minute=100,
    port=1,
)
SKYWARD = System(
    name="skyward",
    title="Skyward",
    make_ids=lambda _seed: ZeroedIds(),
    terms_per_school=False,
    shared_courses=False,
    username_required=True,
    flaws=("no_last_name", "no_section", "bad_begin", "wrong_type"),
    requests_per_minute=80,
    port=2,
)
ONEROSTER = System(
    name="oneroster",
    title="OneRoster",
    make_ids=GuidIds,
    terms_per_school=False,
    shared_courses=False,
    username_required=True,
    flaws=("no_last_name", "no_section", "bad_begin", "wrong_type"),
    requests_per_minute=120,
    port=4,
)
SYSTEMS = {system.name: system for system in (POWERSCHOOL, INFINITE_CAMPUS, SKYWARD)}
"""The systems of a demo."""
ALL_SYSTEMS = {**SYSTEMS, ONEROSTER.name: ONEROSTER}
"""Every system that is served; OneRoster is that of a vendor without a name."""

FAST_REQUESTS_PER_MINUTE = 60_000
