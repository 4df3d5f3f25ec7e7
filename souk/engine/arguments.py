"""The arguments of a field are those of its read, with descriptions: its own, or the standard ones."""

import inspect
import typing
from collections.abc import Callable
from typing import Annotated, Any

import strawberry
from strawberry.types.arguments import StrawberryArgumentAnnotation

from .notes import Read
from .paging import DEFAULT, LARGEST

TEXTS = {
    "id": "The global id.",
    "ids": "Global ids.",
    "first": f"How many rows from the start, or after `after`: 1 to {LARGEST}, {DEFAULT} if neither `first` nor `last` is given.",
    "after": "Continue after this cursor of the same list in the same order.",
    "last": f"How many rows from the end, or before `before`: 1 to {LARGEST}; not together with `first`.",
    "before": "Stop before this cursor of the same list in the same order.",
    "filter": "Narrows the list; all conditions must hold.",
    "order_by": "The order of the list; equal rows come by id.",
    "input": "What to do.",
    "updated_since": "Only what has changed at or after this moment.",
    "status": "Only rows in this status.",
    "query": "The words to find; words in quotes stand together, `-word` leaves out what has it.",
    "types": "Only these kinds; all of them if absent.",
    "range": "The time it speaks of: the first moment, and the first after it; by default the last 30 days, today included.",
    "time_zone": "Whose days and weeks are meant; by default the tenant's.",
    "metric": "What is counted.",
    "bucket": "How the range is cut; its ends cut a day or week short.",
    "compare": "Whether each point tells of the range before, too.",
    "at": "The moment asked about, in UTC.",
}
PAGE = {"first": int | None, "after": str | None, "last": int | None, "before": str | None}


def described(parameter: inspect.Parameter) -> inspect.Parameter:
    """The parameter with a description, unless it has one (`Annotated[…, strawberry.argument(description=…)]`)."""
    annotation, name = parameter.annotation, parameter.name
    if any(isinstance(each, StrawberryArgumentAnnotation) for each in getattr(annotation, "__metadata__", ())):
        return parameter
    text = TEXTS.get(name)
    if text is None and name.endswith("_id"):
        text = f"The global id of the {name[:-3].replace('_', ' ')}."
    return (
        parameter.replace(annotation=Annotated[annotation, strawberry.argument(description=text)])
        if text
        else parameter
    )


def with_arguments_of(
    read: Read | None, resolve: Callable[..., Any], skip: int = 0, paged: bool = False
) -> Callable[..., Any]:
    """Give `resolve` the arguments of `read` (after viewer and parent), and those of a page."""
    own = [described(p) for p in inspect.signature(resolve).parameters.values() if p.kind is not p.VAR_KEYWORD]
    taken: list[inspect.Parameter] = []
    if read is not None:
        hints = typing.get_type_hints(read, include_extras=True)
        given = list(inspect.signature(read).parameters.values())[skip:]
        taken = [described(p.replace(annotation=hints[p.name], kind=p.KEYWORD_ONLY)) for p in given]
    if paged:
        taken += [
            described(inspect.Parameter(n, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=t))
            for n, t in PAGE.items()
        ]
    resolve.__signature__ = inspect.Signature([*own, *taken])  # type: ignore[attr-defined]
    return resolve
