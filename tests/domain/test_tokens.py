"""Tokens: when a new one is due, and how well one is."""

from __future__ import annotations

from siscon.domain.privacy import Secret
from siscon.domain.tokens import Token, TokenHealth, health_at, missing_scopes, refresh_at_ms

HOUR_MS = 3_600_000


def token(life_ms):
    return Token(Secret("invented"), obtained_at_ms=0, expires_at_ms=life_ms)


def test_a_long_lived_token_is_renewed_ten_minutes_early_and_earlier_by_the_jitter():
    assert refresh_at_ms(token(HOUR_MS)) == HOUR_MS - 600_000
    assert refresh_at_ms(token(HOUR_MS), jitter_s=60) == HOUR_MS - 660_000


def test_a_short_lived_token_is_renewed_at_four_fifths_of_its_life():
    assert refresh_at_ms(token(300_000)) == 240_000


def test_a_token_without_an_end_is_never_renewed_by_itself():
    assert refresh_at_ms(token(None)) is None
    assert health_at(token(None), now_ms=10**15) is TokenHealth.GOOD


def test_health_follows_the_clock():
    told = [health_at(token(HOUR_MS), now_ms=now) for now in (0, HOUR_MS - 600_000, HOUR_MS)]

    assert told == [TokenHealth.GOOD, TokenHealth.EXPIRING, TokenHealth.EXPIRED]


def test_failures_without_a_living_token_need_a_person():
    assert health_at(None, now_ms=0) is TokenHealth.NONE
    assert health_at(None, now_ms=0, failures=1) is TokenHealth.NEEDS_PERSON
    assert health_at(token(HOUR_MS), now_ms=HOUR_MS, failures=3) is TokenHealth.NEEDS_PERSON


def test_a_secret_shows_itself_to_nobody():
    secret = Secret("swordfish")

    assert "swordfish" not in f"{secret} {secret!r} {token(HOUR_MS)!r} {[secret]}"
    assert secret.reveal() == "swordfish"


def test_what_was_asked_for_and_not_granted_is_named_once_in_order():
    assert missing_scopes("c a  b a", "b x") == ("c", "a")
    assert missing_scopes("", "x") == ()
    assert missing_scopes("a b", "b a") == ()
