"""What the home screen says of an integration that cannot go on: in words, with a sign."""

from __future__ import annotations

import pytest

from siscon.domain.integrations import Integration, IntegrationState
from siscon.domain.tokens import TokenHealth
from siscon.ops.views import Budget, Health
from siscon.tui.present import ASCII, Look
from siscon.tui.screens.overview import health_sentences

NOW_MS = 1_790_000_000_000


def shown(*, login: TokenHealth = TokenHealth.GOOD, paused: bool = False, breaker: str = "closed") -> str:
    one = Integration(
        *("north", "powerschool", "PowerSchool", True, paused, "", 60, 1, None, NOW_MS, "", None),
        breaker_state=breaker,
        breaker_until_ms=None if breaker == "closed" else NOW_MS + 60_000,
    )
    view = Health(one, IntegrationState.OK, None, None, Budget(60, 0, None), 0, 0, login)
    return "\n".join(cell.text for cell in health_sentences(view, Look(ASCII), NOW_MS))


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (shown(login=TokenHealth.NEEDS_PERSON), "x The login needs a person"),
        (shown(breaker="open"), "~ Breaker open: nothing is asked until"),
        (shown(breaker="trying"), "~ Breaker trying"),
        (shown(paused=True), "o Paused by a person"),
    ],
)
def test_what_is_in_the_way_has_a_word_and_a_sign(told: str, words: str) -> None:
    assert words in told


def test_nothing_in_the_way_is_not_told() -> None:
    assert not any(word in shown() for word in ("reaker", "aused", "person"))
