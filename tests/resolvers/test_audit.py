"""The audit and the principal: who may read what was done, and what everybody is told of themselves."""

from typing import Any

from souk.models import ServiceToken, new_id
from souk.permissions.roles import MATRIX
from souk.rules.actor import Actor, Role
from tests.world import World

AUDIT = "{ auditEvents { totalCount nodes { op actingRole subjectType changes actor { name } } } }"


async def done(world: World) -> str:
    """One act of OPS on the first dealer, one of the customer."""
    await world.do(
        Role.OPS, "dealerSetStanding", "dealer { id }",
        id=world.id("Dealer", world.dealer), to="WATCH", reason="Seen.", expectedVersion=1,
    )  # fmt: skip
    made = await world.do(Role.CUSTOMER, "ticketCreate", "ticket { id }", subject="Hello", body="Hi")
    return str(made["ticket"]["id"])


async def test_everybody_reads_of_the_audit_what_is_theirs(world: World) -> None:
    await done(world)
    staff = (await world.data(Role.OWNER, AUDIT))["auditEvents"]
    assert [n["op"] for n in staff["nodes"]] == ["ticketCreate", "dealerSetStanding", "test", "tenantCreate"]
    assert staff["nodes"][1]["changes"] == {
        f"Dealer:{world.dealer}": {"standing": ["GOOD", "WATCH"], "standing_reason": [None, "Seen."]}
    }
    assert (staff["nodes"][1]["actingRole"], staff["nodes"][1]["actor"]) == ("OPS", {"name": "OPS person"})

    dealer = await world.ask(Role.DEALER, AUDIT)
    assert [n["op"] for n in dealer["data"]["auditEvents"]["nodes"]] == ["dealerSetStanding", "test"]
    assert [n["changes"] for n in dealer["data"]["auditEvents"]["nodes"]] == [None, None]
    assert {e["extensions"]["code"] for e in dealer["errors"]} == {"FORBIDDEN"}
    other = (await world.data(world.other_dealer_actor, AUDIT))["auditEvents"]
    assert other["totalCount"] == 0
    customer = (await world.data(Role.CUSTOMER, AUDIT))["auditEvents"]
    assert [n["op"] for n in customer["nodes"]] == ["ticketCreate"]
    for role in (Role.SALES, Role.AGENT, Role.VIEWER, Role.PUBLIC):
        assert (await world.ask(role, AUDIT))["data"] == {"auditEvents": None}, role


async def test_the_audit_is_filtered_and_chained(world: World) -> None:
    ticket = await done(world)
    document = "query($f: AuditFilter!) { auditEvents(filter: $f) { totalCount nodes { id seq subjectId hash } } }"

    async def found(**conditions: Any) -> Any:
        return (await world.data(Role.ADMIN, document, {"f": conditions}))["auditEvents"]

    assert (await found(op="dealerSetStanding"))["totalCount"] == 1
    assert [n["subjectId"] for n in (await found(subjectId=ticket))["nodes"]] == [ticket]
    me = world.id("User", world.actors[Role.CUSTOMER].user_id)  # type: ignore[arg-type]
    (own,) = (await found(actorId=me))["nodes"]
    assert (own["subjectId"], own["seq"]) == (ticket, "4")
    assert await world.rows("SELECT encode(hash, 'hex') FROM audit_event WHERE seq = 4") == [(own["hash"],)]
    assert (await found(actorId=ticket))["totalCount"] == 0
    assert (await found(since="2030-01-01T00:00:00Z"))["totalCount"] == 0
    one = "query($id: ID!) { auditEvent(id: $id) { op } node(id: $id) { id } }"
    assert (await world.data(Role.CUSTOMER, one, {"id": own["id"]}))["auditEvent"] == {"op": "ticketCreate"}
    assert (await world.data(world.other_customer, one, {"id": own["id"]})) == {"auditEvent": None, "node": None}


VIEWER = (
    "{ viewer { role permissions tokenName scopes user { name } membership { role } dealer { name } tenant { name } } }"
)


async def test_the_viewer_is_told_who_it_is(world: World) -> None:
    dealer = (await world.data(Role.DEALER, VIEWER))["viewer"]
    assert dealer.pop("permissions")[:3] == ["listing:read", "listing:readUnpublished", "listing:readPrivate"]
    assert dealer == {
        "role": "DEALER", "tokenName": None, "scopes": None, "user": {"name": "DEALER person"},
        "membership": {"role": "DEALER"}, "dealer": {"name": "First Motors"}, "tenant": {"name": "Test"},
    }  # fmt: skip
    owner = (await world.data(Role.OWNER, VIEWER))["viewer"]
    assert (owner["role"], owner["dealer"], "owner:write" in owner["permissions"]) == ("OWNER", None, True)
    assert (await world.data(Role.PUBLIC, VIEWER)) == {"viewer": None}


async def test_a_service_token_is_told_its_name_and_scopes(world: World) -> None:
    token = ServiceToken(
        id=new_id(), name="Feed", prefix="svc_x", hash=new_id().bytes, scopes=["listing:read", "sku:read"],
        expires_at=world.now,
    )  # fmt: skip
    await world.add(token)
    robot = Actor(world.tenant_id, Role.SERVICE, token_id=token.id, scopes=frozenset(token.scopes))
    assert (await world.data(robot, VIEWER))["viewer"] == {
        "role": "SERVICE", "permissions": ["listing:read", "sku:read"], "tokenName": "Feed",
        "scopes": ["listing:read", "sku:read"], "user": None, "membership": None, "dealer": None,
        "tenant": {"name": "Test"},
    }  # fmt: skip


async def test_the_matrix_is_served_as_it_stands(world: World) -> None:
    document = "{ permissionMatrix { name group covers cells { role letter condition } } }"
    answer = await world.ask(Role.CUSTOMER, document)
    rows = answer["data"]["permissionMatrix"]
    assert [row["name"] for row in rows] == list(MATRIX)
    by_name = {row["name"]: row for row in rows}
    cells = {cell["role"]: (cell["letter"], cell["condition"]) for cell in by_name["lead:contact"]["cells"]}
    assert cells == {
        "OWNER": ("T", None), "ADMIN": ("T", None), "OPS": ("M", None), "SALES": ("O", "assigned"), "AGENT": ("-", None),
        "VIEWER": ("M", None), "DEALER": ("O", "unlocked"), "CUSTOMER": ("O", None), "SERVICE": ("S", None),
        "PUBLIC": ("-", None),
    }  # fmt: skip
    denied = await world.ask(Role.PUBLIC, document)
    assert denied["data"] == {"permissionMatrix": None}
