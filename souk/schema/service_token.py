"""Tokens of integrations as clients see them. The secret is shown once, in the payload that makes it."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from .. import models
from ..engine.declare import Connection, Node, many, one, payload_node, to_one, view
from ..engine.scalars import DateTime
from ..permissions.base import may
from ..permissions.service_token import SeesServiceToken
from ..resolvers import service_token as resolve
from .mutation import KeyedPayload, Payload, write
from .user import User

if TYPE_CHECKING:
    from .dealer import Dealer

SECRET = "The whole token, shown this once: keep it where secrets are kept. Null when nothing was changed, and in the \
answer to a repeated key."


@view(models.ServiceToken, node=resolve.service_token, gate=SeesServiceToken())
class ServiceToken(Node):
    """A token of an integration, which acts within its scopes; not the secret itself."""

    name: str
    prefix: str
    scopes: list[str]
    created_at: DateTime
    updated_at: DateTime
    version: int
    expires_at: DateTime
    revoked_at: DateTime | None
    last_used_at: DateTime | None
    dealer: Annotated["Dealer", strawberry.lazy(".dealer")] | None = to_one(resolve.dealer_of_token)
    created_by: User | None = to_one(resolve.maker_of_token)
    rotates: Annotated["ServiceToken", strawberry.lazy(".service_token")] | None = to_one(resolve.former_token)


@strawberry.type(description="The token that was made.")
class ServiceTokenCreatePayload(KeyedPayload):
    service_token: ServiceToken | None = payload_node(
        "service_token", description="The token without its secret; null when nothing was changed."
    )
    token: str | None = strawberry.field(description=SECRET)


@strawberry.type(description="The token that takes over.")
class ServiceTokenRotatePayload(KeyedPayload):
    service_token: ServiceToken | None = payload_node(
        "service_token", description="The new token without its secret; null when nothing was changed."
    )
    token: str | None = strawberry.field(description=SECRET)


@strawberry.type(description="The token that was ended.")
class ServiceTokenRevokePayload(Payload):
    service_token: ServiceToken | None = payload_node(
        "service_token", description="The token; null when nothing was changed."
    )


@strawberry.type
class ServiceTokenQueries:
    service_token: ServiceToken | None = one(resolve.service_token, gate=SeesServiceToken())
    service_tokens: Connection[ServiceToken] | None = many(resolve.service_tokens, gate=SeesServiceToken())


@strawberry.type
class ServiceTokenMutations:
    service_token_create: ServiceTokenCreatePayload | None = write(
        resolve.service_token_create, gate=may("serviceToken:write"), step_up=True
    )
    service_token_rotate: ServiceTokenRotatePayload | None = write(
        resolve.service_token_rotate, gate=may("serviceToken:write"), step_up=True
    )
    service_token_revoke: ServiceTokenRevokePayload | None = write(
        resolve.service_token_revoke, gate=may("serviceToken:write")
    )
