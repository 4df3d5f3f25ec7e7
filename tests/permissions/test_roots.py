"""The roots: each has a gate that the matrix decides; PharOS's locked roles change nothing of batches, policies and dealers."""

from typing import Any

import pytest
from graphql import get_named_type

from souk.engine.check import check_schema
from souk.engine.notes import GATE
from souk.permissions.roles import MATRIX
from souk.rules.actor import Role
from souk.schema import schema
from tests.isolation.positions import plain, selection
from tests.world import World

QUERY, MUTATION = schema._schema.query_type, schema._schema.mutation_type
assert QUERY is not None and MUTATION is not None
GATED = [
    (kind, name, field, field.extensions["strawberry-definition"].metadata[GATE])
    for kind, root in (("query", QUERY), ("mutation", MUTATION))
    for name, field in root.fields.items()
    if field.extensions["strawberry-definition"].metadata.get(GATE) is not None
]
LOCKED = [name for name in MUTATION.fields if name.startswith(("batch", "pricePolicy", "priceException", "dealer"))]


def document(kind: str, name: str, field: Any) -> tuple[str, dict[str, Any]]:
    """One field with an id of nobody in each required place."""
    given = {n: plain(a.type, n, {"*": "TGlzdGluZzow"}) for n, a in field.args.items() if str(a.type).endswith("!")}
    declared = ", ".join(f"${n}: {field.args[n].type}" for n in given)
    arguments = ", ".join(f"{n}: ${n}" for n in given)
    body = selection(get_named_type(field.type))
    head = f"({declared})" if declared else ""
    return f"{kind} R{head} {{ {name}{f'({arguments})' if arguments else ''} {body} }}", given


def test_the_schema_keeps_its_rules() -> None:
    check_schema(schema)


@pytest.mark.parametrize(("kind", "name", "field", "gate"), GATED, ids=[each[1] for each in GATED])
async def test_a_root_is_forbidden_to_whom_the_matrix_has_no_letter(
    world: World, kind: str, name: str, field: Any, gate: Any
) -> None:
    """Null with one FORBIDDEN at its path, whatever the id; and to nobody else."""
    text, variables = document(kind, name, field)
    world.actors[Role.SERVICE] = world.service(*MATRIX)
    for role in Role:
        actor = world.actor(role)
        found = await world.souk.runner.answer(text, variables, None, world.context(actor))
        body = found.body.decode()
        refused = f'"path":["{name}"],"extensions":{{"code":"FORBIDDEN"' in body
        assert refused is not gate.admits(actor.facts), (role, body)
        if refused:
            assert body.startswith(f'{{"data":{{"{name}":null}},"errors":[')


@pytest.mark.parametrize("role", [Role.SALES, Role.VIEWER])
async def test_sales_and_viewers_change_no_batch_no_policy_and_no_dealer(world: World, role: Role) -> None:
    assert len(LOCKED) >= 15
    for name in LOCKED:
        text, variables = document("mutation", name, MUTATION.fields[name])  # type: ignore[union-attr]
        found = await world.ask(role, text, variables)
        assert found["data"] == {name: None}
        assert [error["extensions"]["code"] for error in found["errors"]] == ["FORBIDDEN"]
    assert await world.rows("SELECT id FROM batch UNION ALL SELECT id FROM price_policy") == []
