"""Commands about the second factor."""

from typing import Annotated

import typer

from souk.cli.console import out
from souk.cli.work import Slug, done
from souk.resolvers.mfa import mfa_reset


def reset(
    tenant: Slug, user: Annotated[str, typer.Option(help="The e-mail address of a person of the tenant.")]
) -> None:
    """Take the authenticator app from somebody who lost it and the recovery codes too. Be sure first who is asking."""
    person = done("mfaReset", lambda tx: mfa_reset(tx, user), tenant=tenant)
    out.print(f"{person.name} signs in without an authenticator app now", markup=False)
