"""Invented people: names, birth dates and hostile but valid spellings, all computed from an index."""

from __future__ import annotations

_MASK = (1 << 64) - 1


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIRST_NAMES = _words(
    "Ada Bram Cleo Dario Edda Femi Greta Hugo Imani Jonas Kaya Leif Mina Nils Odile Pavel Quinn Rosa Silas "
    "Tamar Ugo Vera Wim Xenia Yusuf Zora Amara Boris Celia Dunja Elio Freya Gus Hanne Idris Juno Kofi Lena "
    "Milo Nadia Otto Petra Rafe Suri Theo Una Vito Wanda Yara Zeno Alma Basil Coral Desta Enzo Flora Gideon "
    "Hester Ivo Jette"
)
LAST_NAMES = _words(
    "Abend Birkholm Castellane Dunmore Eskildsen Farrow Gantry Holloway Ingram Jardine Kestrel Lindqvist "
    "Marsh Northcott Okafor Pellow Quill Rademaker Sandoval Tamblyn Underhill Vasari Whitlock Yarrow Zeller "
    "Ashgrove Bellweather Corvane Drummond Elmsworth Fenwick Greystone Hawthorn Ivers Juniper Kirkwall "
    "Larkspur Merriweather Nettle Orchard Pembroke Quarry Rosedale Stillwater Thistle Umber Vale Winterbourne "
    "Yates Zimmer O'Dell de-la-Cruz St.-Ives Nakamura Adeyemi Petrov Haddad Silva Nguyen Kowalczyk"
)
MIDDLE_NAMES = ("", "T", "", "Jay", "", "Rae", "M", "")

HOSTILE: dict[int, tuple[str, str]] = {
    5: ("Ann", "Smith [/x] Jr"),
    11: ("[@click=app.quit]", "Marsh"),
    17: ("Esc\x1b]52;c;aW52ZW50ZWQ=\x07ape", "\x9b31mRed\x1b[2J"),
    23: ("Rtl\u202egnp.exe", "Ze\u200bro\u200dWidth\u2066"),
    29: ("Bartholomew" * 12, "Featherstonehaugh-" * 18 + "End"),
    35: ("山田太郎", "Zo\u0308e\u0301\u0323\u0301 김\U0001f469\u200d\U0001f680"),
    41: ("  Lead", 'Robert\'); DROP--\t"q" <b>&amp;'),
}
"""Names that try to break a screen, a log or a query. They are valid and must arrive unchanged."""

HOSTILE_FROM_STUDENTS = 50
"""Districts smaller than this have no hostile names, so that tiny examples stay readable."""

_BIRTH_DAYS = tuple(f"-{month:02d}-{day:02d}" for month in range(1, 13) for day in range(1, 29))


def mix(seed: int, index: int) -> int:
    """A cheap 64-bit hash of an index: same seed and index, same number."""
    value = (index * 0x9E3779B97F4A7C15 + seed) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    return value ^ (value >> 31)


def derive(seed: int, *words: str) -> int:
    """A seed of its own for a part of the sandbox."""
    value = seed & _MASK
    for word in words:
        for char in word:
            value = mix(value, ord(char))
    return value


def name_of(h: int) -> tuple[str, str, str]:
    """First, middle and last name that belong to a hash."""
    return (
        FIRST_NAMES[h % len(FIRST_NAMES)],
        MIDDLE_NAMES[(h >> 9) & 7],
        LAST_NAMES[(h >> 16) % len(LAST_NAMES)],
    )


def birth_date_of(h: int, grade: int, start_year: int) -> str:
    """A date of birth that fits the grade level."""
    return f"{start_year - 6 - grade + (h >> 40 & 1)}{_BIRTH_DAYS[(h >> 24) % len(_BIRTH_DAYS)]}"
