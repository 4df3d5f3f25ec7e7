"""The command that says how a registered document is read."""

import json
from collections.abc import Iterator
from typing import Annotated, Any, NamedTuple

import typer
from graphql import GraphQLError
from sqlalchemy import or_, select

from souk.cli.console import failed, out, settings
from souk.cli.work import Slug, done
from souk.db.session import Transaction
from souk.documents.fused import coerced, facts_of, samples
from souk.documents.shipped import shipped
from souk.engine.cost import Costs
from souk.engine.document import Document, Operation
from souk.engine.fuse import Plan
from souk.engine.missing import missing
from souk.engine.pool import SETTINGS
from souk.engine.readable import readable
from souk.engine.roads import Part, parts
from souk.models import OperationManifest, PersistedOperation
from souk.rules.actor import Facts, Role
from souk.rules.manifest import document_id, read_id
from souk.schema import schema

Which = Annotated[str, typer.Argument(help="Its hash, with or without `sha256:`, or its name.")]
Asker = Annotated[Role | None, typer.Option("--role", help="Who asks; without it, whom the document is for.")]
Where = Annotated[Slug | None, typer.Option(help="A tenant: its own documents too, and PostgreSQL's plans in it.")]
Given = Annotated[str | None, typer.Option(help="Variables as a JSON object; without them, samples in every place.")]


class Found(NamedTuple):
    """A document: its name, id and text, and the role that it is for."""

    name: str
    id: str
    text: str
    role: Role | None


class Told(NamedTuple):
    """One operation, in parts, as somebody asks it."""

    operation: Operation
    variables: dict[str, Any]
    facts: Facts
    parts: list[Part]


def explain(document: Which, role: Asker = None, tenant: Where = None, variables: Given = None) -> None:
    """Say how a registered document is read: its statements, what it costs, and why what is not fused is not."""
    given = _object(variables)
    found = _shipped(document)
    if found is None and tenant is None:
        failed(f"no document that comes with souk is {document}; give --tenant to look through those of its manifests")
    if tenant is None:
        assert found is not None
        _print(found, _told(found, role, given), {})
        return
    settings()  # what is wrong with them is said before anything is looked for

    async def work(tx: Transaction) -> tuple[Found, list[Told], dict[str, str]]:
        known = found or await _registered(tx, document, tenant)
        told = _told(known, role, given)
        plans = [each.plan for one in told for each in one.parts if isinstance(each.plan, Plan)]
        return known, told, {plan.sql: await _planned(tx, plan) for plan in plans}

    _print(*done("documentsExplain", work, tenant=tenant))


def _object(variables: str | None) -> dict[str, Any] | None:
    if variables is None:
        return None
    try:
        given = json.loads(variables)
    except ValueError:
        given = None
    if not isinstance(given, dict):
        failed("the variables are not a JSON object")
    return given


def _shipped(wanted: str) -> Found | None:
    sha256 = read_id(wanted.lower())
    for each in shipped().values():
        if wanted == each.name or sha256 == each.sha256:
            return Found(each.name, each.id, each.text, each.role)
    return None


async def _registered(tx: Transaction, wanted: str, tenant: str) -> Found:
    """The document of that hash, or the only one of that name, in the tenant's manifests."""
    asked = (
        select(PersistedOperation, OperationManifest.owner_role)
        .join(OperationManifest, PersistedOperation.manifest_id == OperationManifest.id)
        .where(or_(PersistedOperation.name == wanted, PersistedOperation.sha256 == read_id(wanted.lower())))
        .order_by(PersistedOperation.id)
    )
    found = {
        row.sha256: Found(row.name or "", document_id(row.sha256), row.document, Role(owner) if owner else None)
        for row, owner in (await tx.session.execute(asked)).all()
    }
    if not found:
        failed(f"no registered document of {tenant} is {wanted}; `souk documents list` shows them")
    if len(found) > 1:
        failed(f"several documents are called {wanted}: {', '.join(each.id for each in found.values())}")
    return next(iter(found.values()))


def _told(found: Found, role: Role | None, given: dict[str, Any] | None) -> list[Told]:
    facts = facts_of(role or found.role or Role.PUBLIC)[0]
    try:
        document = Document(schema, found.text)
        if document.errors:
            raise document.errors[0]
        return [_one(each, facts, given) for each in document.operations]
    except (GraphQLError, ValueError) as error:
        failed(f"{found.name or found.id}: {error.message if isinstance(error, GraphQLError) else error}")


def _one(operation: Operation, facts: Facts, given: dict[str, Any] | None) -> Told:
    variables = next(samples(operation)) if given is None else given
    return Told(operation, variables, facts, parts(operation, facts, coerced(operation, variables)))


async def _planned(tx: Transaction, plan: Plan) -> str:
    """PostgreSQL's plan for any values, as the application gets it: its role, this tenant, its settings of the planner."""
    connection = (await (await tx.session.connection()).get_raw_connection()).driver_connection
    assert connection is not None
    for name in ("plan_cache_mode", "jit"):
        await connection.execute(f"SET LOCAL {name} = {SETTINGS[name]}")
    await connection.execute(f"PREPARE explained AS {plan.sql}")
    try:
        values = ", ".join(["NULL"] * len(plan.parameters.getters))
        rows = await connection.fetch(f"EXPLAIN EXECUTE explained({values})")
    finally:
        await connection.execute("DEALLOCATE explained")
    return "\n".join(row[0] for row in rows)


def _print(found: Found, told: list[Told], plans: dict[str, str]) -> None:
    for line in (f"{found.name} {found.id}", *(line for one in told for line in _lines(one, plans))):
        out.print(line, markup=False)


def _lines(told: Told, plans: dict[str, str]) -> Iterator[str]:
    operation, price = told.operation, Costs(schema._schema).measure(told.operation.document.ast)
    cost = price[operation.name].of(told.variables)
    yield f"{operation.kind.value} {operation.name or ''} as {told.facts.role}: {cost.nodes} nodes, {cost.points} points"
    if told.variables:
        yield f"variables {json.dumps(told.variables, ensure_ascii=False)}"
    for each in missing(operation, told.facts):
        yield f"refused {each['field']}, for want of {each['permission'] or 'what its gate asks'}"
    if not told.parts:
        yield "nothing is read besides what is written"
    for part in told.parts:
        yield ""
        if not isinstance(part.plan, Plan):
            yield f"{part.name}: not fused, by the executor: {part.reason}"
            continue
        yield f"{part.name}: one statement, {len(part.plan.parameters.getters)} parameters"
        yield readable(part.plan.sql)
        if part.plan.sql in plans:
            yield "its plan:"
            yield plans[part.plan.sql]
