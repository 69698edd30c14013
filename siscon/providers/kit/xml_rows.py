"""Lists of rows in XML, read without what makes XML dangerous: no DTD, no entities, no external references."""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from siscon.domain.errors import ProviderError
from siscon.providers.contract import Answer
from siscon.providers.kit.decode import Decoded
from siscon.providers.kit.rows import ToRecord, decoded, number_in

DEEPEST = 16
"""Elements nested deeper than this are left out of a row."""


class XmlRows:
    """Reads the ``row`` elements below the ``root`` element of an answer (names without their namespaces).

    Each row reaches ``to_record`` as a mapping: attributes and child elements by name; an element of text alone is
    its text (``#text`` beside attributes), one with children a mapping, a name that stands several times a list.
    ``count_key`` names an attribute of the root that announces the length of the whole list, ``moment_key`` what says
    in each row when the SIS last changed it.
    """

    def __init__(
        self,
        root: str,
        row: str,
        to_record: ToRecord,
        *,
        id_key: str = "id",
        count_key: str = "",
        moment_key: str = "",
    ) -> None:
        self._root, self._row = root, row
        self._to_record = to_record
        self._id_key = id_key
        self._count_key, self._moment_key = count_key, moment_key

    def read(self, answer: Answer, request: str) -> Decoded:
        """The records of an answer; bad rows come back rejected, a body that is no such list is a ``ProviderError``."""
        top = parse_xml(answer.body, request)
        if name_of(top) != self._root:
            raise ProviderError(
                f"{request} answered with XML without <{self._root}>. Check base_url and the version of the SIS.",
                code="unexpected_answer",
            )
        rows = [_values(one, DEEPEST) for one in top if name_of(one) == self._row]
        announced = number_in(top.get(self._count_key)) if self._count_key else None
        return decoded(
            rows, self._to_record, id_key=self._id_key, announced=announced, moment_key=self._moment_key
        )


def parse_xml(body: bytes, request: str) -> Element:
    """The root element of a whole XML document; anything else, and any DTD, is a ``ProviderError``."""
    try:
        root: Element = fromstring(body, forbid_dtd=True)
    except DefusedXmlException as error:
        raise ProviderError(
            f"{request} answered with XML that holds a DTD or entities. siscon does not read such; ask the vendor why.",
            code="bad_xml",
            detail=type(error).__name__,
        ) from None
    except (ParseError, ValueError, LookupError) as error:
        raise ProviderError(
            f"{request} answered with XML that cannot be read. The answer was cut off or damaged on its way.",
            code="not_xml",
            detail=type(error).__name__,
        ) from None
    return root


def name_of(element: Element) -> str:
    """The name of an element without its namespace."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _values(element: Element, depth: int) -> Any:
    """An element as text or mapping."""
    if len(element) == 0 and not element.attrib:
        return (element.text or "").strip()
    values: dict[str, Any] = {key.rpartition("}")[2]: text for key, text in element.attrib.items()}
    if element.attrib and (text := (element.text or "").strip()):
        values["#text"] = text
    for child in element if depth else ():
        name, value = name_of(child), _values(child, depth - 1)
        if name not in values:
            values[name] = value
        elif isinstance(values[name], list):
            values[name].append(value)
        else:
            values[name] = [values[name], value]
    return values
