"""The servers of the two SIS's that the examples read: invented people, everything they may be asked for."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from support.clock import LIMIT_S

TOKEN = "harbor-token-1"
KEY = "meridian-key-1"
DATE = "Mon, 16 Nov 2026 08:00:00 GMT"

PEOPLE = [("Ivo", "Marsh"), ("Kim", "Aal"), ("Rhea", "Okafor"), ("Noor", "Šimić"), ("Tom", "Lind")]

HARBOR: dict[str, list[dict[str, Any]]] = {
    "schools": [{"id": n, "name": f"School {n}", "number": f"0{n}"} for n in range(1, 6)],
    "terms": [
        {"id": n, "title": f"Term {n}", "school": n, "from": "2026-08-17", "to": "2026-12-20"}
        for n in range(1, 6)
    ],
    "staff": [
        {"id": n, "given": one[0], "family": one[1], "mail": f"t{n}@harbor.example", "schools": [1, n]}
        for n, one in enumerate(PEOPLE, 1)
    ],
    "students": [
        {
            "id": 100 + n,
            "given": PEOPLE[n % 5][0],
            "family": PEOPLE[n % 4][1],
            "born": "2012-03-09",
            "grade": n % 9,
            "school": n % 5 + 1,
            "status": ("active", "withdrawn", "expected")[n % 3],
            "own": {"bus": f"line {n}", "locker": None},
        }
        for n in range(7)
    ],
    "courses": [{"id": n, "title": f"Course {n}", "code": f"C{n}"} for n in range(1, 6)],
    "groups": [
        {"id": n, "number": str(n), "course": n, "school": n, "terms": [n], "teachers": n}
        for n in range(1, 6)
    ],
    "places": [{"id": n, "group": n % 5 + 1, "student": 100 + n, "from": "2026-08-17"} for n in range(7)],
}


def harbor() -> Starlette:
    """Harbor: a token, a word about itself, seven lists; everything has changed before the first answer's date."""

    async def token(_request: Request) -> Response:
        return JSONResponse({"access_token": TOKEN, "token_type": "Bearer", "expires_in": 3600})

    async def about(_request: Request) -> Response:
        return JSONResponse({"school_year": 2026})

    async def listed(request: Request) -> Response:
        rows = [] if "since" in request.query_params else HARBOR[request.path_params["name"]]
        offset, limit = int(request.query_params["offset"]), int(request.query_params["limit"])
        body = {"total": len(rows), "items": rows[offset : offset + limit]}
        return JSONResponse(body, headers={"date": DATE})

    return Starlette(
        routes=[
            Route("/oauth/token", token, methods=["POST"]),
            Route("/api/about", about),
            Route("/api/{name}", listed),
        ]
    )


def _person(n: int, role: str) -> str:
    first, last = PEOPLE[n % 5]
    more = f"<born>2012-03-0{n % 9 + 1}</born><grade>{n % 9 or 'K'}</grade><bus>{n}</bus>"
    name = f"<name><first>{escape(first)}</first><last>{escape(last)}</last></name>"
    return f"<role>{role}</role>{name}<school>s{n % 3 + 1}</school>{'' if role == 'teacher' else more}"


MERIDIAN: dict[str, tuple[str, dict[str, str]]] = {
    "schools": ("school", {f"s{n}": f"<name>School {n}</name>" for n in range(1, 5)}),
    "people": (
        "person",
        {f"p{n:02}": _person(n, "teacher" if n % 2 else "pupil") for n in range(1, 13)},
    ),
    "courses": ("course", {f"c{n}": f"<title>Course {n}</title>" for n in range(1, 5)}),
    "classes": (
        "class",
        {f"k{n}": f"<course>c{n}</course><school>s1</school><teacher>p01</teacher>" for n in range(1, 5)},
    ),
    "seats": (
        "seat",
        {f"e{n}": f"<class>k{n % 4 + 1}</class><person>p{2 * n:02}</person>" for n in range(1, 6)},
    ),
}


def meridian() -> Starlette:
    """Meridian: five lists in XML, with a namespace, in numbered pages."""

    async def listed(request: Request) -> Response:
        name = request.path_params["name"]
        row, rows = MERIDIAN[name]
        number, size = int(request.query_params["page"]), int(request.query_params["size"])
        chosen = list(rows.items())[(number - 1) * size : number * size]
        inside = "".join(f"<{row} id={quoteattr(key)}>{text}</{row}>" for key, text in chosen)
        body = f'<{name} xmlns="urn:meridian:1" count="{len(rows)}">{inside}</{name}>'
        return Response(body, media_type="application/xml")

    return Starlette(routes=[Route("/xml/{name}", listed)])


@contextlib.asynccontextmanager
async def on_loopback(app: Any) -> AsyncIterator[str]:
    """The address of an application that really listens."""
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", lifespan="off", ws="none")
    )
    serving = asyncio.create_task(server.serve())
    try:
        async with asyncio.timeout(LIMIT_S):
            while not server.started:
                await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await serving


@contextlib.contextmanager
def in_thread(app: Any) -> Iterator[str]:
    """The same for tests without a loop of their own."""
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", lifespan="off", ws="none")
    )
    ready = threading.Event()

    async def main() -> None:
        serving = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        ready.set()
        await serving

    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    try:
        assert ready.wait(LIMIT_S)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
