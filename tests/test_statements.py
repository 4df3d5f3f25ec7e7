"""How many statements an answer takes: one on the fused road; on the batched road one, and one for each relation and count."""

from typing import Any

import pytest

from souk.engine.pool import Connection
from souk.rules.actor import Role
from tests.bazaar import Bazaar, make_bazaar
from tests.world import Souk

DOCUMENTS = {  # document, business statements of the batched road
    "listings with their dealer, offers and who made them": (
        "query($n: Int!) { listings(first: $n) { nodes { id title dealer { name } offers(first: 5) { nodes { id status } } } } }",
        3,
    ),
    "leads with contact, listing and unlocks": (
        "query($n: Int!) { leads(first: $n) { totalCount nodes { id listing { title } unlocks(first: 2) { nodes { id } } } } }",
        4,
    ),
    "tickets with requester, assignee and comments": (
        "query($n: Int!) { tickets(first: $n) { nodes { id requester { id } assignee { id } comments(first: 3) { nodes { id } } } } }",
        4,
    ),
}


@pytest.fixture(scope="module")
def kept() -> dict[str, Any]:
    return {}


@pytest.mark.parametrize("name", DOCUMENTS)
async def test_statements_are_one_or_one_per_relation_for_any_page(
    souk: Souk, kept: dict[str, Any], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here: Bazaar = kept.setdefault("bazaar", None) or await make_bazaar(souk)
    kept["bazaar"] = here
    text, batched = DOCUMENTS[name]
    context = here.world.context(Role.OWNER)
    sent: list[str] = []
    really = Connection.answer

    async def counted(connection: Connection, plan: Any, values: Any) -> Any:
        sent.append(plan.sql)
        return await really(connection, plan, values)

    monkeypatch.setattr(Connection, "answer", counted)
    for n in (1, 5, 50):
        sent.clear()
        answer = await souk.runner.fused(text, {"n": n}, None, context)
        assert not isinstance(answer, str), answer
        assert len(sent) == 1
        found = await souk.runner.batched(text, {"n": n}, None, context)
        assert found.body == answer.body
        assert souk.runner.last_reads is not None
        assert souk.runner.last_reads.statements == batched, n
