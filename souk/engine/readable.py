"""A plan's statement as people read it: the same words, in lines."""

import re
from collections.abc import Iterator
from typing import Any

WIDTH = 120
_TOKEN = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|[(),\[\]]|[^\s'\"(),\[\]]+|\s+")
_BREAK = re.compile(
    r"(WITH(?! TIME| ORDINALITY)|SELECT|FROM|WHERE|(?:LEFT (?:OUTER )?|CROSS )?JOIN(?: LATERAL)?|GROUP BY|ORDER BY|LIMIT|UNION(?: ALL)?|HAVING|AND|OR"
    r"|WHEN|ELSE)"
)
_PAIRS = {"(": ")", "[": "]", "CASE": "END"}


def readable(sql: str) -> str:
    """The statement in lines of `WIDTH` where it can be: brackets and cases are broken up when they are too long for one."""
    tokens = [each if each[0] in "'\"" else re.sub(r"\s+", " ", each) for each in _TOKEN.findall(sql)]
    return "\n".join(_lines(_tree(iter(tokens)), ""))


def _tree(tokens: Iterator[str], until: str = "") -> list[Any]:
    """Texts, and lists for what stands in brackets (or CASE and END), which are their first and last item."""
    found: list[Any] = []
    for token in tokens:
        if token == until:
            break
        found.append([token, *_tree(tokens, _PAIRS[token]), _PAIRS[token]] if token in _PAIRS else token)
    return found


def _flat(item: Any) -> str:
    return item if isinstance(item, str) else "".join(map(_flat, item))


def _pieces(items: list[Any]) -> list[list[Any]]:
    """The items cut after commas and before the words that begin a clause."""
    pieces: list[list[Any]] = [[]]
    for at, item in enumerate(items):
        before = items[at - 1] if at else ""
        rest = "".join(each for each in items[at : at + 7] if isinstance(each, str)) if isinstance(item, str) else ""
        word = _BREAK.match(rest)
        begins = word is not None and before == " " and not (len(rest) > word.end() and rest[word.end()].isalnum())
        if pieces[-1] and (before == "," or (begins and not _joins(pieces[-1], item))):
            pieces.append([])
        pieces[-1].append(item)
    return pieces


def _joins(piece: list[Any], item: str) -> bool:
    """Whether the word belongs to the one before it, as in LEFT JOIN and BETWEEN … AND."""
    last = next((each for each in reversed(piece) if each != " "), "")
    return last in ("LEFT", "OUTER", "CROSS", "UNION") or (item == "AND" and "BETWEEN" in piece)


def _lines(items: list[Any], indent: str) -> Iterator[str]:
    for piece in _pieces(items):
        text = _flat(piece).strip()
        if not text:
            continue
        if len(indent) + len(text) <= WIDTH or not any(isinstance(each, list) for each in piece):
            yield indent + text
            continue
        line = ""
        for item in piece:
            group = isinstance(item, list) and len(item) > 2
            if not group or len(indent) + len(line) + len(_flat(item)) <= WIDTH - 20:
                line += _flat(item)
                continue
            opening, *inside, closing = item
            yield f"{indent}{line.lstrip()}{opening}"
            yield from _lines(inside, indent + "  ")
            line = closing
        if line.strip():
            yield f"{indent}{line.strip()}"
