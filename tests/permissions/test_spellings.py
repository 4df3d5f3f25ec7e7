"""`allows` and `rows` are one question in two spellings; and what is marked personal or internal is guarded."""

import importlib
import pkgutil
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from graphql import GraphQLObjectType
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

import souk.permissions
from souk import models
from souk.db.connect import sqlalchemy_url
from souk.engine.notes import Column, Embedded, Sealed, Totals, Value, guards_of, note_of
from souk.engine.symbols import Viewer
from souk.engine.views import view_of
from souk.permissions.base import KNOWN, AnyOf, Permission
from souk.rules.actor import Actor, Role
from souk.schema import schema
from tests.bazaar import Bazaar, make_bazaar
from tests.permissions.probes import asked_by_the_schema
from tests.permissions.spelled import SPELLED
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


def test_each_permission_that_is_used_is_asked() -> None:
    """Gates, guards and what reads and writes ask: all are found by themselves, and each has two spellings."""
    used = {
        type(each).__name__
        for _, asked in asked_by_the_schema()
        for each in (asked.parts if isinstance(asked, AnyOf) else [asked])
    }
    assert used - {each.__name__ for each in EVERY} == {"May", "_Own"}, "asks no row"
    assert {each.__name__ for each in EVERY if each not in IN_PYTHON} == set(SPELLED)


@pytest.mark.parametrize("permission", [each for each in EVERY if not each.in_python], ids=ask)
async def test_what_only_the_database_answers_is_what_plain_sql_says(
    pair: Pair, permission: type[Permission[Any]]
) -> None:
    """The same as `allows` and `rows`, for predicates over other tables: rows of both tenants, own and others'."""
    asked, spelled, mapper = permission(), SPELLED[permission.__name__], permission.model.__mapper__
    here = {row.id for row in await pair.all_rows(permission.model) if row.tenant_id == pair.here.tenant_id}
    assert len(here) >= 3
    for actor in [*pair.here.everybody, *pair.there.everybody]:
        cell, facts, role = asked.cell(actor.facts), actor.facts, actor.role.value
        if role == "SERVICE" and facts.of_dealer:
            continue  # what a token of a dealer may is the meeting of both; test_allows_and_rows asks it where it can
        own = cell.letter == "O" or (cell.letter == "M" and asked.marked)
        answer = spelled.own.get(role, "false") if own else spelled.by_role.get(role, spelled.within)
        if not asked.admits(facts):
            answer = "false"
        given = {
            "user": actor.user_id, "dealer": actor.dealer_id, "teams": list(actor.team_ids), "all_teams": actor.all_teams,
        }  # fmt: skip
        sql = f"SELECT t.id FROM {mapper.local_table.name} t WHERE ({answer}) AND t.tenant_id = :tenant"
        question = text(sql).bindparams(tenant=pair.here.tenant_id)
        question = question.bindparams(**{n: v for n, v in given.items() if f":{n}" in answer})
        async with AsyncSession(pair.engine) as session:
            expected = set((await session.execute(question)).scalars())
        assert await pair.chosen(asked, actor) & here == expected, (role, answer)


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


@pytest.mark.parametrize("permission", EVERY, ids=ask)
def test_a_subquery_is_about_the_row_that_is_asked_about(permission: type[Permission[Any]]) -> None:
    """Two levels down SQLAlchemy lists the outer table once more, and then the condition is about any of its rows."""
    asked = permission()
    for role in Role:
        actor = Actor(uuid4(), role, user_id=uuid4(), dealer_id=uuid4(), token_id=uuid4(), team_ids=(uuid4(),))
        if role is Role.SERVICE:
            actor = replace(actor, scopes=frozenset({permission.name}))
        written = str(select(permission.model.id).where(asked.rows(Viewer.of(actor))))
        inside = re.findall(r"\(SELECT [^()]*? ?\nFROM ([^()]*?) \nWHERE", written)
        assert len(inside) == written.count("(SELECT"), written
        again = [each for each in inside if permission.model.__tablename__ in each.split(", ")]
        assert not again, written


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
