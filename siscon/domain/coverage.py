"""What the data of a login cover (a school year, the granted scopes), and what of it has changed since last time."""

from __future__ import annotations

from collections.abc import Mapping

from siscon.domain.text import plain

SCOPES = "scopes"
"""The name under which granted scopes stand, parted by blanks."""

NAMES_MOST = 50
TEXT_MOST = 2_000


def readable(told: object) -> dict[str, str] | None:
    """What a provider told, if it is short names and texts; else None: nobody knows what it covers."""
    if not isinstance(told, Mapping) or len(told) > NAMES_MOST:
        return None
    if not all(isinstance(one, str) and len(one) <= TEXT_MOST for pair in told.items() for one in pair):
        return None
    return {plain(name): plain(text, limit=TEXT_MOST) for name, text in told.items()}


def scopes_of(granted: str) -> str:
    """Granted scopes in one order, however the SIS lists them."""
    return " ".join(sorted(set(granted.split())))


def differences(known: Mapping[str, str], seen: Mapping[str, str]) -> list[str]:
    """What covers something else than at the last good run; names that only one of the two knows say nothing.

    Further scopes are none: what was covered still is.
    """
    told = [_difference(name, known[name], seen[name]) for name in known if name in seen]
    return [one for one in told if one]


def _difference(name: str, before: str, now: str) -> str:
    if before == now:
        return ""
    if name == SCOPES:
        lost = sorted(set(before.split()) - set(now.split()))
        return (
            f"the login has lost {'the scope' if len(lost) == 1 else 'the scopes'} {', '.join(lost)}"
            if lost
            else ""
        )
    return f"{name} {before} → {now}"


def in_a_sentence(differences: list[str]) -> str:
    """Why a run waits for a person, for what covers something else."""
    return (
        f"What the login covers has changed: {'; '.join(differences)}. Ids may be others now, "
        "and what is absent says nothing"
    )
