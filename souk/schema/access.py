"""Why somebody may see something, or may not, for those who answer for it."""

from typing import Annotated

import strawberry

from ..engine.declare import Info, query
from ..permissions.base import may
from ..resolvers import access as resolve
from ..rules.actor import Role


@strawberry.type(description="One condition of a predicate.")
class AccessPart:
    sql: str = strawberry.field(description="The condition, as the database is asked it.")
    holds: bool = strawberry.field(description="Whether it holds for this row by itself.")


@strawberry.type(description="One question on the way to the row or the field.")
class AccessCheck:
    about: str = strawberry.field(description="What was asked.")
    permission: str = strawberry.field(
        description="The row of the permission matrix, several where one is enough; `own` for what concerns only oneself."
    )
    cell: str = strawberry.field(description="The role's cell in it: letter and condition.")
    predicate: str = strawberry.field(description="The permission in words.")
    sql: str | None = strawberry.field(
        description="Its predicate for this role as SQL; `:actor_…` stands for whoever asks. Null where no row is asked."
    )
    passes: bool = strawberry.field(description="Whether it lets this row pass.")
    reason: str = strawberry.field(description="Why, or why not.")
    parts: list[AccessPart] = strawberry.field(description="The conditions of the predicate, each by itself.")


@strawberry.type(description="Why a role may see a row or a field, or may not.")
class AccessExplanation:
    role: Role = strawberry.field(description="The role that was asked for.")
    allowed: bool = strawberry.field(description="Whether every check passes.")
    checks: list[AccessCheck] = strawberry.field(description="The checks in their order; the first that fails is why.")


async def access_explain(
    info: Info,
    id: Annotated[strawberry.ID, strawberry.argument(description="The row.")],
    role: Annotated[Role, strawberry.argument(description="The role that is asked about.")],
    field: Annotated[
        str | None, strawberry.argument(description="A field of its type; the row itself without one.")
    ] = None,
    membership_id: Annotated[
        strawberry.ID | None,
        strawberry.argument(
            description="Somebody in particular, who has that role; without it somebody who is no party to anything."
        ),
    ] = None,
) -> AccessExplanation | None:
    """Which permission, cell and predicate decide whether a role sees a row or a field. Null where there is no such row."""
    found = await resolve.access_explain(info.context, info._raw_info.schema, id, role, field, membership_id)
    if found is None:
        return None
    checks = [
        AccessCheck(
            about=each.about,
            permission=each.permission,
            cell=each.cell,
            predicate=each.predicate,
            sql=each.sql,
            passes=each.passes,
            reason=each.reason,
            parts=[AccessPart(sql=part.sql, holds=part.holds) for part in each.parts],
        )
        for each in found.checks
    ]
    return AccessExplanation(role=found.role, allowed=found.allowed, checks=checks)


@strawberry.type
class AccessQueries:
    access_explain: AccessExplanation | None = query(access_explain, gate=may("audit:readRefusals"))
