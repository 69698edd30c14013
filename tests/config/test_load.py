"""The configuration as a person writes it: what is accepted, and what every complaint says."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from siscon.config import Settings, explain, load, schema
from siscon.domain.errors import ConfigError
from siscon.domain.records import Entity


class CampusSettings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    base_url: str
    token_url: str
    page_size: int = 100


class PlainSettings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    base_url: str


PROVIDERS: dict[str, type[BaseModel]] = {"campus": CampusSettings, "powerschool": PlainSettings}

GOOD = """
integrations:
  north:
    provider: powerschool
    base_url: https://north.example.org/
    client_id: abc
    client_secret: ${NORTH_SECRET}
"""
ENVIRON = {"NORTH_SECRET": "s3cr3t-canary"}


def loaded(tmp_path: Path, text: str, environ: dict[str, str] | None = None) -> Settings:
    file = tmp_path / "config.yaml"
    file.write_text(text, encoding="utf-8")
    told = ENVIRON if environ is None else environ
    return load(file, told, provider_settings=PROVIDERS.get, known_providers=list(PROVIDERS))


def complaints(tmp_path: Path, text: str, environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text, environ)
    told = caught.value.complaints
    assert "s3cr3t" not in repr(told)
    return [f"{one.line}:{one.column} {one.path}: {one.sentence}" for one in told]


def test_a_small_configuration_gets_every_default(tmp_path: Path) -> None:
    settings = loaded(tmp_path, GOOD)
    north = settings.integrations["north"]

    assert settings.home == tmp_path / "siscon-home"
    assert settings.database == tmp_path / "siscon-home" / "siscon.db"
    assert settings.file == tmp_path / "config.yaml"
    assert north.base_url == "https://north.example.org"
    assert north.client_secret.reveal() == "s3cr3t-canary"
    assert (north.requests_per_minute, north.enabled, north.entities) == (None, True, ())
    assert settings.guard.limits.missing_share == 0.10
    assert "s3cr3t" not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"


def test_all_complaints_come_at_once_with_place_and_nearest_key(tmp_path: Path) -> None:
    text = """
hom: here
engine:
  batch: 5000
  on_quit: aks
integrations:
  north:
    provider: powerschol
    base_url: http://north.example.org
    client_id: 12
    client_secret: in-clear
    clientid: x
  Bad-Name:
    provider: powerschool
    base_url: nonsense
    client_id: a
    client_secret: ${MISSING}
"""
    told = complaints(tmp_path, text)

    assert told[0] == "2:1 hom: unknown key: did you mean 'home'?"
    assert told[1] == "4:10 engine.batch: must be at most 1000"
    assert told[2] == "5:12 engine.on_quit: 'aks' is not known here: did you mean 'ask'?"
    assert told[3].startswith(
        "8:15 integrations.north.provider: there is no provider 'powerschol': did you mean"
    )
    assert told[4].startswith("9:15 integrations.north.base_url: must be https")
    assert told[5] == "10:16 integrations.north.client_id: must be text: put it in quotes"
    assert told[6].startswith("11:20 integrations.north.client_secret: must not stand here in clear")
    assert told[7] == "12:5 integrations.north.clientid: unknown key: did you mean 'client_id'?"
    assert told[8].startswith("13:3 integrations.Bad-Name: an integration's name")
    assert told[9].startswith("15:15 integrations.Bad-Name.base_url: is no address")
    assert told[10].startswith(
        "17:20 integrations.Bad-Name.client_secret: the environment variable MISSING is not"
    )
    assert len(told) == 11


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("enabled: no", "some YAML readers take no for true or false"),
        ("enabled: On", "write true or false"),
        ("client_id: 0123", "put it in quotes"),
        ("client_id: 1:30", "put it in quotes"),
        ("client_id: 2024-01-01", "take 2024-01-01 for a date"),
        ("client_id: 0x1f", "put it in quotes"),
        ("client_id: 1_000", "put it in quotes"),
        ("client_id: .inf", "put it in quotes"),
        ("client_id: !!binary aGk=", "tags"),
        ("client_id: !!python/name:os.system x", "tags"),
        ("timeout_s: true", "must be a number"),
        ("requests_per_minute: true", "must be a number"),
        ("schedule: 0 25 * * *", "cannot be read"),
        ("entities: [pupils]", "'pupils' is not known here"),
        ("conflicts: {fields: {student.mail: manual}}", "is no field of a record"),
        ("conflicts: {default: sis_win}", "did you mean 'sis_wins'"),
        ("ca_file: not-there.pem", "is not there"),
        ("settings: {page_size: 3}", "settings.page_size: unknown key"),
        ("settings: {base_url: x}", "stands one level up"),
    ],
)
def test_what_is_doubtful_is_refused(tmp_path: Path, line: str, said: str) -> None:
    key = line.split(":")[0]
    kept = "\n".join(one for one in GOOD.splitlines() if not one.strip().startswith(f"{key}:"))
    told = complaints(tmp_path, f"{kept}\n    {line}\n")

    assert len(told) == 1
    assert said in told[0]
    assert told[0].startswith(("7:", "8:"))


def test_a_key_written_twice_is_refused_with_both_places(tmp_path: Path) -> None:
    told = complaints(tmp_path, GOOD + "    client_id: other\n")

    assert told == [
        "8:5 integrations.north.client_id: 'client_id' stands here a second time (first in line 6): keep one of the two"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "[" * 5000,
        "a: " + "{b: " * 40,
        "a: [1\n",
        "\ta: 1",
        "- x",
        "just text",
        "a: &a [*a]",
        "a: *b",
        "a: \x00",
    ],
)
@pytest.mark.timeout(60)
def test_unreadable_or_costly_text_is_one_complaint(tmp_path: Path, text: str) -> None:
    told = complaints(tmp_path, text)

    assert len(told) in (1, 2)


@pytest.mark.timeout(60)
def test_a_laughing_document_stays_small(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [" + ", ".join([f"*a{n - 1}"] * 9) + "]" for n in range(1, 6)]

    assert complaints(tmp_path, "\n".join(lines))


def test_a_file_above_one_mib_or_not_utf8_or_missing_is_said_in_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    for content, said in (
        (b"# " + b"x" * 1024 * 1024, "larger than 1 MiB"),
        (b"a: \xff\xfe", "cannot be used"),
    ):
        file.write_bytes(content)
        with pytest.raises(ConfigError, match=said):
            load(file, {}, provider_settings=PROVIDERS.get)
    with pytest.raises(ConfigError, match="There is no configuration"):
        load(tmp_path / "none.yaml", {}, provider_settings=PROVIDERS.get)


def test_references_are_expanded_after_parsing_and_cannot_add_structure(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from-file\n", encoding="utf-8")
    text = GOOD.replace("${NORTH_SECRET}", "${file:secret}").replace("abc", "'id-${ID:-none}'")
    settings = loaded(tmp_path, text, {"ID": "x\n    enabled: false"})

    assert settings.integrations["north"].client_secret.reveal() == "from-file"
    assert settings.integrations["north"].client_id == "id-x\n    enabled: false"
    assert settings.integrations["north"].enabled is True


def test_numbers_may_come_from_the_environment(tmp_path: Path) -> None:
    text = GOOD + "    requests_per_minute: ${RPM:-90}\n"

    assert loaded(tmp_path, text).integrations["north"].requests_per_minute == 90
    assert complaints(tmp_path, text, {**ENVIRON, "RPM": "many"}) == [
        "8:26 integrations.north.requests_per_minute: must be a whole number"
    ]


def test_a_secret_may_have_a_default_on_this_machine_only(tmp_path: Path) -> None:
    text = GOOD.replace("${NORTH_SECRET}", "${NORTH_SECRET:-s3cr3t}")
    here = text.replace("https://north.example.org/", "http://127.0.0.1:8081")

    assert "allowed for systems on this machine only" in complaints(tmp_path, text, {})[0]
    assert loaded(tmp_path, here, {}).integrations["north"].client_secret.reveal() == "s3cr3t"


def test_an_empty_or_mixed_or_broken_secret_is_refused(tmp_path: Path) -> None:
    assert "leads to nothing" in complaints(tmp_path, GOOD, {"NORTH_SECRET": ""})[0]
    mixed = GOOD.replace("${NORTH_SECRET}", "x${NORTH_SECRET}")
    assert "in clear" in complaints(tmp_path, mixed)[0]
    broken = GOOD.replace("${NORTH_SECRET}", "'${NORTH SECRET}'")
    assert "a reference is" in complaints(tmp_path, broken)[0]
    gone = GOOD.replace("${NORTH_SECRET}", "${file:/does/not/exist}")
    assert "cannot be read" in complaints(tmp_path, gone)[0]


def test_the_environment_beats_the_file(tmp_path: Path) -> None:
    environ = {
        **ENVIRON,
        "SISCON__ENGINE__BATCH": "50",
        "SISCON__INTEGRATIONS__NORTH__ENTITIES": "school,student",
        "SISCON__INTEGRATIONS__NORTH__CLIENT_SECRET": "other",
    }
    settings = loaded(tmp_path, GOOD, environ)

    assert settings.engine.batch == 50
    assert settings.integrations["north"].entities == (Entity.SCHOOL, Entity.STUDENT)
    assert settings.integrations["north"].client_secret.reveal() == "other"
    told = complaints(tmp_path, GOOD, {**ENVIRON, "SISCON__ENGINE__BATCH": "no", "SISCON__ENGINE": "x"})
    assert any("SISCON__ENGINE__BATCH" in one for one in told)
    assert any(
        "must hold keys and values (from the environment variable SISCON__ENGINE)" in one for one in told
    )


def test_a_providers_own_settings_are_checked_at_their_place(tmp_path: Path) -> None:
    text = GOOD.replace("powerschool", "campus") + "    settings:\n      pagesize: 5\n"
    told = complaints(tmp_path, text)

    assert told == [
        "8:5 integrations.north.settings.token_url: is missing",
        "9:7 integrations.north.settings.pagesize: unknown key: did you mean 'page_size'?",
    ]


def test_a_secret_is_never_sent_in_clear_to_a_token_url_either(tmp_path: Path) -> None:
    text = (
        GOOD.replace("powerschool", "campus")
        + "    settings: {token_url: 'http://login.example.org/token?x=1'}\n"
    )

    assert "8:27 integrations.north.settings.token_url: must be https" in complaints(tmp_path, text)[0]
    assert loaded(tmp_path, text.replace("http://login.example.org", "https://login.example.org"))


def test_an_integration_without_anything_lacks_everything(tmp_path: Path) -> None:
    told = complaints(tmp_path, "integrations:\n  north:\n")

    assert [one.split(" ", 1)[1] for one in told] == [
        f"integrations.north.{key}: is missing" for key in ("base_url", "provider")
    ]


def needs_a_secret(provider: str, settings: BaseModel) -> tuple[str, ...]:
    """A login whose needs depend on a setting."""
    if provider == "campus" and getattr(settings, "page_size", 0) == 1:
        raise ConfigError("The provider campus does not say how it logs in.")
    return ("client_id", "client_secret") if provider == "powerschool" else ()


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            "provider: powerschool",
            [
                "integrations.north.client_id: is missing: powerschool logs in with it",
                "integrations.north.client_secret: is missing: powerschool logs in with it",
            ],
        ),
        (
            "provider: powerschool\n    username: ann\n    client_id: a\n    client_secret: ${NORTH_SECRET}",
            ["integrations.north.password: is missing: powerschool logs in with it"],
        ),
        (
            "provider: campus\n    settings: {token_url: 'https://t.example.org', page_size: 1}",
            ["integrations.north.provider: The provider campus does not say how it logs in."],
        ),
    ],
)
def test_what_a_login_needs_is_missed_before_anything_starts(
    tmp_path: Path, lines: str, said: list[str]
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(f"integrations:\n  north:\n    base_url: https://n.example.org\n    {lines}\n")
    with pytest.raises(ConfigError) as caught:
        load(
            file,
            ENVIRON,
            provider_settings=PROVIDERS.get,
            provider_needs=needs_a_secret,
            known_providers=list(PROVIDERS),
        )

    assert [f"{one.path}: {one.sentence}" for one in caught.value.complaints] == said


def test_a_user_name_goes_with_a_password_or_with_a_key(tmp_path: Path) -> None:
    keyed = GOOD.replace(
        "client_id: abc", "client_id: abc\n    username: ann\n    private_key: ${NORTH_SECRET}"
    )

    assert loaded(tmp_path, keyed).integrations["north"].username == "ann"


def test_explain_tells_values_and_sources_but_no_secret(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(
        GOOD.replace("powerschool", "campus") + "    settings: {token_url: 'https://t.example.org/'}\n"
    )
    environ = {**ENVIRON, "SISCON__ENGINE__BATCH": "50"}
    rows = {one.key: one for one in explain(file, environ, provider_settings=PROVIDERS.get)}

    secret = rows["integrations.north.client_secret"]
    assert (secret.value, secret.source) == ("***", "config.yaml:7, ${NORTH_SECRET}")
    assert (rows["engine.batch"].value, rows["engine.batch"].source) == (
        "50",
        "environment SISCON__ENGINE__BATCH",
    )
    assert (rows["engine.on_quit"].value, rows["engine.on_quit"].source) == ("ask", "default")
    assert (rows["integrations.north.settings.page_size"].value) == "100"
    assert "s3cr3t" not in repr(rows)


def test_what_a_setting_takes_from_a_reference_is_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    settings = "    settings: {token_url: '${TOKEN_URL}', page_size: 7}\n"
    file.write_text(GOOD.replace("powerschool", "campus") + settings)
    environ = {**ENVIRON, "TOKEN_URL": "https://t.example.org/?key=s3cr3t"}
    rows = {one.key: one for one in explain(file, environ, provider_settings=PROVIDERS.get)}

    assert rows["integrations.north.settings.token_url"].value == "***"
    assert rows["integrations.north.settings.page_size"].value == "7"
    assert "s3cr3t" not in repr(rows)


def test_the_schema_names_every_key_and_the_settings_of_each_provider() -> None:
    made = schema(PROVIDERS)

    assert set(made["properties"]) == {
        "home",
        "time_zone",
        "storage",
        "engine",
        "console",
        "profile",
        "guard",
        "upkeep",
        "notices",
        "webhooks",
        "roles",
        "reports",
        "metrics",
        "blackouts",
        "integrations",
    }
    rules = {
        one["if"]["properties"]["provider"]["const"]: one["then"]
        for one in made["$defs"]["IntegrationSettings"]["allOf"]
    }
    assert rules["campus"]["properties"]["settings"]["required"] == ["token_url"]
    assert rules["powerschool"]["required"] == []


def test_the_guard_takes_other_limits_for_one_kind_of_record(tmp_path: Path) -> None:
    text = (
        "guard:\n  missing_share: 0.2\n  section_emptied: false\n"
        "  entities:\n    enrollment: {missing_share: 0.5, at_least: 20}\n"
    )

    limits = loaded(tmp_path, text).guard.limits

    own = limits.of(Entity.ENROLLMENT)
    assert (limits.of(Entity.STUDENT).missing_share, limits.section_emptied) == (0.2, False)
    assert (own.missing_share, own.at_least, own.updated_share, own.section_emptied) == (0.5, 20, 0.75, False)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            'student: {username: "{frist}{last}"}',
            "8:36 integrations.north.accounts.student.username: there is no placeholder 'frist': did you mean {first}?",
        ),
        (
            'staff: {username: "{birth_year}"}',
            "there is no placeholder 'birth_year': known are {first}, {last}",
        ),
        ('staff: {email: "{username}"}', "accounts.staff.email: must end in @ and a domain in small letters"),
        ("student: {longest: 7}", "accounts.student.longest: must be at least 8"),
        ("student: {user: x}", "accounts.student.user: unknown key: did you mean 'username'?"),
        ("pupil: {}", "accounts.pupil: unknown key"),
    ],
)
def test_how_people_are_named_is_checked_at_its_place(tmp_path: Path, line: str, said: str) -> None:
    told = complaints(tmp_path, f"{GOOD}    accounts: {{{line}}}\n")

    assert len(told) == 1
    assert said in told[0]


def test_what_is_given_cannot_be_the_systems_own(tmp_path: Path) -> None:
    text = (
        GOOD
        + '    accounts: {student: {username: "{last}"}}\n    conflicts: {sis_owns: [student.username]}\n'
    )

    assert "'student.username' stands in conflicts.sis_owns" in complaints(tmp_path, text)[0]


def test_rules_are_made_for_whom_something_is_given(tmp_path: Path) -> None:
    text = GOOD + '    accounts: {staff: {email: "{first}.{last}@example.org", longest: 12}}\n'

    rules = loaded(tmp_path, text).integrations["north"].accounts.rules
    assert {entity: (rule.fields, rule.domain, rule.longest) for entity, rule in rules.items()} == {
        "staff": (("email",), "example.org", 12)
    }


def test_a_secret_may_be_a_credential_of_systemd(tmp_path: Path) -> None:
    text = GOOD.replace("${NORTH_SECRET}", "${credential:north}")
    (tmp_path / "north").write_text("s3cr3t-canary\n")
    file = tmp_path / "config.yaml"
    file.write_text(text)
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    found = load(file, environ, provider_settings=PROVIDERS.get)
    secret = found.integrations["north"].client_secret

    assert secret is not None
    assert secret.reveal() == "s3cr3t-canary"
    with pytest.raises(ConfigError) as refused:
        load(file, {}, provider_settings=PROVIDERS.get)
    assert "LoadCredential=north:/path" in refused.value.complaints[0].sentence
