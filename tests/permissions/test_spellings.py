"""`allows` and `rows` are one question in two spellings; and what is marked personal or internal is guarded."""

import importlib
import pkgutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from graphql import GraphQLObjectType
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

import souk.permissions
from souk import models
from souk.db.connect import sqlalchemy_url
from souk.engine.notes import Column, Embedded, Sealed, Totals, Value, guards_of, note_of
from souk.engine.symbols import Viewer
from souk.engine.views import view_of
from souk.permissions.base import KNOWN, Permission
from souk.rules.actor import Actor, Role
from souk.schema import schema
from tests.bazaar import Bazaar, make_bazaar
from tests.world import Souk

for found in pkgutil.iter_modules(souk.permissions.__path__):
    importlib.import_module(f"souk.permissions.{found.name}")


def permissions() -> Iterator[type[Permission[Any]]]:
    seen: set[type[Permission[Any]]] = set()
    todo = [each for group in KNOWN.values() for each in group]
    while todo:
        one = todo.pop()
        todo += one.__subclasses__()
        if one not in seen and one.__module__.startswith("souk.") and not one.__name__.startswith("_"):
            seen.add(one)
            if one.model is not None and getattr(one, "name", None):
                yield one


EVERY = sorted(set(permissions()), key=lambda each: (each.__module__, each.__qualname__))
IN_PYTHON = [each for each in EVERY if each.in_python]


@dataclass
class Pair:
    """Two full tenants, seen by a superuser: only the predicates decide, not the wall."""

    engine: AsyncEngine
    here: Bazaar
    there: Bazaar
    rows: dict[Any, list[Any]]

    async def all_rows(self, model: Any) -> list[Any]:
        if model not in self.rows:
            both = select(model).where(model.tenant_id.in_([self.here.tenant_id, self.there.tenant_id]))
            async with AsyncSession(self.engine, expire_on_commit=False) as session:
                self.rows[model] = list((await session.execute(both)).scalars())
        return self.rows[model]

    async def chosen(self, permission: Permission[Any], actor: Actor) -> set[UUID]:
        model = permission.model
        asked = select(model.id).where(
            model.tenant_id.in_([self.here.tenant_id, self.there.tenant_id]), permission.rows(Viewer.of(actor))
        )
        async with AsyncSession(self.engine) as session:
            return set((await session.execute(asked)).scalars())


@pytest_asyncio.fixture(scope="module")
async def pair(souk: Souk, database: str) -> AsyncIterator[Pair]:
    engine = create_async_engine(sqlalchemy_url(database))
    yield Pair(engine, await make_bazaar(souk), await make_bazaar(souk), {})
    await engine.dispose()


NEVER = {
    ("SeesUnlock", Role.CUSTOMER): "who asked does not see who bought the contact",
    ("AcceptsInvitation", Role.PUBLIC): "nobody yet: who signs in is somebody by then",
}


def ask(permission: type[Permission[Any]]) -> str:
    return permission.__name__


@pytest.mark.parametrize("permission", IN_PYTHON, ids=ask)
async def test_allows_and_rows_agree_on_every_row(pair: Pair, permission: type[Permission[Any]]) -> None:
    asked, rows = permission(), await pair.all_rows(permission.model)
    assert {row.tenant_id for row in rows} == {pair.here.tenant_id, pair.there.tenant_id}
    for actor in [*pair.here.everybody, *pair.there.everybody]:
        python = {row.id for row in rows if asked.allows(actor, row)}
        assert python == await pair.chosen(asked, actor), actor
        if not asked.admits(actor.facts):
            assert python == set()


@pytest.mark.parametrize("permission", [each for each in EVERY if each.__name__ != "CreatesDealer"], ids=ask)
async def test_both_answers_occur_where_a_cell_says_own(pair: Pair, permission: type[Permission[Any]]) -> None:
    """O is somebody's row and not everybody's: among own, other and foreign rows there are both."""
    asked, rows = permission(), await pair.all_rows(permission.model)
    for role, actor in pair.here.actors.items():
        chosen = await pair.chosen(asked, actor)
        match asked.cell(actor.facts).letter:
            case "-":
                assert chosen == set(), role
            case "O":
                mine = chosen & {row.id for row in rows if row.tenant_id == pair.here.tenant_id}
                others = {row.id for row in rows} - chosen
                if (permission.__name__, role) not in NEVER:
                    assert mine, (role, "sees nothing of its own")
                    assert others, (role, "sees everything")
            case "M" if permission.marked:
                assert chosen != {row.id for row in rows}, (role, "sees everything")
            case _:
                assert chosen, (role, "sees nothing")


# Marked fields -----------------------------------------------------------------------------------------------------------


def shown_columns() -> Iterator[tuple[str, Any, set[str], bool]]:
    """Each field of a view with the columns it shows, and whether something guards it."""
    for name, type_ in schema._schema.type_map.items():
        view = view_of(schema._schema, name)
        if view is None or not isinstance(type_, GraphQLObjectType):
            continue
        for field_name, field in type_.fields.items():
            note = note_of(field.extensions.get("strawberry-definition"))
            columns: set[str] = set()
            match note:
                case Column(column) | Totals(column) | Embedded(column) | Sealed(column):
                    columns = {column}
                case Value(names):
                    columns = set(names.values())
            if columns:
                yield f"{name}.{field_name}", view.model, columns, bool(guards_of(note))


def marked(mark: str) -> list[str]:
    return sorted(
        f"{mapper.class_.__name__}.{column.key}"
        for mapper in models.Model.registry.mappers
        for column in mapper.columns
        if column.info.get(mark)
    )


UNGUARDED = {  # types that are only reached through a union or a gate that decides
    "Note": "its lists are behind note:read, which has no M",
    "LeadContactOpen": "a case of the union that the permission opens",
    "Session": "its reads give one's own only",
    "LoginAttempt": "its reads give one's own only",
}


def test_each_marked_column_that_is_shown_is_guarded() -> None:
    print("\npersonal:", ", ".join(marked("personal")), "\ninternal:", ", ".join(marked("internal")))
    assert len(marked("personal")) >= 25 and len(marked("internal")) >= 6
    naked = set()
    for where, model, columns, guarded in shown_columns():
        stored = model.__mapper__.columns
        is_marked = any(
            stored[c].info.get("personal") or stored[c].info.get("internal") for c in columns if c in stored
        )
        if is_marked and not guarded and where.split(".")[0] not in UNGUARDED:
            naked.add(where)
    assert naked == set()
