"""What the engine knows of permissions: two protocols, and the mark of what concerns only oneself."""

from typing import Any, ClassVar, Protocol, runtime_checkable

from graphql import GraphQLError
from sqlalchemy import ColumnElement

from ..rules.actor import Actor, Facts


@runtime_checkable
class Guard(Protocol):
    """One question about a row, spelled for Python and for SQL.

    `in_python = False` says that only SQL can answer (the rule is an EXISTS); the batched road then asks for all rows of
    a list with one statement.
    """

    in_python: ClassVar[bool]

    def allows(self, actor: Actor, row: Any) -> bool: ...

    def rows(self, viewer: Any) -> ColumnElement[bool]: ...

    def refusal(self) -> GraphQLError: ...

    def require(self, actor: Actor, row: Any) -> None: ...


@runtime_checkable
class Gate(Protocol):
    """Whether a role may ask at all, decided from the few facts of a plan, whatever the row."""

    def admits(self, facts: Facts) -> bool: ...

    def refusal(self) -> GraphQLError: ...


class _Own:
    """The gate of what concerns only oneself: anybody may ask, the read narrows to the asker."""

    def admits(self, facts: Facts) -> bool:
        return True

    def refusal(self) -> GraphQLError:
        return GraphQLError("You may not see this.", extensions={"code": "FORBIDDEN", "retryable": False})


own = _Own()
