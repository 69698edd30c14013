"""What a console cannot do with a login, and the command that can: it holds no key and opens no browser, by design."""

from __future__ import annotations

from collections.abc import Sequence

from siscon.tui.present import Cell, Look, foreign
from siscon.tui.widgets.confirm import Ask, Choice


def how_to_authorise(integration: str, look: Look) -> Ask:
    """How a person's consent is given."""
    return _told(
        f"Allow the login of {integration}",
        f"siscon tokens authorise {integration}",
        (
            "It prints the address at which you consent in a browser, and waits for it.",
            "Where the browser runs on another machine: add --paste, and paste the address on which it ends.",
        ),
        look,
    )


def how_to_revoke(integration: str, look: Look) -> Ask:
    """How a login is given back."""
    return _told(
        f"Give the login of {integration} back",
        f"siscon tokens revoke {integration}",
        (
            "It asks once more, gives the token back to the SIS and drops it here. There is no undo:",
            "the next run asks for a new one, or a person has to consent again.",
        ),
        look,
    )


def _told(title: str, command: str, more: Sequence[str], look: Look) -> Ask:
    lines = [
        Cell("This console holds no key, so it cannot do this itself. In a shell:"),
        foreign(f"  {command}", "strong"),
        *(Cell(one, "dim") for one in more),
    ]
    return Ask(foreign(title).text, lines, (Choice("c", "", "Close"),), safe="", look=look)
