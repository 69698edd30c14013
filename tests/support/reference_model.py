"""What an import must come to, said as plainly as can be: three dictionaries and a rule. The engine is held to it."""

from __future__ import annotations

from dataclasses import dataclass, field

from siscon.domain.conflicts import Strategy

Fields = dict[str, str | None]
NAMES = ("first_name", "last_name", "email", "grade_level", "status")


@dataclass
class ReferenceModel:
    """The roster, what was last agreed on, who stayed away how often, which fields and people wait for a person."""

    strategies: dict[str, Strategy]
    after_runs: int = 2
    local: dict[str, Fields] = field(default_factory=dict)
    base: dict[str, Fields] = field(default_factory=dict)
    away: dict[str, int] = field(default_factory=dict)
    withdrawn: set[str] = field(default_factory=set)
    asked: dict[str, set[str]] = field(default_factory=dict)
    others: set[str] = field(default_factory=set)

    def sync(self, sis: dict[str, Fields]) -> dict[str, int]:
        """One complete import; its counts."""
        counts = dict.fromkeys(("created", "updated", "unchanged", "conflict", "withdrawn"), 0)
        for who, incoming in sis.items():
            self.away.pop(who, None)
            self.withdrawn.discard(who)
            counts[self._meet(who, incoming, counts)] += 1
        for who in self.local.keys() - sis.keys() - self.withdrawn:
            self._miss(who, counts)
        return counts

    def _meet(self, who: str, incoming: Fields, counts: dict[str, int]) -> str:
        if who not in self.local:
            self.local[who], self.base[who] = dict(incoming), dict(incoming)
            return "created"
        local, base = self.local[who], self.base[who]
        was_other = who in self.others
        self.others.discard(who)
        if all(incoming[name] not in (local[name], base[name]) for name in NAMES[:2]):
            self.others.add(who)
            return "conflict"
        was_asked = self.asked.pop(who, set()) or was_other
        if incoming == base and not was_asked:
            return "unchanged"
        was_active, questions = local["status"] == "active", set()
        for name in NAMES:
            ours, before, theirs = local[name], base[name], incoming[name]
            if theirs in (ours, before):
                base[name] = theirs
            elif ours == before or self.strategies.get(name, Strategy.SIS_WINS) is Strategy.SIS_WINS:
                local[name] = base[name] = theirs
            elif self.strategies[name] is Strategy.LOCAL_WINS:
                base[name] = theirs
            else:
                questions.add(name)
        counts["withdrawn"] += was_active and local["status"] == "inactive"
        if questions:
            self.asked[who] = questions
            return "conflict"
        return "updated"

    def _miss(self, who: str, counts: dict[str, int]) -> None:
        self.away[who] = self.away.get(who, 0) + 1
        if self.away[who] >= self.after_runs and self.local[who]["status"] == "active":
            self.local[who]["status"] = self.base[who]["status"] = "inactive"
            self.withdrawn.add(who)
            self.asked.pop(who, None)
            counts["withdrawn"] += 1
