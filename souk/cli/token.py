"""Commands about tokens."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

import typer

from souk.cli.console import failed, out
from souk.cli.work import Slug, done
from souk.db.session import Transaction
from souk.models import Dealer
from souk.resolvers.service_token import issue_service_token
from souk.resolvers.tenant import token_for
from souk.rules.actor import Role

Days = Annotated[int, typer.Option(min=1, max=366, help="How many days the token lives.")]


def create(
    tenant: Slug,
    user: Annotated[str | None, typer.Option(help="The e-mail address of a person of the tenant.")] = None,
    role: Annotated[Role | None, typer.Option(help="The role to act in, for a person with several.")] = None,
    service: Annotated[str | None, typer.Option(help="What a service token is for, instead of a person.")] = None,
    scope: Annotated[list[str] | None, typer.Option(help="A permission of the service token; may be repeated.")] = None,
    dealer: Annotated[UUID | None, typer.Option(help="The one dealer that the service token acts for.")] = None,
    days: Days = 30,
) -> None:
    """Print a bearer token, once: for a person (who is ACTIVE from then on), or for a service with its scopes."""
    if (user is None) == (service is None):
        failed("name a person (--user) or a service (--service)")
    lifetime = timedelta(days=days)
    if user is not None:
        found, _ = done("tokenCreate", lambda tx: token_for(tx, user, role, lifetime), tenant=tenant)
    else:
        if not scope:
            failed("a service token needs at least one --scope")
        found = done("tokenCreate", lambda tx: _service(tx, str(service), scope, dealer, lifetime), tenant=tenant)
    out.print(found, markup=False)


async def _service(tx: Transaction, name: str, scopes: list[str], dealer: UUID | None, lifetime: timedelta) -> str:
    if dealer is not None and await tx.session.get(Dealer, (tx.actor.tenant_id, dealer)) is None:
        failed(f"there is no dealer {dealer}")
    token, _ = await issue_service_token(tx, name, scopes, dealer_id=dealer, lifetime=lifetime)
    return token
