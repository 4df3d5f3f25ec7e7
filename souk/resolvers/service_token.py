"""Tokens of integrations: `svc_<id>_<secret>`, 256 random bits, shown once, kept as SHA-256."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import strawberry
from sqlalchemy import ColumnElement, Select, select

from ..db.session import Transaction
from ..engine.scalars import DateTime
from ..engine.symbols import Viewer, key
from ..models import Dealer, ServiceToken, User, new_id
from ..permissions.dealer import SeesDealer
from ..permissions.roles import MATRIX
from ..permissions.service_token import SeesServiceToken, WritesServiceToken
from ..permissions.user import SeesUser
from ..rules import text
from ..rules.actor import Facts, Role
from ..rules.client import DASHBOARD
from ..rules.enums import DealerStanding, Described
from ..rules.errors import Forbidden, Invalid, LimitExceeded, OutOfRange, Problems, Refused, Required
from .enums import known
from .filters import conditions, refers_or_not
from .session import digest, ended, secret
from .writing import Said, found, locked, means, permit

LIFETIME = timedelta(days=90)
LONGEST = timedelta(days=366)
LIVE = 2
"""How many tokens of one line are good at the same time."""


def _two() -> Refused:
    return LimitExceeded(LIVE, "Two tokens of this line are live already: revoke one of them first.", field="id")


means("uq_service_token_successor", _two)


@known
class ServiceTokenOrder(Described):
    """The order of a list of service tokens."""

    NEWEST = "NEWEST", "The newest first."
    OLDEST = "OLDEST", "The oldest first."
    UPDATED = "UPDATED", "What changed last first."


ORDER = {
    ServiceTokenOrder.NEWEST: ServiceToken.created_at.desc(),
    ServiceTokenOrder.OLDEST: ServiceToken.created_at.asc(),
    ServiceTokenOrder.UPDATED: ServiceToken.updated_at.desc(),
}


@strawberry.input(description="Conditions on service tokens; all must hold.")
class ServiceTokenFilter:
    revoked: strawberry.Maybe[bool] = strawberry.field(description="Ended by hand, or not.", default=None)
    expires_before: strawberry.Maybe[DateTime] = strawberry.field(
        description="Ending by themselves before this moment: what is to be rotated, or is over.", default=None
    )
    dealer_id: strawberry.Maybe[strawberry.ID | None] = strawberry.field(
        description="Acting for this dealer; null for those that act for the whole tenant.", default=None
    )
    updated_since: strawberry.Maybe[DateTime] = strawberry.field(
        description="Changed at or after this moment.", default=None
    )

    def conditions(self, viewer: Viewer) -> Iterator[ColumnElement[bool]]:
        if self.revoked:
            yield ServiceToken.revoked_at.is_not(None) if self.revoked.value else ServiceToken.revoked_at.is_(None)
        if self.expires_before:
            yield ServiceToken.expires_at < self.expires_before.value
        if self.dealer_id:
            yield refers_or_not(ServiceToken.dealer_id, self.dealer_id.value, Dealer)
        if self.updated_since:
            yield ServiceToken.updated_at >= self.updated_since.value


def service_tokens(
    viewer: Viewer, filter: ServiceTokenFilter | None = None, order_by: ServiceTokenOrder = ServiceTokenOrder.NEWEST
) -> Select[ServiceToken]:
    """The tokens of integrations that the viewer may see, those that are over included."""
    asked = select(ServiceToken).where(SeesServiceToken().rows(viewer), *conditions(filter, viewer))
    return asked.order_by(ORDER[order_by])


def service_token(viewer: Viewer, id: strawberry.ID) -> Select[ServiceToken]:
    """One service token by its id."""
    return select(ServiceToken).where(ServiceToken.id == key(id, ServiceToken), SeesServiceToken().rows(viewer))


def dealer_of_token(viewer: Viewer, token: ServiceToken) -> Select[Dealer]:
    """The one dealer it acts for; null where it acts for the whole tenant."""
    return select(Dealer).where(Dealer.id == token.dealer_id, SeesDealer().rows(viewer))


def maker_of_token(viewer: Viewer, token: ServiceToken) -> Select[User]:
    """Who made it; null where it was made at the server's own console."""
    return select(User).where(User.id == token.created_by, SeesUser().rows(viewer))


def former_token(viewer: Viewer, token: ServiceToken) -> Select[ServiceToken]:
    """The token it takes over from; null for one that rotates none."""
    return select(ServiceToken).where(ServiceToken.id == token.rotates_id, SeesServiceToken().rows(viewer))


# Writes -----------------------------------------------------------------------------------------------------------


@strawberry.input(description="A token for an integration.")
class ServiceTokenCreateInput:
    name: str = strawberry.field(description="What it is for, at most 200 characters.")
    scopes: list[str] = strawberry.field(
        description="What it may: names of the permission matrix that a SERVICE can have and that you have yourself."
        " Besides `dashboard`: a token that sends registered documents only, where that is asked of dashboards."
    )
    dealer_id: strawberry.ID | None = strawberry.field(
        default=None, description="The one dealer it acts for; for a dealer its own, whether named or not."
    )
    expires_at: DateTime = strawberry.field(description="When it ends by itself, at most 366 days from now.")
    idempotency_key: strawberry.ID | None = strawberry.field(
        default=None,
        description="16 to 255 characters; the same key makes one token. Only the first answer shows its secret.",
    )


async def service_token_create(tx: Transaction, input: ServiceTokenCreateInput) -> Said:
    """Make a token for an integration. Its secret is shown in this answer and never again. Needs a step-up."""
    problems = Problems()
    name = problems.take(lambda: text.line(input.name, 200), "name")
    scopes = problems.take(lambda: scopes_of(input.scopes), "scopes")
    problems.take(lambda: _ends(tx, input.expires_at), "expires_at")
    problems.check()
    _grants(tx.actor.facts, scopes or [])
    dealer_id = await _dealer(tx, input.dealer_id)
    return _told(*_made(tx, str(name), scopes or [], dealer_id, input.expires_at))


@strawberry.input(description="A token that another takes over from.")
class ServiceTokenRotateInput:
    id: strawberry.ID = strawberry.field(description="The token that is to be replaced.")
    expires_at: DateTime = strawberry.field(description="When the new one ends by itself, at most 366 days from now.")
    former_ends_at: DateTime | None = strawberry.field(
        default=None,
        description="When the old one ends, if that is sooner than it would by itself. Until then both are good.",
    )
    idempotency_key: strawberry.ID | None = strawberry.field(
        default=None,
        description="16 to 255 characters; the same key rotates once. Only the first answer shows the secret.",
    )


async def service_token_rotate(tx: Transaction, input: ServiceTokenRotateInput) -> Said:
    """Make a second token with the name, the scopes and the dealer of the first. Both are good until the first ends by
    itself, at `formerEndsAt` or by `serviceTokenRevoke`; a third is refused. Needs a step-up.
    """
    former = await locked(tx, ServiceToken, input.id, SeesServiceToken())
    await permit(tx, WritesServiceToken(), former)
    problems = Problems()
    problems.take(lambda: _ends(tx, input.expires_at), "expires_at")
    if input.former_ends_at is not None and input.former_ends_at < tx.now:
        problems.add(OutOfRange("This moment is over."), "former_ends_at")
    problems.check()
    if former.revoked_at is not None or former.expires_at <= tx.now:
        raise Invalid("This token is over: make another.", field="id")
    _grants(tx.actor.facts, former.scopes)
    await _one_of_a_line(tx, former)
    if input.former_ends_at is not None and input.former_ends_at < former.expires_at:
        former.expires_at = input.former_ends_at
        tx.emit("session.changed", former)
    await tx.session.flush()
    return _told(*_made(tx, former.name, former.scopes, former.dealer_id, input.expires_at, former.id))


async def _one_of_a_line(tx: Transaction, former: ServiceToken) -> None:
    """Refuse a third: neither the one before nor the one after it may still be good."""
    near = select(ServiceToken).where(
        (ServiceToken.id == former.rotates_id) | (ServiceToken.rotates_id == former.id),
        ServiceToken.revoked_at.is_(None),
    )
    for other in (await tx.session.execute(near.order_by(ServiceToken.id).with_for_update())).scalars():
        if other.expires_at > tx.now:
            raise _two()
        other.revoked_at = tx.now
        tx.emit("session.revoked", other)


@strawberry.input(description="A token that is to end.")
class ServiceTokenRevokeInput:
    id: strawberry.ID = strawberry.field(description="The token.")
    reason: str | None = strawberry.field(default=None, description="Why, at most 1,000 characters.")


async def service_token_revoke(tx: Transaction, input: ServiceTokenRevokeInput) -> ServiceToken:
    """End a token for good, within a second everywhere."""
    token = await locked(tx, ServiceToken, input.id, SeesServiceToken())
    await permit(tx, WritesServiceToken(), token)
    reason = text.optional_line(input.reason, 1000, field="reason")
    if token.revoked_at is not None:
        raise Invalid("This token was revoked already.", field="id")
    token.revoked_at = tx.now
    tx.emit("session.revoked", token, reason=reason)
    return token


def scopes_of(names: Sequence[str]) -> list[str]:
    """Scopes in order, each once. Raises Required for none, Invalid for one that no service token can have."""
    if not names:
        raise Required("Name at least one permission.", field="scopes")
    for name in names:
        row = MATRIX.get(name)
        if name != DASHBOARD and (row is None or row.cells[Role.SERVICE].letter != "S"):
            raise Invalid(f"{name[:64]} is not a scope of service tokens.", field="scopes")
    return sorted(set(names))


def held(lifetime: timedelta) -> timedelta:
    """A lifetime that a token may have. Raises OutOfRange."""
    if not timedelta(0) < lifetime <= LONGEST:
        raise OutOfRange(f"A token lives between a moment and {LONGEST.days} days.", field="days")
    return lifetime


def _ends(tx: Transaction, until: datetime) -> datetime:
    held(until - tx.now)
    return until


def _grants(giver: Facts, scopes: Sequence[str]) -> None:
    """Nobody hands on what they may not do themselves. Raises Forbidden."""
    beyond = [name for name in scopes if name != DASHBOARD and (name not in MATRIX or not MATRIX[name].admits(giver))]
    if beyond:
        raise Forbidden(f"You may not give what you may not do yourself: {', '.join(beyond)}.", field="scopes")


async def _dealer(tx: Transaction, id: strawberry.ID | None) -> UUID | None:
    """The dealer that a new token acts for. Raises NotFound, Forbidden, Invalid."""
    own = tx.actor.dealer_id
    if id is None:
        return own
    dealer = await found(tx, Dealer, id, SeesDealer(), field="dealerId")
    if own is not None and dealer.id != own:
        raise Forbidden("A dealer makes tokens for itself only.", field="dealerId")
    if dealer.standing == DealerStanding.TERMINATED:
        raise Invalid("This dealer was terminated.", field="dealerId")
    return dealer.id


def _made(
    tx: Transaction, name: str, scopes: Sequence[str], dealer_id: UUID | None, until: datetime, of: UUID | None = None
) -> tuple[str, ServiceToken]:
    id_ = new_id()
    prefix = f"svc_{id_.hex}"
    token = f"{prefix}_{secret()}"
    made = tx.add(
        ServiceToken(
            id=id_,
            name=name,
            prefix=prefix,
            hash=digest(token),
            scopes=list(scopes),
            dealer_id=dealer_id,
            expires_at=until,
            created_by=tx.actor.user_id,
            rotates_id=of,
        )
    )
    tx.emit("session.created", made)
    return token, made


def _told(token: str, made: ServiceToken) -> Said:
    return Said(made, {"token": token})


async def issue_service_token(
    tx: Transaction, name: str, scopes: Sequence[str], *, dealer_id: UUID | None = None, lifetime: timedelta = LIFETIME
) -> tuple[str, ServiceToken]:
    """A token made at the server's own console, where nobody's permissions bound it. Raises Required, Invalid, OutOfRange."""
    return _made(tx, text.line(name, 200, field="name"), scopes_of(scopes), dealer_id, tx.now + held(lifetime))


async def revoke_service_tokens(tx: Transaction, user_id: UUID) -> int:
    """End the service tokens that a person made. Gives their number."""
    asked = select(ServiceToken).where(ServiceToken.created_by == user_id, ServiceToken.revoked_at.is_(None))
    found = await tx.session.execute(asked.order_by(ServiceToken.id).with_for_update())
    return ended(tx, found.scalars().all())
