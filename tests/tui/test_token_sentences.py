"""What the tokens pane says of one login: what a person must do stands there whole."""

from __future__ import annotations

import pytest

from siscon.domain.tokens import TokenHealth, TokenState
from siscon.ops.views import TokenView
from siscon.tui.lines import token_line
from siscon.tui.present import Look
from siscon.tui.screens.tokens import token_sentences


def told(state: TokenState | None) -> list[str]:
    return [cell.text for cell in token_sentences(TokenView("harbor", "Title", "wired", state), Look())]


def test_a_login_that_needs_a_person_shows_the_command_however_long_its_name_is() -> None:
    name = "n" * 31
    said = f"{name} needs a person: {'why ' * 35}. Run: siscon tokens authorise {name}"
    state = TokenState(name, TokenHealth.NEEDS_PERSON, 1, 2, 2, 1, said, scope="a b")
    lines = told(state)

    assert said in lines
    assert "It covers: a b" in lines
    assert lines[-1].startswith("A consent: siscon tokens authorise harbor.")


@pytest.mark.parametrize("health", TokenHealth)
def test_nothing_renews_by_itself_what_waits_for_a_person(health: TokenHealth) -> None:
    state = TokenState("harbor", health, 1, 2, 2, 1, "")
    cells = token_line(TokenView("harbor", "Title", "wired", state), Look(), 2).cells

    waits = health in (TokenHealth.NEEDS_PERSON, TokenHealth.REVOKED)
    assert any(cell.text == "by hand" for cell in cells) is waits


def test_a_login_without_a_token_says_when_one_comes() -> None:
    assert told(None) == ["harbor  (Title)", "No token yet: the first run asks for one."]
