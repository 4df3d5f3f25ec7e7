"""Commands about the API as text: print it, and hold it to what was promised."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    find_breaking_changes,
    get_named_type,
    lexicographic_sort_schema,
    print_schema,
)

from souk.cli.console import err, failed, out
from souk.schema import schema

SNAPSHOT = Path("schema.graphql")
REMOVED_AFTER = re.compile(r"\bremoved after (\d{4}-\d{2}-\d{2})\b")

Against = Annotated[Path | None, typer.Option(help="An earlier schema that clients rely on.")]
Snapshot = Annotated[Path, typer.Option("--file", help="The committed schema.")]


def printed() -> str:
    """The schema of this program, everything in alphabetical order."""
    return print_schema(lexicographic_sort_schema(schema._schema)) + "\n"


def print_() -> None:
    """Print the schema, sorted: what schema.graphql holds."""
    out.out(printed(), end="", highlight=False)


def check(against: Against = None, file: Snapshot = SNAPSHOT) -> None:
    """Fail when the committed schema is not the program's, or when a change breaks clients that were not warned."""
    text = printed()
    if not file.is_file() or file.read_text(encoding="utf-8") != text:
        failed(f"{file} is not the schema of this program; `make schema` writes it anew")
    wrong = undated(build_schema(text))
    if against is not None:
        wrong += broken(against.read_text(encoding="utf-8"), text, datetime.now(UTC).date())
    for line in wrong:
        err.print(line, markup=False)
    if wrong:
        failed("the schema breaks what clients were promised")


def broken(before: str, after: str, today: date) -> list[str]:
    """The breaking changes that no deprecation announced, or whose day has not come."""
    old = build_schema(before)
    excused = set(_excused(old, today))
    return [
        change.description
        for change in find_breaking_changes(old, build_schema(after))
        if change.description not in excused
    ]


def undated(made: GraphQLSchema) -> list[str]:
    """Deprecations that do not say when."""
    return [
        f"{name}: a deprecation reads “… use X; removed after YYYY-MM-DD”."
        for name, _, element in _elements(made)
        if element.deprecation_reason is not None and not REMOVED_AFTER.search(element.deprecation_reason)
    ]


def _excused(made: GraphQLSchema, today: date) -> Iterator[str]:
    """What may go now, in the words of the comparison; a type may when nothing that stays leads to it."""
    kept: set[str] = set()
    for name, kind, element in _elements(made):
        found = REMOVED_AFTER.search(element.deprecation_reason or "")
        if found and date.fromisoformat(found[1]) < today:
            yield f"{kind} {name} was removed."
        elif hasattr(element, "type"):
            kept.add(get_named_type(element.type).name)
    for type_ in made.type_map:
        if type_ not in kept:
            yield f"{type_} was removed."


def _elements(made: GraphQLSchema) -> Iterator[tuple[str, str, Any]]:
    """Whatever can be deprecated: its name, what it is called in a comparison, and itself."""
    for type_ in made.type_map.values():
        if type_.name.startswith("__"):
            continue
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            for name, field in type_.fields.items():
                yield f"{type_.name}.{name}", "Field", field
                for argument, declared in field.args.items():
                    yield f"{type_.name}.{name}({argument}:)", "Argument", declared
        elif isinstance(type_, GraphQLInputObjectType):
            for name, given in type_.fields.items():
                yield f"{type_.name}.{name}", "Field", given
        elif isinstance(type_, GraphQLEnumType):
            for name, value in type_.values.items():
                yield f"{type_.name}.{name}", "Enum value", value
