"""Commands about tenants."""

from typing import Annotated

import typer

from souk.cli.console import err, out
from souk.cli.work import done
from souk.models import new_id
from souk.resolvers.tenant import tenant_create


def create(
    name: Annotated[str, typer.Argument(help="The name of the tenant.")],
    owner: Annotated[str, typer.Option(help="The e-mail address of its accountable person.")],
    slug: Annotated[str | None, typer.Option(help="The short name in addresses; by default made of the name.")] = None,
    currency: Annotated[str, typer.Option(help="ISO 4217 code used where none is given.")] = "INR",
    country: Annotated[str, typer.Option(help="ISO 3166-1 alpha-2 code.")] = "IN",
    timezone: Annotated[str, typer.Option(help="IANA name.")] = "Asia/Kolkata",
) -> None:
    """Make a tenant with its OWNER, who signs in with `souk token create --tenant SLUG --user E-MAIL`."""
    made = done(
        "tenantCreate",
        lambda tx: tenant_create(tx, name, slug, owner, currency=currency, country=country, timezone=timezone),
        tenant=new_id(),
        role="souk_owner",
    )
    out.print(made.slug, markup=False)
    err.print(f"souk token create --tenant {made.slug} --user {owner} prints a token for its OWNER.", markup=False)
