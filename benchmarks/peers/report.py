"""The tables of one run, and their place in benchmarks/README.md."""

import os
import platform
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from .documents import DOCUMENTS
from .load import Measured
from .servers import NAMES

README = Path(__file__).parent.parent / "README.md"
Key = tuple[str, int, str]
"""Document, connections, server."""

# What Souk is built to reach: (against whom, at how many connections) -> the least ratio of speeds per document …
AIMS: dict[tuple[str, int], tuple[float, float, float]] = {
    ("postgraphile", 16): (3, 2.2, 1.5),
    ("mercurius", 16): (2.8, 2.6, 1.5),
    ("mercurius", 1): (2.5, 3, 1.2),
    ("strawberry", 16): (50, 50, 8),
    ("limit", 16): (0.85, 0.95, 0.95),
}
# … and the most of PostGraphile's CPU for each request.
CPU_AIMS = {("postgraphile", 16): (1 / 3, 1 / 8, 1 / 4)}


@dataclass
class Result:
    """All rounds. Ratios are taken inside a round, so that what slows the machine slows both."""

    connections: list[int]
    rounds: int
    seconds: int
    facts: list[str]
    runs: dict[Key, list[Measured]] = field(default_factory=dict)

    def add(self, key: Key, measured: Measured) -> None:
        self.runs.setdefault(key, []).append(measured)

    @property
    def servers(self) -> list[str]:
        there = {name for _, _, name in self.runs}
        return [name for name in NAMES if name in there]

    def median(self, key: Key, what: Callable[[Measured], float]) -> float:
        return statistics.median(map(what, self.runs[key]))

    def ratio(self, document: str, connections: int, other: str, what: Callable[[Measured], float]) -> float:
        pairs = zip(self.runs[document, connections, "souk"], self.runs[document, connections, other], strict=True)
        return statistics.median(what(souk) / what(peer) for souk, peer in pairs)


def speed(measured: Measured) -> float:
    return measured.speed


def cpu(measured: Measured) -> float:
    return measured.cpu


def text(result: Result) -> str:
    """All tables in Markdown."""
    parts = ["\n".join(f"- {fact}" for fact in result.facts)]
    for connections in result.connections:
        parts.append(_table(result, f"requests/s, {_many(connections)}", connections, speed, "{:,.0f}"))
    for connections in result.connections:
        parts.append(_table(result, f"server CPU for a request, ms, {_many(connections)}", connections, cpu, "{:.3f}"))
    if "souk" in result.servers:
        parts += _ratios(result)
    return "\n\n".join(parts)


def _many(connections: int) -> str:
    return f"{connections} connection{'s' * (connections > 1)}"


def _table(result: Result, title: str, connections: int, what: Callable[[Measured], float], form: str) -> str:
    rows = [
        [name, *(form.format(result.median((doc, connections, name), what)) for doc in DOCUMENTS)]
        for name in result.servers
    ]
    return _markdown([title, *DOCUMENTS], rows)


def _ratios(result: Result) -> list[str]:
    others = [name for name in result.servers if name != "souk"]
    made = []
    for title, what, aims in (("requests/s", speed, AIMS), ("server CPU for a request", cpu, CPU_AIMS)):
        rows = []
        for connections in result.connections:
            for other in others:
                aim = aims.get((other, connections))
                found = [result.ratio(document, connections, other, what) for document in DOCUMENTS]
                rows.append(
                    [f"{other}, {_many(connections)}", *(f"{each:.2f}" for each in found), _aim(found, aim, what)]
                )
        made.append(_markdown([f"Souk : other, {title}", *DOCUMENTS, "aim"], rows))
    return made


def _aim(found: list[float], aim: tuple[float, float, float] | None, what: Callable[[Measured], float]) -> str:
    if aim is None:
        return ""
    least = what is speed
    missed = [
        document for document, one, wanted in zip(DOCUMENTS, found, aim, strict=True)
        if (one < wanted if least else one > wanted)
    ]  # fmt: skip
    told = " / ".join(f"{wanted:.3g}" for wanted in aim)
    return f"{'≥' if least else '≤'} {told}" + (f"; missed: {', '.join(missed)}" if missed else "; reached")


def _markdown(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---", *["---:"] * len(DOCUMENTS), *["---"] * (len(head) - 1 - len(DOCUMENTS))], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def machine() -> str:
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    return f"{os.cpu_count()} cores ({model}), Linux {platform.release().partition('-')[0]}, Python {platform.python_version()}"


def write(section: str, made: str) -> None:
    """Put `made` between the two marks of a section of benchmarks/README.md."""
    begin, end = f"<!-- {section}: made by its command -->", f"<!-- end of {section} -->"
    known = README.read_text(encoding="utf-8")
    head, _, rest = known.partition(begin)
    _, _, tail = rest.partition(end)
    README.write_text(f"{head}{begin}\n\n{made}\n\n{end}{tail}", encoding="utf-8")
