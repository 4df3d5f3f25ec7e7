"""The filter of a list as JSON: read as the argument of the list's root field is, by the same types and the same words."""

from functools import cache
from typing import Any, Optional

import strawberry
from graphql import OperationDefinitionNode, get_variable_values, parse
from strawberry.schema.config import StrawberryConfig
from strawberry.types.arguments import convert_arguments
from strawberry.utils.str_converters import to_camel_case

from ...engine.errors import BadUserInput
from ...engine.scalars import SCALARS
from ...rules.enums import ListName
from ..lists import LISTS


@cache
def _filters() -> strawberry.Schema:
    """The arguments `filter` of the lists alone: a resolver does not know the schema that it stands in."""

    def root(filter: Any) -> Any:
        def asked(filter: Any = None) -> bool:
            return True

        asked.__annotations__ = {"filter": Optional[filter], "return": bool}  # noqa: UP045 — a class that is a variable
        return strawberry.field(resolver=asked)

    roots = {name.value.lower(): root(listed.filter) for name, listed in LISTS.items()}
    query = strawberry.type(type("Lists", (), roots))
    return strawberry.Schema(query=query, config=StrawberryConfig(scalar_map=SCALARS))


def _root(list_name: ListName) -> str:
    return to_camel_case(list_name.value.lower())


@cache
def _definition(list_name: ListName) -> OperationDefinitionNode:
    name = _root(list_name)
    type_ = LISTS[list_name].filter.__name__
    (found,) = parse(f"query($filter: {type_}) {{ {name}(filter: $filter) }}").definitions
    assert isinstance(found, OperationDefinitionNode)
    return found


def filter_of(list_name: ListName, given: object) -> Any:
    """The filter that the JSON says; none for null. Raises BadUserInput with what is wrong with it."""
    if given is None:
        return None
    schema = _filters()
    found = get_variable_values(
        schema._schema, list(_definition(list_name).variable_definitions or ()), {"filter": given}, max_errors=50
    )
    if isinstance(found, list):
        raise BadUserInput(found[0].message)
    field = schema._schema.query_type.fields[_root(list_name)]  # type: ignore[union-attr]
    declared = field.extensions["strawberry-definition"]
    made = convert_arguments(
        {"filter": found.coerced["filter"]}, declared.arguments, schema.schema_converter.scalar_registry, schema.config
    )
    return made["filter"]
