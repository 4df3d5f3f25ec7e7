"""A new tenant with its first person, and the first token of somebody in it: what an operator does by hand."""

from datetime import timedelta
from zoneinfo import available_timezones

from sqlalchemy import func, select

from ..db.session import Transaction
from ..models import Category, Membership, Tenant, TenantSettings, User, new_id
from ..rules import text
from ..rules.actor import Role
from ..rules.enums import CategoryKind, CategoryPurpose, TaxProfile, TenantStatus, UserStatus
from ..rules.errors import Invalid, NotFound, NotUnique, Required
from ..rules.money import digits_of
from . import contact
from .observation import STOCK
from .session import issue
from .user import activate
from .writing import means

FOUR_EYES, SEVERITY_REF = 50_000, 10_000
"""Defaults in whole units of the currency."""
GONE = (UserStatus.CANCELLED, UserStatus.ERASED)

means("uq_tenant_slug", lambda: NotUnique("Another tenant has this slug.", field="slug"))


async def tenant_create(
    tx: Transaction,
    name: str,
    slug: str | None,
    owner: str,
    *,
    currency: str = "INR",
    country: str = "IN",
    timezone: str = "Asia/Kolkata",
    locale: str = "en",
) -> Tenant:
    """A tenant whose id is the actor's, with default settings and its OWNER, who is INVITED until the first token.

    Runs as the owner of the tables: nobody else may write a tenant. Raises the refusals of bad input.
    """
    title = text.line(name, 200, field="name")
    short = text.slug(slug or title)
    if not 2 <= len(short) <= 63:
        told = "A slug has 2 to 63 letters, digits and hyphens"
        raise Invalid(f"{told}." if slug else f"{told}; this name gives none, so name one (--slug).", field="slug")
    address = contact.email(owner)
    if timezone not in available_timezones():
        raise Invalid("This is not an IANA time zone.", field="timezone")
    if not (len(country) == 2 and country.isascii() and country.isupper()):
        raise Invalid("A country has two letters.", field="country")
    unit = 10 ** digits_of(currency)
    if (await tx.session.execute(select(func.souk.tenant_by_slug(short)))).scalar_one() is not None:
        raise NotUnique("Another tenant has this slug.", field="slug")
    tenant = Tenant(
        id=tx.actor.tenant_id,
        slug=short,
        name=title,
        status=TenantStatus.ACTIVE,
        default_currency=currency,
        country=country,
        timezone=timezone,
        locale=locale,
        tax_profile=TaxProfile.SELLER,
        created_at=tx.now,
    )
    tx.session.add(tenant)
    await tx.session.flush()
    tx.emit("tenant.created", tenant)
    tx.add(
        TenantSettings(
            id=new_id(),
            n=1,
            current=True,
            four_eyes={currency: FOUR_EYES * unit},
            severity_ref={currency: SEVERITY_REF * unit},
        )
    )
    await tx.due(STOCK, tenant.id, tx.now + timedelta(days=1))
    tx.add(Category(id=new_id(), kind=CategoryKind.TICKET, name="Appeal", purpose=CategoryPurpose.APPEAL))
    account = await tx.session.execute(select(func.souk.account_for(new_id(), address.lower(), None)))
    person: User = tx.add(
        User(
            id=new_id(),
            account_id=account.scalar_one(),
            name=address.split("@")[0],
            email=address,
            status=UserStatus.INVITED,
            staff=True,
        )
    )
    await tx.session.flush()
    tx.add(Membership(id=new_id(), user_id=person.id, role=Role.OWNER))
    tx.emit("user.invited", person, to_status=UserStatus.INVITED, data={"role": Role.OWNER.value})
    await tx.session.flush()
    return tenant


async def token_for(tx: Transaction, email: str, role: Role | None, lifetime: timedelta) -> tuple[str, Membership]:
    """A bearer token for the person with this address, acting in the one role held, or in `role`.

    Whoever was INVITED is ACTIVE from then on. Raises NotFound, Required (several roles, none named), Invalid (the
    person may not act).
    """
    key = contact.email_key(email)
    asked = select(User).where(func.lower(User.email) == key, User.status.not_in(GONE)).with_for_update()
    people = (await tx.session.execute(asked)).scalars().all()
    if len(people) != 1:
        raise NotFound("There is no such person." if not people else "Several people have this address.", field="user")
    person = people[0]
    if person.status == UserStatus.SUSPENDED:
        raise Invalid("This person is suspended.", field="user")
    held = select(Membership).where(Membership.user_id == person.id, Membership.ended_at.is_(None))
    members = (await tx.session.execute(held.order_by(Membership.created_at, Membership.id))).scalars().all()
    fitting = [member for member in members if role is None or member.role == role]
    if not fitting:
        raise NotFound("The person does not have this role.", field="role")
    if len(fitting) > 1:
        named = ", ".join(sorted({member.role for member in members}))
        raise Required(f"The person has several roles ({named}): name one.", field="role")
    await activate(tx, person)
    token, _ = await issue(tx, fitting[0], lifetime=lifetime)
    return token, fitting[0]
