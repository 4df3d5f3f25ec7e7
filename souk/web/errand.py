"""A query answered without a task: asked when its request has arrived, told when its rows have.

Every step is one of `Operations.answer`, in its order. Where the rest of them has to wait, to refuse or to explain, an errand
comes to nothing, and `Operations.answer` goes on with what it has: the record, the charge, and what the database said.
"""

from collections.abc import Callable

from souk.engine.question import Question
from souk.rules.actor import Actor
from souk.web.errors import Failure, Told
from souk.web.gate import GraphQLRequest
from souk.web.guard import Asked
from souk.web.operations import Operations, Result
from souk.web.parts import Call
from souk.web.record import Record


class Errand:
    """One query; `done` is called once with its answer, or with None: `Operations.answer` has to go on with it."""

    __slots__ = ("_done", "_operations", "question", "record")

    def __init__(self, operations: Operations, record: Record, done: Callable[[Result | None], None]) -> None:
        self._operations, self.record, self._done = operations, record, done
        self.question: Question | None = None

    @classmethod
    def begun(
        cls, operations: Operations, request: GraphQLRequest, asked: Asked, actor: Actor, call: Call,
        done: Callable[[Result | None], None],
    ) -> "Errand | None":  # fmt: skip
        """The query on its way; None, with nothing charged, where it is not one that can be asked at once."""
        runner = operations.parts.runner
        found = runner.at_hand(request.query, request.variables, request.operation_name, actor)
        if found is None:
            return None
        record = Record(operations.metrics, request, asked, call)
        try:
            price = record.price = operations.guard.admit(asked, request.variables)
            charge = operations.limits.at_hand(actor, call.address, price.points)
        except Failure:
            return None
        if charge is None:
            return None
        errand, record.charge = cls(operations, record, done), charge
        plan, values = found
        errand.question = runner.begin(plan, values, operations.deadlines, call.began, errand._heard)
        if errand.question is None:
            charge.settle(0)
            return None
        return errand

    def _heard(self, question: Question) -> None:
        text, record, result = question.plain, self.record, None
        if text is not None:
            record.fused = True
            result = Result(record.settled(Told(text), self._operations.most), charge=record.charge)
            record.done("ok")
        self._done(result)
