"""PowerSchool's /ws/schema: PowerQueries (only siscon's own are installed) and tables."""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Sequence
from typing import Any

from siscon.sandbox.district import District
from siscon.sandbox.powerschool_changes import Changes
from siscon.sandbox.powerschool_grants import Grants
from siscon.sandbox.powerschool_paging import Found, Refused, page_of, text_of
from siscon.sandbox.powerschool_rows import Rows
from siscon.sandbox.powerschool_search import clauses, in_order, matching_rows, narrowed
from siscon.sandbox.powerschool_tables import COLUMNS, Table, table_of
from siscon.sandbox.quirks import Quirks
from siscon.sandbox.restless import Restless
from siscon.sandbox.wire import Answer, Asked, Joined, answer_json, encode

QUERY_PREFIX = "org.siscon.roster."
_QUERIES = {"enrollments": "cc", "sections": "sections"}


class Schema:
    """Queries and tables."""

    def __init__(self, quirks: Quirks, found: Found, restless: Restless, changes: Changes) -> None:
        self._quirks = quirks
        self._found = found
        self._restless = restless
        self._changes = changes
        self._grants = Grants(quirks)

    def answer(self, asked: Asked, path: list[str], district: District, *, empty: bool) -> Answer:
        """Answer one request below /ws/schema."""
        match path:
            case ["query", "api"]:
                return answer_json(self._installed())
            case ["query", name, *rest] if rest in ([], ["count"]):
                return self._power_query(asked, name, district, count_only=bool(rest), empty=empty)
            case ["table"]:
                return answer_json([{"name": name} for name in COLUMNS])
            case ["table", name, *rest]:
                table = self._table(asked, name, district)
                return self._of_table(asked, table, rest, district, empty=empty)
        raise Refused(404, "Not found")

    def _of_table(
        self, asked: Asked, table: Table, rest: list[str], district: District, *, empty: bool
    ) -> Answer:
        match rest:
            case []:
                return self._rows(asked, table, district, empty=empty)
            case ["count"]:
                rows = self._restless.now(self._key(asked, table), self._indexes(asked, table, district))
                return answer_json({"count": 0 if empty else len(rows)})
            case ["metadata"]:
                return answer_json(self._columns_of(asked, table))
            case [dcid]:
                index = int(dcid) - table.first_dcid if dcid.isascii() and dcid.isdigit() else -1
                if not 0 <= index < table.total or len(dcid) > 12:
                    raise Refused(404, f"No row {dcid[:40]} in table {table.name}: use POST to make one")
                return answer_json(self._row(table, index, self._projection(asked, table)))
        raise Refused(404, "Not found")

    # PowerQueries

    def _installed(self) -> list[dict[str, Any]]:
        names = _QUERIES if self._quirks.power_queries else ()
        return [
            {"name": f"{QUERY_PREFIX}{name}", "summary": f"All {name}", "flattened": True} for name in names
        ]

    def _power_query(
        self, asked: Asked, name: str, district: District, *, count_only: bool, empty: bool
    ) -> Answer:
        if asked.method != "POST":
            raise Refused(405, "Only POST is allowed on a query")
        short = name.removeprefix(QUERY_PREFIX)
        if not self._quirks.power_queries or name != QUERY_PREFIX + short or short not in _QUERIES:
            raise Refused(404, f"No query with the name {name}")
        arguments = _arguments(asked)
        rows = Rows(district, self._quirks)
        render: Callable[[int], dict[str, str] | str] = rows.section_columns
        everything = range(district.sections)
        if short == "enrollments":
            render, everything = rows.enrollment_columns, range(district.enrollments)
        self._grants.check_resource(short, query=name)
        chosen, version = self._chosen(arguments, short, render, everything, district)
        key = f"{name} {version is not None} {arguments.get('$q', '')}"
        if count_only:
            return answer_json({"count": 0 if empty else len(self._restless.now(key, chosen))})
        page, size = (
            (1, max(1, len(chosen))) if asked.query.get("pagesize") == "0" else page_of(asked, self._quirks)
        )
        chosen_now = self._restless.now(key, chosen, page)
        total = 0 if empty else len(chosen_now)
        records = [] if empty else [text_of(render(i)) for i in chosen_now.cut((page - 1) * size, size)]
        text = '"@extensions":""'
        if records:
            text = f'"name":{encode(name)},"record":{self._written(records)},"@extensions":""'
        if version is not None:
            text += f',"$dataversion":{encode(version)}'
        if asked.query.get("count") == "true" and page == 1:
            text += f',"count":{total}'
        return Answer(200, f"{{{text}}}".encode())

    def _chosen(
        self,
        arguments: dict[str, Any],
        short: str,
        render: Callable[[int], dict[str, str] | str],
        everything: Sequence[int],
        district: District,
    ) -> tuple[Joined, str | int | None]:
        """The rows that the arguments leave, and today's data version if they named one."""
        since, application = arguments.get("$dataversion"), arguments.get("$dataversion_applicationname")
        version: str | int | None = None
        if (since is None) != (application is None):
            message = "$dataversion and $dataversion_applicationname must be given together"
            raise Refused(400, message, field="$dataversion", code="Invalid")
        if since is not None and self._quirks.dataversion:
            table = _QUERIES[short]
            everything = self._changes.indexes(str(application), str(since), table, district)
            version = self._changes.written(district)
        query = arguments.get("$q")
        if not query:
            return Joined(everything), version
        tests = [(name.rpartition(".")[2], operator, value) for name, operator, value in clauses(str(query))]
        return Joined(matching_rows(lambda i: _columns(render(i)), everything, tests)), version

    def _written(self, records: list[str]) -> str:
        """The rows of /ws/schema: one alone stays in its list, unless a switch says otherwise."""
        one = self._quirks.record_as_object and len(records) == 1
        return records[0] if one else f"[{','.join(records)}]"

    # tables

    def _table(self, asked: Asked, name: str, district: District) -> Table:
        if name.lower() == "teachers":
            raise Refused(405, "GET, POST and PUT are not allowed on table TEACHERS")
        if name.lower() not in COLUMNS:
            raise Refused(404, f"Table {name} does not exist")
        if asked.method != "GET":
            raise Refused(405, "Only GET is allowed on tables in the sandbox")
        return table_of(name.lower(), district, Rows(district, self._quirks))

    @staticmethod
    def _key(asked: Asked, table: Table) -> str:
        return f"table {table.name} {asked.query.get('q', '')} {asked.query.get('sort', '')}"

    def _indexes(self, asked: Asked, table: Table, district: District) -> Joined:
        """The rows that ``q`` leaves, in the order that ``sort`` wants."""
        query, sort = asked.query.get("q", ""), asked.query.get("sort", "").lower()
        descending = asked.query.get("sortdescending", "").lower() in ("true", "1")
        if not query and not sort:
            return Joined(range(table.total))
        tests = [
            (name.removeprefix(f"{table.name}."), operator, value)
            for name, operator, value in (clauses(query.lower()) if query else [])
        ]
        used = [name for name, _, _ in tests] + ([sort] if sort else [])
        self._grants.check(f"{table.name}.{name}" for name in used)

        def search() -> array[int]:
            stretch, left = narrowed(tests, table.total, table.first_dcid)
            found = matching_rows(table.row, stretch, left)
            return in_order(table.row, found, sort, descending=descending) if sort else found

        key = (self._key(asked, table), descending, district.day)
        return self._found.remember(key, search)

    def _projection(self, asked: Asked, table: Table) -> list[str]:
        names = [name.strip().lower() for name in asked.query.get("projection", "").split(",")]
        if names == [""]:
            raise Refused(
                400, "The projection parameter is required", field="projection", code="MissingField"
            )
        if "*" in names:
            known = self._grants.known(table.name)
            names = [name for name in known if self._grants.may_read(f"{table.name}.{name}")]
        self._grants.check(f"{table.name}.{name}" for name in names)
        return names

    @staticmethod
    def _row(table: Table, index: int, projection: list[str]) -> dict[str, Any]:
        columns = table.row(index)
        shown = {name: columns[name] for name in projection if name in columns}
        return {"id": table.first_dcid + index, "name": table.name, "tables": {table.name: shown}}

    def _rows(self, asked: Asked, table: Table, district: District, *, empty: bool) -> Answer:
        projection = self._projection(asked, table)
        indexes = self._indexes(asked, table, district)
        page, size = page_of(asked, self._quirks)
        now = self._restless.now(self._key(asked, table), indexes, page)
        found = [] if empty else list(now.cut((page - 1) * size, size))
        text = f'"name":{encode(table.name)}'
        if found:
            records = [encode(self._row(table, index, projection)) for index in found]
            text += f',"record":{self._written(records)}'
        return Answer(200, f'{{{text},"@extensions":""}}'.encode())

    def _columns_of(self, asked: Asked, table: Table) -> dict[str, Any]:
        """The columns of a table; ``expansions=access`` tells which of them the plugin may read."""
        columns: list[dict[str, Any]] = []
        for name in self._grants.known(table.name):
            column: dict[str, Any] = {"name": name.upper(), "type": "String"}
            if "access" in asked.query.get("expansions", ""):
                column["access"] = "ViewOnly" if self._grants.may_read(f"{table.name}.{name}") else "NoAccess"
            columns.append(column)
        return {"name": table.name, "primaryKey": "DCID", "columns": columns}


def _arguments(asked: Asked) -> dict[str, Any]:
    """The JSON object in the body of a PowerQuery; an empty body is an empty object."""
    if not asked.body:
        return {}
    if "json" not in asked.headers.get("content-type", ""):
        raise Refused(415, "Unsupported media type: send application/json")
    try:
        told = json.loads(asked.body)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise Refused(400, "The body must be a JSON object", field="body", code="Invalid")
    return told


def _columns(row: dict[str, str] | str) -> dict[str, str]:
    return dict(json.loads(row)) if isinstance(row, str) else row
