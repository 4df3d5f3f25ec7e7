"""What a document is held against before it is registered: the schema, and the points that one run may cost."""

from collections.abc import Callable

from graphql import GraphQLError
from strawberry import Schema

from souk.engine.cost import HUGE, Costs
from souk.engine.document import Document
from souk.resolvers.document import Judged
from souk.rules.errors import Invalid, OutOfRange

Refuse = Callable[[str], object]
"""Raises a refusal for what would cost too much to validate; asked before anything else."""


class Judge:
    """Holds documents against one schema. `most` are the points that one operation may cost."""

    def __init__(self, schema: Schema, refuse: Refuse, most: int) -> None:
        self.schema, self.refuse, self.most, self.costs = schema, refuse, most, Costs(schema._schema)

    def __call__(self, text: str) -> Judged:
        """Raises Invalid for what does not fit the schema, OutOfRange for what costs too much however it is run."""
        self.refuse(text)
        try:
            document = Document(self.schema, text)
        except GraphQLError as error:
            raise Invalid(error.message) from None
        if document.errors:
            raise Invalid(document.errors[0].message)
        if not document.operations:
            raise Invalid("There is no operation in it.")
        least, worst = self._bounds(document)
        if least > self.most:
            raise OutOfRange(f"One run costs {least} points at least, and may cost {self.most}.")
        return Judged(document.operations[0].name, min(worst, self.most))

    def _bounds(self, document: Document) -> tuple[int, int]:
        """The points of the dearest operation, with the smallest pages and with the largest."""
        costs = self.costs.measure(document.ast)
        least = worst = 0
        for each in document.operations:
            names = [definition.variable.name.value for definition in each.definitions]
            least = max(least, costs[each.name].of(dict.fromkeys(names, 1)).points)
            worst = max(worst, costs[each.name].of(dict.fromkeys(names, HUGE)).points)
        return least, worst

    def worst(self, text: str) -> int:
        """The points of the dearest operation with the largest pages, whatever is allowed."""
        return self._bounds(Document(self.schema, text))[1]
