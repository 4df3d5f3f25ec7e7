"""The client that ariadne-codegen made of the schema, against a server: typed answers over HTTP and a socket."""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from decimal import Decimal

sys.path.insert(0, ".out")
from souk_client import Client, TaskCreateInput, TaskKind
from souk_client.exceptions import GraphQLClientGraphQLMultiError

URL = os.environ["SOUK_DEVELOPMENT"]
PEOPLE = json.loads(os.environ["SOUK_PEOPLE"])
TOKEN = next(each["token"] for each in PEOPLE if (each["tenant"], each["role"]) == ("pharos", "OPS"))
AUTHORISED = {"authorization": f"Bearer {TOKEN}"}


def client() -> Client:
    return Client(
        url=URL, headers=AUTHORISED, ws_url=URL.replace("http", "ws", 1), ws_connection_init_payload=AUTHORISED
    )


async def reads() -> None:
    found = await client().codegen_alerts(first=3)
    assert found.viewer and found.viewer.role == "OPS"
    assert found.alerts and len(found.alerts.nodes) == 3
    assert all(isinstance(each.price.amount, Decimal) for each in found.alerts.nodes)


async def writes() -> None:
    made = await client().codegen_task(TaskCreateInput(kind=TaskKind.FOLLOW_UP, title="Typed in Python"))
    assert made.task_create and made.task_create.task and made.task_create.user_errors == []
    refused = await client().codegen_task(TaskCreateInput(kind=TaskKind.FOLLOW_UP, title=""))
    assert refused.task_create and [each.code for each in refused.task_create.user_errors] == ["REQUIRED"]


async def unions() -> None:
    found = await client().codegen_contacts()
    assert found.leads is not None
    assert {each.contact.typename__ for each in found.leads.nodes} <= {"LeadContactOpen", "LeadContactLocked"}


async def follows() -> None:
    http = client()
    asked = "{ batches(first: 20) { nodes { id lastSeq } } }"
    nodes = http.get_data(await http.execute(query=asked))["batches"]["nodes"]
    batch = next(each["id"] for each in nodes if int(each["lastSeq"]) > 10)
    seen = []
    async for event in http.codegen_batch(batch_id=batch, after="4"):
        seen.append(event.batch_events.seq)
        if len(seen) == 3:
            break
    assert seen == ["5", "6", "7"]


async def errors() -> None:
    http = client()
    answer = await http.execute(query="{ nothing }")
    found: GraphQLClientGraphQLMultiError | None = None
    try:
        http.get_data(answer)
    except GraphQLClientGraphQLMultiError as error:
        found = error
    assert found is not None
    assert found.errors[0].extensions and found.errors[0].extensions["code"] == "BAD_REQUEST"


def check(name: str, work: Callable[[], Awaitable[None]]) -> dict[str, object]:
    try:
        asyncio.run(asyncio.wait_for(work(), 20))
    except Exception as error:
        return {"name": name, "passed": False, "reason": f"{type(error).__name__}: {error}"}
    return {"name": name, "passed": True}


CASES = {"reads": reads, "writes": writes, "unions": unions, "a subscription": follows, "errors": errors}
results = [check(f"the typed client: {name}", work) for name, work in CASES.items()]
print("@@" + json.dumps({"suite": "ariadne-codegen", "results": results}))
