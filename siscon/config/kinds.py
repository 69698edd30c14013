"""The kinds of values that a configuration is made of, and how a complaint about one is made."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationInfo,
)
from pydantic_core import PydanticCustomError, core_schema

from siscon.domain.privacy import Secret


def wrong(sentence: str) -> PydanticCustomError:
    """A complaint in our own words, taken over as it is."""
    return PydanticCustomError("siscon", "{sentence}", {"sentence": sentence})


class _SecretType:
    """Teaches pydantic about secrets: text in, stars out."""

    @classmethod
    def __get_pydantic_core_schema__(
        cls, _source: Any, _next: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls.read, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )

    @staticmethod
    def read(value: Any) -> Secret:
        """Text as a secret; a secret stays as it is."""
        if isinstance(value, Secret):
            return value
        if not isinstance(value, str):
            raise wrong("must be a reference: ${NAME} or ${file:/path}")
        if not value:
            raise wrong("is empty: the reference leads to nothing")
        return Secret(value)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, _schema: core_schema.CoreSchema, _next: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": "string", "pattern": r"^\$\{[^}]+\}$"}


def not_truth(value: Any) -> Any:
    """Refuses true and false, which Python takes for numbers."""
    if isinstance(value, bool):
        raise wrong("must be a number")
    return value


def _as_keys(value: Any) -> Any:
    """A key or a list of keys; a digit without quotes is a number to YAML, and a key all the same."""
    told = value if isinstance(value, list | tuple) else [value]
    if any(isinstance(one, bool) or not isinstance(one, str | int) for one in told):
        raise wrong("must be a key or a list of keys: put signs in quotes, such as '*'")
    return [str(one) for one in told]


def _not_empty(value: Any) -> Any:
    """An empty path would mean the folder of the configuration itself."""
    if value == "":
        raise wrong("must not be empty: name a path, or leave the key out")
    return value


def _in_base(value: Path, info: ValidationInfo) -> Path:
    base = Path((info.context or {}).get("base") or Path.cwd())
    return base / value.expanduser()


Keys = Annotated[
    tuple[str, ...], BeforeValidator(_as_keys, json_schema_input_type=str | int | list[str | int])
]
Number = Annotated[int, BeforeValidator(not_truth)]
Share = Annotated[float, BeforeValidator(not_truth), Field(ge=0, le=1)]
PathBeside = Annotated[Path, BeforeValidator(_not_empty), AfterValidator(_in_base)]
"""A path; a relative one starts at the folder of the configuration file."""
SecretText = Annotated[Secret, _SecretType]
"""A secret: a reference in the file, stars wherever it is shown."""


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, validate_default=True)
