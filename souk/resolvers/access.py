"""Why somebody may see a row or a field, or may not: the permission, its cell, its predicate, and what of it holds.

Only what the asker sees is explained; what is another tenant's, or nowhere, is answered like what is absent.
"""

import inspect
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from graphql import GraphQLObjectType, GraphQLSchema
from sqlalchemy import ColumnElement, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import BooleanClauseList

from ..context import Context
from ..db.session import Transaction
from ..engine.errors import BadUserInput
from ..engine.guards import own
from ..engine.notes import GATE, Either, guards_of, note_of
from ..engine.symbols import GlobalId, Later, Viewer, key, read_id
from ..engine.views import View, view_of
from ..models import Membership, MembershipTeam, User
from ..permissions.base import AnyOf, Permission
from ..permissions.roles import MATRIX
from ..permissions.user import SeesMembership
from ..rules.actor import Actor, Role

NOBODY = UUID(int=0)
"""Stands for a person, and for an organisation, that is no party to anything."""


@dataclass
class Part:
    """One condition of a predicate, and whether it holds for the row."""

    sql: str
    holds: bool


@dataclass
class Check:
    """One question that was asked on the way to the row or the field."""

    about: str
    permission: str
    cell: str
    predicate: str
    sql: str | None
    passes: bool
    reason: str
    parts: list[Part] = field(default_factory=list)


@dataclass
class Explained:
    """The way from a role to a row, check by check; the first that fails is why."""

    role: Role
    checks: list[Check]

    @property
    def allowed(self) -> bool:
        return all(check.passes for check in self.checks)


async def access_explain(
    context: Context, schema: GraphQLSchema, id: str, role: Role, name: str | None, membership_id: str | None
) -> Explained | None:
    """Explain the row with this id, or one of its fields. None where the asker sees no such row or membership."""
    found = read_id(id)
    view = view_of(schema, found.type_name) if found is not None else None
    if found is None or view is None or view.node is None:
        return None
    declared = _declared(schema, view, name)
    async with context.db.transaction(context.actor, "accessExplain", now=context.now) as tx:
        if not await _there(tx, view, context.actor, found.row_id):
            return None
        actor = await _actor(tx, role, membership_id)
        if actor is None:
            return None
        if actor.role is not role:
            raise BadUserInput("This membership has another role.")
        explainer = _Explainer(tx, view, actor, found.row_id, particular=membership_id is not None)
        return Explained(role, [check async for check in explainer.checks(name, declared)])


def _declared(schema: GraphQLSchema, view: View, name: str | None) -> Any:
    if name is None:
        return None
    type_ = schema.type_map[view.name]
    assert isinstance(type_, GraphQLObjectType)
    if name not in type_.fields:
        raise BadUserInput(f"{view.name} has no field of this name.")
    return type_.fields[name].extensions.get("strawberry-definition")


async def _there(tx: Transaction, view: View, actor: Actor, row_id: UUID) -> bool:
    """Whether the type's own read by id, behind its gate, gives the row."""
    if view.gate is not None and not view.gate.admits(actor.facts):
        return False
    assert view.node is not None
    asked = view.node(Viewer.of(actor), id=GlobalId(view.model.__name__, row_id))
    inside = asked.where(view.model.tenant_id == actor.tenant_id)
    return (await tx.session.execute(inside)).first() is not None


async def _actor(tx: Transaction, role: Role, membership_id: str | None) -> Actor | None:
    """Who is meant: this membership, or somebody of the role who is no party to anything."""
    tenant = tx.actor.tenant_id
    if membership_id is None:
        if role is Role.SERVICE:
            return Actor(tenant, role, token_id=NOBODY, scopes=frozenset(MATRIX))
        if role is Role.PUBLIC:
            return Actor(tenant, role)
        dealer = NOBODY if role is Role.DEALER else None
        return Actor(tenant, role, user_id=NOBODY, membership_id=NOBODY, dealer_id=dealer)
    sees = SeesMembership().rows(Viewer.of(tx.actor))
    asked = select(Membership).where(
        Membership.id == key(membership_id, Membership), Membership.ended_at.is_(None), sees
    )
    member = (await tx.session.execute(asked)).scalar_one_or_none()
    if member is None:
        return None
    teams = select(MembershipTeam.team_id).where(MembershipTeam.membership_id == member.id)
    person = await tx.session.get_one(User, (tenant, member.user_id))
    made = Actor(
        tenant, Role(member.role), user_id=person.id, dealer_id=member.dealer_id, membership_id=member.id,
        account_id=person.account_id,
    )  # fmt: skip
    team_ids = tuple((await tx.session.execute(teams)).scalars())
    return replace(made, team_ids=team_ids, all_teams=member.all_teams)


@dataclass
class _Explainer:
    tx: Transaction
    view: View
    actor: Actor
    row_id: UUID
    particular: bool

    async def checks(self, name: str | None, declared: Any) -> AsyncIterator[Check]:
        """The gate of the type, its rows, then the field's own gate and guards."""
        what = self.view.name
        if isinstance(self.view.gate, Permission):
            yield self._gate(f"asking for a {what} at all", self.view.gate)
            if self.view.gate.admits(self.actor.facts):
                yield await self._row(self.view.gate)
        elif self.view.gate is own:
            yield await self._row(None)
        if declared is None:
            return
        note = note_of(declared)
        gate = declared.metadata.get(GATE) or getattr(note, "gate", None)
        if isinstance(gate, Permission):
            yield self._gate(f"asking for {what}.{name} at all", gate)
        for guard in guards_of(note):
            if isinstance(guard, Permission):
                check = await self._guard(f"{what}.{name}", guard)
                if isinstance(note, Either) and not check.passes:
                    check.reason += f" {note.cases[-1][1]} is shown instead."
                yield check

    def _gate(self, about: str, gate: Permission[Any]) -> Check:
        admits = gate.admits(self.actor.facts)
        role = self.actor.role.value
        reason = (
            f"The matrix lets {role} ask." if admits else f"The matrix has – for {role}: refused whatever the row is."
        )
        if admits and self.actor.role is Role.SERVICE:
            reason = "The matrix lets a service token ask that has the scope."
        return Check(about, gate.asks, _cell(gate, self.actor), words(gate), None, admits, reason)

    async def _row(self, gate: Permission[Any] | None) -> Check:
        """The read by id, whose predicate may be narrower than the permission's own; without one it is all there is."""
        assert self.view.node is not None
        id_ = GlobalId(self.view.model.__name__, self.row_id)
        passes = await _there(self.tx, self.view, self.actor, self.row_id)
        shown = _predicates(self.view.node(Viewer(self.actor.facts), id=id_), self.view.model)
        asked = self.view.node(Viewer.of(self.actor), id=id_)
        alone = asked.get_final_froms() == [self.view.model.__table__]
        parts = await self._parts(_predicates(asked, self.view.model), shown) if alone else []
        sql = " AND ".join(map(spelled, shown)) or "true"
        about = f"this {self.view.name}"
        if gate is None:
            reason = "It is this person's own." if passes else "It is not this person's own."
            return Check(about, "own", "O", "What concerns oneself is shown to oneself.", sql, passes, reason, parts)
        return self._check(about, gate, sql, passes, parts)

    async def _guard(self, about: str, guard: Permission[Any]) -> Check:
        shown, bound = guard.rows(Viewer(self.actor.facts)), guard.rows(Viewer.of(self.actor))
        passes = await self._holds(bound)
        parts = await self._parts([bound], [shown])
        return self._check(about, guard, spelled(shown), passes, parts)

    def _check(self, about: str, asks: Permission[Any], sql: str, passes: bool, parts: list[Part]) -> Check:
        cell = _cell(asks, self.actor)
        return Check(about, asks.asks, cell, words(asks), sql, passes, self._why(asks, passes, cell), parts)

    def _why(self, asks: Permission[Any], passes: bool, cell: str) -> str:
        role = self.actor.role.value
        if passes:
            return f"The cell of {role} is {cell}, and the predicate holds for this row."
        if not asks.admits(self.actor.facts):
            return f"The matrix has – for {role}."
        if getattr(asks, "marked", False) and cell.startswith("M"):
            return f"The cell of {role} is M: the row is visible, this field is withheld."
        told = f"The cell of {role} is {cell}, and the predicate does not hold for this row."
        asked_of_nobody = "" if self.particular or not cell.startswith("O") else (
            " Asked of somebody who is no party to it; name a membershipId to ask of somebody in particular."
        )  # fmt: skip
        return told + asked_of_nobody

    async def _holds(self, clause: ColumnElement[bool]) -> bool:
        model = self.view.model
        asked = select(model.id).where(model.tenant_id == self.actor.tenant_id, model.id == self.row_id, clause)
        return (await self.tx.session.execute(asked)).first() is not None

    async def _parts(self, bound: list[ColumnElement[bool]], shown: list[ColumnElement[bool]]) -> list[Part]:
        """Each condition by itself: those that are joined by AND or by OR, one level deep."""
        pairs = zip(_split(bound), _split(shown), strict=True)
        return [Part(spelled(text), await self._holds(clause)) for clause, text in pairs]


def _split(clauses: list[ColumnElement[bool]]) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    for clause in clauses:
        inner = getattr(clause, "element", clause)
        found += inner.clauses if isinstance(inner, BooleanClauseList) else [clause]
    return found


def _predicates(asked: Any, model: Any) -> list[ColumnElement[bool]]:
    """The conditions of a read by id, without the id."""
    where, column = asked.whereclause, model.__table__.c.id
    joined = isinstance(where, BooleanClauseList) and where.operator is operators.and_
    clauses = list(where.clauses) if joined else [where]
    return [each for each in clauses if not _is(getattr(each, "left", None), column)]


def _is(left: Any, column: Any) -> bool:
    return getattr(left, "name", None) == column.name and getattr(left, "table", None) is column.table


def words(asks: Permission[Any]) -> str:
    """A permission in words: what stands above its predicate in the code."""
    if isinstance(asks, AnyOf) and type(asks) is AnyOf:
        return " Or: ".join(words(part) for part in asks.parts)
    return (inspect.getdoc(type(asks)) or asks.message).splitlines()[0]


def _cell(asks: Permission[Any], actor: Actor) -> str:
    if isinstance(asks, AnyOf):
        return " or ".join(f"{part.asks}: {_cell(part, actor)}" for part in asks.parts)
    return str(asks.cell(actor.facts)).replace("-", "–")


PARAMETER = re.compile(r"%\((\w+)\)s(?:::[A-Za-z]+(?:\[\])?)?")


def spelled(clause: ColumnElement[bool]) -> str:
    """A clause as SQL: what is the program's own stands as it is, what is the asker's as `:actor_user_id`."""
    made = clause.compile(dialect=postgresql.dialect(paramstyle="pyformat"))  # type: ignore[no-untyped-call]

    def value(match: re.Match[str]) -> str:
        given = made.params.get(match[1])
        if given is None or isinstance(given, Later):
            return f":{match[1]}"
        items = given if isinstance(given, list | tuple) else [given]
        quoted = [str(each) if isinstance(each, int) else "'" + str(each).replace("'", "''") + "'" for each in items]
        return f"ARRAY[{', '.join(quoted)}]" if isinstance(given, list | tuple) else quoted[0]

    return " ".join(PARAMETER.sub(value, str(made)).split())
