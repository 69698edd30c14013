"""Text that tries to act: on a terminal, on markup, on layout, on a shell, a spreadsheet, a query. Nobody's real name.

Made from tables, so that every piece comes with the reason for which it is here.
"""

from __future__ import annotations

from collections.abc import Iterator

ESC, BEL, ST = "\x1b", "\x07", "\x1b\\"

MARKUP = (
    *(
        "[bold]A[/]",
        "[bold]A",
        "A[/]",
        "Smith [/x] Jr",
        "Lee [Bob",
        "Lee ]Bob[",
        "[$nope]",
        "[on red]A[/on red]",
    ),
    *(
        "[link=http://x.example]y[/link]",
        "\\[bold]",
        "A\\",
        "[[[[[[",
        "[]",
        "[/]",
        "[/bold]",
        "[bold][/italic]",
        "[b",
    ),
    *(
        "[reverse]A",
        "[blink]A[/]",
        "[#ff0000]A[/]",
        "[rgb(1,2,3)]A[/]",
        "[auto]A[/]",
        "[$error]A[/]",
        "[not bold]A",
    ),
    *(
        "<b>A</b>",
        "<script>alert(1)</script>",
        "&lt;A&gt;",
        "&#27;[2J",
        "*A* _B_ `C`",
        "[A](http://x.example)",
        ":smile:",
    ),
)
ACTIONS = tuple(
    f"[@click={one}]A[/]"
    for one in (
        *("app.pwn()", "app.act('quit')", "app.quit", "app.bell", "screen.dismiss", "app.exit", "pop_screen"),
        *(
            "app.act('give_up_cause')",
            "app.act('approve')",
            "app.push_screen('x')",
            "app.set_class(True,'-small')",
        ),
        *(
            "app.toggle_dark",
            "app.suspend_process",
            "app.open_url('http://x.example')",
            "app.up(0)",
            "focus_next",
        ),
    )
)
CSI = tuple(
    f"A{ESC}[{one}B"
    for one in (
        *(
            "2J",
            "3J",
            "H",
            "31m",
            "0m",
            "5m",
            "8m",
            "?25l",
            "?1049l",
            "?1049h",
            "?1000h",
            "?1003h",
            "?2004l",
            "?7l",
        ),
        *(
            "6n",
            "c",
            ">c",
            "=c",
            "5n",
            "?6n",
            "21t",
            "18t",
            "14t",
            "11;1H",
            "1A",
            "99D",
            "1;1r",
            "4h",
            "20h",
            "!p",
        ),
        *(
            "1;31;40m",
            "38;2;1;2;3m",
            "s",
            "u",
            "K",
            "1K",
            "P",
            "L",
            "M",
            "@",
            "X",
            "b",
            "2 q",
            "?5h",
            ">4;2m",
            "?1u",
        ),
    )
)
OSC = tuple(
    f"A{ESC}]{body}{end}B"
    for body in (
        *(
            "0;title",
            "1;icon",
            "2;title",
            "4;1;?",
            "7;file://x.example/",
            "8;;http://x.example",
            "9;told",
            "10;?",
        ),
        *(
            "11;?",
            "12;red",
            "22;text",
            "50;?",
            "52;c;ZXZpbA==",
            "52;c;?",
            "104",
            "133;A",
            "777;notify;a;b",
            "1337;File=:A",
        ),
    )
    for end in (BEL, ST)
)
STRINGS = tuple(
    f"A{start}{body}{end}B"
    for start, body in (
        *((f"{ESC}P", "1$r"), (f"{ESC}P", "+q544e"), (f"{ESC}P", "q#0;2;0;0;0"), (f"{ESC}_", "Gi=1;AAAA")),
        *(
            (f"{ESC}^", "private"),
            (f"{ESC}X", "start"),
            (f"{ESC}k", "screen title"),
            ("\x90", "1$r"),
            ("\x9f", "x"),
        ),
    )
    for end in (ST, BEL, "\x9c", "")
)
C0 = tuple(f"A{chr(code)}B" for code in (*range(0x20), 0x7F))
C1 = (*tuple(f"A{chr(code)}B" for code in range(128, 160)), "A\x9b2JB", "A\x9d0;t\x9cB", "A\x9b31mB")
ESCAPES = tuple(
    f"A{ESC}{one}B" for one in ("c", "7", "8", "D", "E", "M", "N", "Z", "=", ">", "(0", "#8", "n", "|", "%G")
)
BIDI = (
    *(f"A{one}B" for one in "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"),
    *("\u202eoediv\u202c", "\u05e9\u05dc\u05d5\u05dd abc", "abc \u0645\u0631\u062d\u0628\u0627 123"),
)
ZERO_WIDTH = tuple(
    f"A{one}B"
    for one in "\u00ad\u034f\u115f\u1160\u17b4\u180b\u180e\u200b\u200c\u200d\u2028\u2029\u2060\u2061\u2064\u206a\u3164"
    "\ufe00\ufe0f\ufeff\uffa0\ufff9\ufffc\U0001d173\U000e0001\U000e0041\U000e007f\U000e0100"
)
COMBINING = (
    "A" + "\u0301\u0302\u0303\u0304" * 30,
    "e\u0301",
    "\u0301alone",
    "A\u0336" * 20,
    "\u0e01\u0e38\u0e49" * 9,
    "Z\u20dd",
)
WIDE = (
    *(
        "\u65e5\u672c\u8a9e\u306e\u540d\u524d" * 3,
        "\uff21\uff22\uff23",
        "\ud55c\uae00 \uc774\ub984",
        "\u3000",
        "a\u65e5" * 40,
    ),
    *(
        "\u65e5" * 10_000,
        "\u2588\u2591\u2502",
        "\ufdfd" * 3,
        "\U0001f600",
        "\U0001f469\u200d\U0001f469\u200d\U0001f467",
    ),
    *(
        "\U0001f3f3\ufe0f\u200d\U0001f308",
        "\U0001f1e9\U0001f1ea",
        "\U0001f44d\U0001f3fd",
        "1\ufe0f\u20e3",
        "\u00df\u0130\u0131",
    ),
)
LONG = (
    "e" * 10_000,
    "x " * 5_000,
    "[" * 3_000,
    ESC * 500,
    "A\n" * 2_000,
    "\u0301" * 5_000,
    "a" * 199,
    "a" * 200,
    "a" * 201,
)
BLANK = (
    "",
    " ",
    "   ",
    "\u00a0",
    "\u2003",
    "\u205f",
    "\u1680",
    "-",
    ".",
    "..",
    "0",
    "none",
    "None",
    "null",
    "nan",
    "true",
)
NEWLINES = (
    "A\nB",
    "A\rB",
    "A\r\nB",
    "A\x0bB",
    "A\x0cB",
    "A\x85B",
    "A\u2028B",
    "A\u2029B",
    "\nA",
    "A\n",
    "\tA\tB",
    "A\n\n\nB",
)
SQL = (
    *(
        "'; DROP TABLE runs; --",
        '" OR 1=1 --',
        "A' OR 'a'='a",
        "O'Brien",
        "A;B",
        "/*A*/",
        "x') UNION SELECT 1 --",
        "``",
    ),
    *(
        "%",
        "_",
        "%%",
        "100%",
        "a_b",
        "\\%",
        "*",
        "?",
        "[a-z]",
        "A*B?",
        ":id",
        "@id",
        "$id",
        "?1",
        "X'00'",
        "NULL",
        "rowid",
    ),
)
SHELL = (
    *(
        "$(reboot)",
        "`reboot`",
        "; reboot",
        "| cat",
        "&& reboot",
        "> /tmp/x",
        "$HOME",
        "${HOME}",
        "~",
        "!!",
        "-rf",
        "--help",
    ),
    *("--", "-", "A'B\"C", "\\n", "#A", "A & B", "{a,b}", "%SystemRoot%", "\\\\x.example\\share"),
)
FORMULA = (
    *(
        "=1+1",
        "+1+1",
        "-1+1",
        "@SUM(A1)",
        "=cmd|' /C calc'!A0",
        '=HYPERLINK("http://x.example")',
        "\t=1+1",
        "\r=1+1",
    ),
    *("\n=1+1", " =1+1", "'=1+1", "\uff1d1+1", '=IMPORTXML("http://x.example")', ";=1+1", ",=1+1", '"=1+1"'),
)
FORMAT = (
    "{A}{0}{A!r:>{width}}",
    "{",
    "}",
    "{{}}",
    "{0.__class__}",
    "%s%n%(x)s",
    "%d",
    "%",
    "{:>99999}",
    "$x",
    "%(",
    "f'{A}'",
)
FILTER = (
    *(
        "entity=student",
        "id=S-1*",
        "!east",
        "a>=3 age>2d",
        "a=b=c",
        "=",
        "!=",
        "!",
        ">",
        "a>",
        "nope=1",
        "age>zz",
        'a="b',
    ),
    *("attempts>=999999999999999999999", "id=*", "-a", "a AND b", "(a", "*"),
)
PATHS = (
    *(
        "../../etc/passwd",
        "/dev/null",
        "A/B",
        "A\\B",
        "C:\\A",
        "..",
        "file:///etc/passwd",
        "A\x00.csv",
        "~root/x",
        "CON",
    ),
    *(
        "http://x.example/?a=b#c",
        "javascript:alert(1)",
        "data:text/html,A",
        ".hidden",
        "A.",
        "a" * 300 + ".csv",
    ),
)

TABLE: dict[str, tuple[str, ...]] = {
    "markup of a widget": MARKUP,
    "an action on click": ACTIONS,
    "cursor, colour, mode or question to the terminal": CSI,
    "title, clipboard, link or question to the terminal": OSC,
    "a string for the device": STRINGS,
    "an escape of two bytes": ESCAPES,
    "a control character": C0,
    "a control character of eight bits": C1,
    "another direction": BIDI,
    "nothing to see": ZERO_WIDTH,
    "marks upon marks": COMBINING,
    "wide, or wide for some": WIDE,
    "more than fits": LONG,
    "nothing, or the word for it": BLANK,
    "more than one line": NEWLINES,
    "a statement or a pattern of a query": SQL,
    "a word for a shell": SHELL,
    "a formula of a spreadsheet": FORMULA,
    "a template": FORMAT,
    "a filter of ours": FILTER,
    "a path or an address": PATHS,
}
"""Reason -> pieces."""


def _corpus() -> Iterator[tuple[str, str]]:
    seen = set[str]()
    for reason, pieces in TABLE.items():
        for piece in pieces:
            if piece not in seen:
                seen.add(piece)
                yield piece, reason


CORPUS: dict[str, str] = dict(_corpus())
"""Piece -> reason, each once."""
HOSTILE: tuple[str, ...] = tuple(CORPUS)
"""All of it that can be stored. A lone surrogate is no storable text; :data:`SURROGATES` stand apart."""
SAMPLE: tuple[str, ...] = tuple(piece for pieces in TABLE.values() for piece in (pieces[0], pieces[-1]))
"""Two for each reason: for what costs much."""
SURROGATES = ("A\ud800B", "\udfff", "A\udcffB\ud83d", "\udc1b[2J")
