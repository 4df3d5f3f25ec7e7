"""Both roads must give the same bytes, for any schema: `compare` asks random documents of every actor on both."""

import asyncio
import collections
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from graphql import get_named_type
from strawberry import Schema

from souk.context import Context
from souk.engine.run import Answer, Runner
from souk.rules.actor import Actor

from .generate import Generator, Pools

NULL = re.compile(
    r"(Expected value of type ).*(, found null\.).*", re.DOTALL
)  # Strawberry names its classes, and where they lie
BY_THE_CLIENT = frozenset({"DataError", "NumericValueOutOfRangeError", "CharacterNotInRepertoireError"})
"""What the database refuses of a client's own values."""
CURSOR = re.compile(rb'"cursor":"([A-Za-z0-9+/=]+)"')


@dataclass
class Difference:
    document: str
    variables: dict[str, Any]
    actor: Actor
    fused: bytes
    batched: bytes

    def __str__(self) -> str:
        at = next((i for i, (a, b) in enumerate(zip(self.fused, self.batched, strict=False)) if a != b), 0)
        around = slice(max(0, at - 150), at + 200)
        return f"--- {self.actor.role} {self.variables}\n{self.document}\n  fused   {self.fused[around]!r}\n  batched {self.batched[around]!r}"


@dataclass
class Report:
    """What was compared. `reasons` counts why documents were left to the executor, `failures` the INTERNAL errors."""

    documents: int = 0
    answers: int = 0
    equal: int = 0
    with_errors: int = 0
    executor: int = 0
    invalid: int = 0
    reasons: collections.Counter[str] = field(default_factory=collections.Counter)
    differences: list[Difference] = field(default_factory=list)
    failures: list[Difference] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def add(self, other: "Report") -> None:
        """Count what another one found, too."""
        for each in fields(self):
            found = getattr(self, each.name)
            setattr(self, each.name, found + getattr(other, each.name))

    @property
    def noticed(self) -> list[str]:
        """Why something is wrong with one of the roads: bytes that differ, statements that the database refuses."""
        refused = [reason for reason in self.reasons if "Error" in reason and reason not in BY_THE_CLIENT]
        return [*(["different bytes"] if self.differences else []), *refused]

    def __str__(self) -> str:
        lines = [
            f"{self.documents} documents, {self.answers} answers: {self.equal} equal ({self.with_errors} with errors), {len(self.differences)} different, "
            f"{self.executor} left to the executor, {len(self.failures)} internal, {self.invalid} documents invalid"
        ]
        lines += [f"  {count:5} {reason}" for reason, count in self.reasons.most_common()]
        lines += [str(each) for each in sorted(self.differences, key=lambda each: len(each.document))[:3]]
        lines += [str(each) for each in sorted(self.failures, key=lambda each: len(each.document))[:2]]
        return "\n".join(lines + self.problems[:5])


def context_of(actor: Actor) -> Any:
    return Context(actor, request_id="same")


async def pools_of(
    runner: Runner,
    actor: Actor,
    ids: dict[str, list[str]],
    context: Callable[[Actor], Any] = context_of,
    more: Pools | None = None,
) -> Pools:
    """Ids as given (by type name), and cursors of every root list in each of its orders."""
    cursors: dict[str, list[str]] = collections.defaultdict(list)
    query = runner.schema._schema.query_type
    assert query is not None
    for name, root in query.fields.items():
        type_ = get_named_type(root.type)
        if not type_.name.endswith("Connection") or any(
            a.type.__class__.__name__ == "GraphQLNonNull" and n not in ("orderBy",) for n, a in root.args.items()
        ):
            continue
        orders = list(get_named_type(root.args["orderBy"].type).values) if "orderBy" in root.args else [""]  # type: ignore[union-attr]
        for order in orders:
            text = f"{{ {name}(first: 30{', orderBy: ' + order if order else ''}) {{ edges {{ cursor }} }} }}"
            found = [
                each.decode() for each in CURSOR.findall((await runner.batched(text, {}, None, context(actor))).body)
            ]
            cursors[f"{type_.name}:{order}"] += found
            cursors[f"{type_.name}:"] += found
    return {"ids": ids, "cursors": dict(cursors)} | (more or {})


async def compare(
    runner: Runner,
    schema: Schema,
    actors: Sequence[Actor],
    documents: int | Sequence[str],
    seed: int,
    pools: Pools,
    context: Callable[[Actor], Any] = context_of,
    each: int | None = None,
    at_once: int = 1,
) -> Report:
    """Answer `documents` (how many random ones, or these very texts) on both roads.

    Every actor is asked each of them, with two draws of its variables; with `each`, only that many actors in turn, with
    a draw of their own. `at_once` documents are under way together; what is asked hangs on the seed alone.
    """
    rng, report, room = random.Random(seed), Report(), asyncio.Semaphore(at_once)
    texts = list(documents) if not isinstance(documents, int) else None

    async def ask(text: str, asked: list[tuple[Actor, dict[str, Any]]]) -> None:
        try:
            for actor, variables in asked:
                await both(runner, text, variables, actor, context, report)
        finally:
            room.release()

    async with asyncio.TaskGroup() as under_way:
        while report.documents < (len(texts) if texts is not None else documents):  # type: ignore[operator]
            generator = Generator(schema._schema, rng, pools, depth=rng.randint(2, 6))
            text = texts[report.documents] if texts is not None else generator.document()
            found = runner.document(text)
            if found.errors:
                report.invalid += 1
                report.problems.append(found.errors[0].message[:300])
                if texts is not None or report.invalid > 50 + 3 * report.documents:
                    report.documents += 1
                continue
            turn = report.documents * (each or 0)
            report.documents += 1
            who = actors if each is None else [actors[(turn + n) % len(actors)] for n in range(each)]
            draws = 2 if generator.variables and each is None else 1
            asked = [(actor, generator.values()) for actor in who for _ in range(draws)]
            await room.acquire()
            under_way.create_task(ask(text, asked))
    return report


async def both(
    runner: Runner, text: str, variables: dict[str, Any], actor: Actor, context: Callable[[Actor], Any], report: Report
) -> None:
    fused = await runner.fused(text, variables, None, context(actor))
    batched = await runner.batched(text, variables, None, context(actor))
    report.answers += 1
    if b'"code":"INTERNAL"' in batched.body and b'"data"' in batched.body and fused != "null for a non-null field":
        report.failures.append(Difference(text, variables, actor, b"", batched.body))
    if not isinstance(fused, Answer):
        report.executor += 1
        report.reasons[NULL.sub(r"\1…\2", fused)] += 1
    elif fused.body == batched.body:
        report.equal += 1
        report.with_errors += b'"errors":' in batched.body
    else:
        report.differences.append(Difference(text, variables, actor, fused.body, batched.body))
