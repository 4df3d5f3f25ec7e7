"""The documents that come with the program made ready before anybody asks: plans, and their statements on every connection.

A plan takes milliseconds to make, and a connection some more to prepare its statement; whoever asks first after a start would
wait for both. Each is asked once for somebody in no tenant, who reads nothing, while the process serves already.
"""

import asyncio
from collections.abc import Iterable
from time import monotonic
from uuid import UUID

import structlog
from graphql import GraphQLError

from souk.documents.fused import facts_of, samples
from souk.documents.shipped import Shipped
from souk.engine.run import Runner
from souk.rules.actor import Actor, Facts, Role

log = structlog.get_logger("souk.web")
NOBODY = UUID(int=0)  # a tenant that there is not


async def warm(runner: Runner, documents: Iterable[Shipped]) -> int:
    """Make ready what the documents' own roles ask, with the variables they need and with all of them. Gives how many plans."""
    began, made = monotonic(), 0
    try:
        for each in documents:
            for facts in facts_of(each.role or Role.CUSTOMER)[:1]:
                made += await _ready(runner, each.text, facts)
    except Exception as error:  # it is asked for in time
        log.warning("the documents are not ready", error=type(error).__name__)
        return made
    log.info("warm", plans=made, ms=round((monotonic() - began) * 1000))
    return made


async def _ready(runner: Runner, text: str, facts: Facts) -> int:
    try:
        operations = runner.document(text).operations
    except GraphQLError:
        return 0
    actor, made = actor_of(facts), 0
    for operation in operations:
        full, *_, needed = samples(operation)
        for variables in (full, needed):
            made += await runner.warm(text, variables, operation.name, actor)
            await asyncio.sleep(0)  # whoever asks meanwhile has a turn after each
    return made


def actor_of(facts: Facts) -> Actor:
    """Somebody whom plans know by these facts, and who is nobody."""
    return Actor(
        NOBODY, facts.role, user_id=NOBODY, dealer_id=NOBODY if facts.of_dealer else None, all_teams=facts.all_teams,
        scopes=facts.scopes,
    )  # fmt: skip
