"""Service tokens: principals of their own, shown once, kept as SHA-256."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from ...db.session import Transaction
from ...models import ServiceToken, new_id
from ...permissions.roles import MATRIX
from ...rules import signin
from ...rules.actor import Role
from ...rules.errors import Invalid
from .opening import LIFETIME
from .secret import digest, secret


async def issue_service_token(
    tx: Transaction, name: str, scopes: Sequence[str], *, dealer_id: UUID | None = None, lifetime: timedelta = LIFETIME
) -> tuple[str, ServiceToken]:
    """A service token `svc_<id>_<secret>` with these scopes. Raises Invalid for a scope that no service token can have."""
    for scope in scopes:
        row = MATRIX.get(scope)
        if row is None or row.cells[Role.SERVICE].letter != "S":
            raise Invalid(f"{scope} is not a scope of service tokens.", field="scopes")
    id_ = new_id()
    prefix = f"svc_{id_.hex}"
    token = f"{prefix}_{secret()}"
    made = tx.add(
        ServiceToken(
            id=id_,
            name=name,
            prefix=prefix,
            hash=digest(token),
            scopes=sorted(set(scopes)),
            dealer_id=dealer_id,
            expires_at=tx.now + signin.held(lifetime),
            created_by=tx.actor.user_id,
        )
    )
    tx.emit("session.created", made)
    return token, made
