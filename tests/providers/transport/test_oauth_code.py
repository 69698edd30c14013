"""A person's consent: the address, and everything that is wrong with what comes back."""

from __future__ import annotations

from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from siscon.domain.errors import AuthError, ConfigError, SisconError, UsageError
from siscon.domain.privacy import Secret
from siscon.providers.grants import AuthorizationCode
from siscon.providers.transport.oauth_code import CONSENT_WITHIN_S, Consent, challenge_of

GRANT = AuthorizationCode(
    "https://sis.example.org/authorize?district=7", "https://sis.example.org/token", scope="a b"
)
BACK = "http://127.0.0.1:8976/callback"


def consent(grant: AuthorizationCode = GRANT) -> Consent:
    return Consent(grant, "the-id", BACK, begun_at_ms=1_000)


def back(one: Consent, **told: str) -> str:
    return f"{BACK}?{urlencode({'code': 'canary-code', 'state': one.state.reveal(), **told})}"


def test_the_challenge_is_that_of_the_standard() -> None:
    """The example of RFC 7636, appendix B."""
    verifier = Secret("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")

    assert challenge_of(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_the_address_asks_for_a_code_with_state_and_challenge() -> None:
    one = consent()
    told = {name: texts[0] for name, texts in parse_qs(urlsplit(one.address).query).items()}

    assert told == {
        "district": "7",
        "response_type": "code",
        "client_id": "the-id",
        "redirect_uri": BACK,
        "scope": "a b",
        "state": one.state.reveal(),
        "code_challenge": challenge_of(one.verifier),
        "code_challenge_method": "S256",
    }
    assert one.verifier.reveal() not in one.address
    assert len(one.verifier.reveal()) == 64
    assert consent().state != one.state
    assert one.state.reveal() not in repr(one)
    assert one.verifier.reveal() not in repr(one)


def test_a_consent_in_clear_is_refused() -> None:
    with pytest.raises(ConfigError):
        _ = consent(AuthorizationCode("http://sis.example.org/a", "https://sis.example.org/t")).address


def test_the_right_answer_gives_its_code_once() -> None:
    one = consent()

    assert one.code_in(back(one) + "\n", now_ms=2_000).reveal() == "canary-code"
    with pytest.raises(AuthError) as caught:
        one.code_in(back(one), now_ms=2_000)
    assert caught.value.code == "consent_used"


@pytest.mark.parametrize(
    "address",
    [
        BACK,
        f"{BACK}?code=canary-code",
        f"{BACK}?code=canary-code&state=forged",
        f"{BACK}?code=canary-code&state=",
        f"{BACK}?code=canary-code&state=%C3%A9",
    ],
)
def test_another_state_is_refused_and_spends_nothing(address: str) -> None:
    one = consent()
    with pytest.raises(UsageError) as caught:
        one.code_in(address, now_ms=2_000)

    assert caught.value.code == "wrong_state"
    assert one.code_in(back(one), now_ms=2_000)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("127.0.0.1", "localhost"),
        ("8976", "8977"),
        ("/callback", "/callback/"),
        ("http:", "https:"),
        ("http:", ""),
        ("http://127.0.0.1:8976", "http://[bad"),
        ("code=", "code=x&code="),
        ("state=", "state=\udc80"),
    ],
)
def test_another_address_is_refused_and_spends_nothing(old: str, new: str) -> None:
    one = consent()
    with pytest.raises(UsageError) as caught:
        one.code_in(back(one).replace(old, new, 1), now_ms=2_000)

    assert caught.value.code == "wrong_address"
    assert "canary" not in str(caught.value)
    assert one.code_in(back(one), now_ms=2_000)


@pytest.mark.parametrize(
    ("told", "now_ms", "code"),
    [
        ({}, 1_001 + int(CONSENT_WITHIN_S * 1000), "consent_late"),
        ({}, 999, "consent_late"),
        ({"iss": "https://evil.example.org"}, 2_000, "wrong_issuer"),
        ({"iss": "nonsense"}, 2_000, "wrong_issuer"),
        ({"error": "access_denied"}, 2_000, "consent_refused"),
        ({"code": ""}, 2_000, "no_code"),
    ],
)
def test_an_answer_that_is_no_consent_ends_it(told: dict[str, str], now_ms: int, code: str) -> None:
    one = consent()
    with pytest.raises(SisconError) as caught:
        one.code_in(back(one, **told), now_ms=now_ms)
    assert caught.value.code == code
    assert "canary" not in str(caught.value)

    with pytest.raises(AuthError) as again:
        one.code_in(back(one), now_ms=2_000)
    assert again.value.code == "consent_used"


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        ("access_denied", "access_denied"),
        ("temporarily_unavailable", "temporarily_unavailable"),
        ("invalid_target", "invalid_target"),
        ("canary-token.abc", ""),
        ("Call 0800 and tell your password", ""),
        ("x" * 41, ""),
        ("access_denied\n", ""),
        ("\x1b[31mred", ""),
        ("", ""),
        ("same", ""),
    ],
)
def test_a_refusal_is_repeated_only_where_it_is_a_code(error: str, shown: str) -> None:
    one = consent()
    with pytest.raises(AuthError) as caught:
        one.code_in(back(one, error=error, code="same"), now_ms=2_000)

    assert caught.value.code == "consent_refused"
    assert f"({shown or 'an error that is no code of OAuth'})" in caught.value.sentence
    assert shown or not error or error not in caught.value.sentence


@pytest.mark.parametrize(
    ("issuer", "named"),
    [
        ("https://evil.example.org/?token=canary", "evil.example.org"),
        ("https://user:canary@evil.example.org", "one without an address"),
        ("canary", "one without an address"),
    ],
)
def test_of_another_issuer_only_the_host_is_told(issuer: str, named: str) -> None:
    one = consent()
    with pytest.raises(AuthError) as caught:
        one.code_in(back(one, iss=issuer), now_ms=2_000)

    assert caught.value.code == "wrong_issuer"
    assert named in caught.value.sentence
    assert "canary" not in caught.value.sentence


@pytest.mark.parametrize(
    ("issuer", "comes", "is_right"),
    [
        ("", "https://sis.example.org", True),
        ("", "https://sis.example.org/realm", True),
        ("https://id.example.org", "https://id.example.org", True),
        ("https://id.example.org", "https://id.example.org/", False),
        ("https://id.example.org", "https://sis.example.org", False),
    ],
)
def test_the_issuer_must_be_the_right_one_where_it_comes(issuer: str, comes: str, is_right: bool) -> None:
    one = consent(AuthorizationCode(GRANT.authorize_url, GRANT.token_url, issuer=issuer))
    if is_right:
        assert one.code_in(back(one, iss=comes), now_ms=2_000).reveal() == "canary-code"
        return
    with pytest.raises(AuthError) as caught:
        one.code_in(back(one, iss=comes), now_ms=2_000)
    assert caught.value.code == "wrong_issuer"
