"""Every shipped document, as everybody, with its variables at their edges: the same bytes on both roads."""

import base64
import random
import re
from time import perf_counter
from typing import Any

import orjson
import pytest
from graphql import OperationType

from souk.context import Rehearsal
from souk.documents.shipped import shipped
from souk.engine.rows import _NAMED
from souk.engine.run import Answer, Refused
from souk.rules.actor import Actor, Role
from souk.schema import schema
from tests.documents.edges import Edges, Values
from tests.engine.differential import Difference, Report, both
from tests.test_differential import Full, check, full

__all__ = ["full"]
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::RuntimeWarning")
SEED = 20_261_126
AT_EDGES = 2
SMALL = {OperationType.QUERY: 0.03, OperationType.MUTATION: 0.03, OperationType.SUBSCRIPTION: 0.5}
TEXTS = {each.name: each.text for each in shipped().values()}
ID = re.compile(rb'"([A-Za-z0-9+/]{40,}={0,2})"')
SECRET = re.compile(rb'"(soukr?_)[\w.-]{40,}"')


def kind_of(full: Full, name: str) -> OperationType:
    operation = full.runner.operation(TEXTS[name])
    assert operation is not None
    return operation.kind


def edges_of(full: Full, name: str) -> Edges:
    operation = full.runner.operation(TEXTS[name])
    assert operation is not None
    return Edges(schema._schema, operation, full.pools)


def cases(full: Full, name: str, share: float, rng: random.Random) -> list[tuple[Actor, Values]]:
    """Who asks with what: everybody for each object, two in turn at each edge, so that all come by; or a share of that."""
    edges, everybody = edges_of(full, name), full.here.everybody
    operation = full.runner.operation(TEXTS[name])
    assert operation is not None
    found: list[tuple[Actor, Values]] = []
    for values in edges.objects():
        found += [(actor, values) for actor in everybody]
    turn = rng.randrange(len(everybody))
    for values in edges.sets():
        many = 1 if isinstance(operation.coerce(values), list) else AT_EDGES  # refused before anybody looks who asks
        found += [(everybody[(turn + n) % len(everybody)], values) for n in range(many)]
        turn += many
    return found if share >= 1 else rng.sample(found, max(13, round(len(found) * share)))


@pytest.mark.parametrize("kind", list(OperationType))
async def test_every_shipped_document_is_answered_alike_on_both_roads(
    full: Full, size: Any, kind: OperationType
) -> None:
    total, began, rng = Report(), perf_counter(), random.Random(SEED)
    compare = {OperationType.QUERY: asked, OperationType.MUTATION: rehearsed, OperationType.SUBSCRIPTION: followed}[
        kind
    ]
    names = [name for name in TEXTS if kind_of(full, name) is kind]
    for name in names:
        report, at = Report(documents=1), perf_counter()
        for actor, values in cases(full, name, size(SMALL[kind], 1), rng):
            await compare(full, name, values, actor, report)
        print(f"\n{name}, {perf_counter() - at:.1f} s: {report}")
        total.add(report)
    print(f"{perf_counter() - began:.0f} s")
    check(total)
    assert total.documents == len(names) > 0 and total.equal > total.answers * 0.4


async def test_what_was_asked_before_leaves_no_class_of_rows_behind(full: Full) -> None:
    """On the batched road; a class for each asking, kept for ever, once was a slow leak."""
    owner, left = full.here.actors[Role.OWNER], []
    names = [name for name in TEXTS if kind_of(full, name) is OperationType.QUERY]
    for _ in range(2):
        for name in names:
            answer = await full.runner.batched(TEXTS[name], edges_of(full, name).base(), None, full.context(owner))
            assert answer.body.startswith(b'{"data":{')
        left.append(len(_NAMED))
    assert left[0] == left[1] > 1


async def asked(full: Full, name: str, values: Values, actor: Actor, report: Report) -> None:
    await both(full.runner, TEXTS[name], values, actor, full.context, report)


async def followed(full: Full, name: str, values: Values, actor: Actor, report: Report) -> None:
    """The first events of a subscription, or why there are none."""
    told: list[bytes] = []
    for fused in (True, False):
        try:
            plan = full.runner.events_plan(TEXTS[name], None, values, full.context(actor), fused)
            assert plan.fused is fused, plan.reason
            told.append(b"\n".join(b"%d %b" % event for event in await plan.fetch(plan.after, 20)))
        except Refused as refused:
            told.append(refused.answer.body)
    note(report, name, values, actor, *told)


async def rehearsed(full: Full, name: str, values: Values, actor: Actor, report: Report) -> None:
    """A mutation that keeps nothing, so that both roads find the same; what it made itself has another id each time."""
    operation = full.runner.operation(TEXTS[name])
    assert operation is not None
    known = {each.encode() for ids in full.here.own.values() for each in ids}
    told: list[bytes] = []
    for road in (full.runner.fused, full.runner.batched):
        context = full.context(actor)
        context.rehearsal = Rehearsal()
        answer = await road(TEXTS[name], values, None, context)
        if not isinstance(answer, Answer):
            report.reasons[answer] += 1
            report.answers += 1
            report.executor += 1
            return
        if road == full.runner.fused and not answer.fused:
            report.reasons[answer.reason or ""] += 1
        told.append(masked(answer.body, known))
    note(report, name, values, actor, *told)


def masked(body: bytes, known: set[bytes]) -> bytes:
    def told(match: re.Match[bytes]) -> bytes:
        if match[1] in known:
            return match[0]
        return b'"new %b"' % base64.b64decode(match[1]).partition(b":")[0]

    return SECRET.sub(rb'"\1 and what nobody can foretell"', ID.sub(told, body))


def note(report: Report, name: str, values: Values, actor: Actor, fused: bytes, batched: bytes) -> None:
    report.answers += 1
    report.equal += fused == batched
    report.with_errors += fused == batched and b'"errors":' in batched
    found = Difference(TEXTS[name], values, actor, fused, batched)
    if fused != batched:
        report.differences.append(found)
    if b'"code":"INTERNAL"' in batched:
        report.failures.append(found)


async def test_a_place_beyond_every_feed_is_its_end(full: Full) -> None:
    """The largest number there is used to overflow when the length of a page was added to it."""
    owner = full.here.actors[Role.OWNER]
    for id_ in full.here.own["Batch"]:
        ends = []
        for after in (str(2**63 - 1), str(2**62), str(2**40)):
            given = {"batchId": id_, "after": after}
            await both(full.runner, TEXTS["BatchEvents"], given, owner, full.context, report := Report())
            assert report.equal == 1, str(report)
            body = (await full.runner.answer(TEXTS["BatchEvents"], given, None, full.context(owner))).body
            page = orjson.loads(body)["data"]["batchEvents"]
            assert (page["events"], page["hasMore"]) == ([], False)
            ends.append(page["lastSeq"])
        assert len(set(ends)) == 1
