"""What a command says, in one line, of a database or a file that it cannot use.

Names no type of a library: no command pays for an import that it does not need.
"""

import socket
from collections.abc import Iterator

UNPREPARED = ("42P01", "42883", "3F000", "42704")  # no such table, function, schema, role
UNUSABLE = "42501"


def told(error: BaseException) -> str | None:
    """The line; None for what nobody foresaw."""
    for each in _chain(error):
        state = getattr(each, "sqlstate", None) or ""
        if state in UNPREPARED:
            return "the database is not prepared: `souk migrate` does that"
        if state == UNUSABLE or state[:2] in ("08", "28", "3D", "57", "53"):
            return f"the database cannot be used: {each}"
        if isinstance(each, OSError) and each.filename is not None:
            return f"{each.filename}: {each.strerror}"
        if isinstance(each, ConnectionError | socket.gaierror | TimeoutError):
            return f"the database cannot be reached ({getattr(each, 'strerror', None) or 'it does not answer'})"
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception and what it wraps, the innermost first: that one knows best."""
    found: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and one not in found:
        found.append(one)
        one = getattr(one, "orig", None) or one.__cause__
    yield from reversed(found)
