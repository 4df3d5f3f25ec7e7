"""The thresholds of a tenant: read as they are in force, changed as a whole new version, kept for ever."""

from collections.abc import Sequence
from typing import Any

import strawberry
from sqlalchemy import Select, select

from ..db.session import Transaction
from ..engine.symbols import Viewer, key
from ..models import TenantSettings, User, new_id
from ..permissions.settings import ReadsSettings
from ..permissions.user import SeesUser
from ..rules import settings as rules
from ..rules.errors import Duplicate, LimitExceeded, NotFound, NotUnique, Problems, Required, StaleVersion
from .money import MoneyInput, minor_units
from .writing import means

MONEY = ("four_eyes", "refund_auto", "severity_ref")
CURRENCIES = 50
TRIES = 5

means("uq_tenant_settings_current", lambda: NotUnique("Somebody else is changing the settings; read them again."))
means("uq_tenant_settings_tenant_id_n", lambda: NotUnique("Somebody else is changing the settings; read them again."))


def settings(viewer: Viewer) -> Select[TenantSettings]:
    """The thresholds of the tenant that are in force."""
    return select(TenantSettings).where(TenantSettings.current, ReadsSettings().rows(viewer))


def settings_version(viewer: Viewer, id: strawberry.ID) -> Select[TenantSettings]:
    """One version of the settings by its id."""
    return select(TenantSettings).where(TenantSettings.id == key(id, TenantSettings), ReadsSettings().rows(viewer))


def settings_history(viewer: Viewer) -> Select[TenantSettings]:
    """Every version of the settings, the newest first: who changed them when, and what was in force."""
    return select(TenantSettings).where(ReadsSettings().rows(viewer)).order_by(TenantSettings.n.desc())


def changer_of_settings(viewer: Viewer, version: TenantSettings) -> Select[User]:
    """Who made this version; null for the system, which made the first."""
    return select(User).where(User.id == version.changed_by, SeesUser().rows(viewer))


def _threshold(name: str) -> Any:
    of = rules.THRESHOLDS[name]
    return strawberry.field(
        default=None, description=f"{of.doc} Between {of.low} and {of.high}; {of.default} at first."
    )


def _money(doc: str) -> Any:
    return strawberry.field(default=None, description=f"{doc} Replaces the whole list; each currency once, above zero.")


@strawberry.input(description="Thresholds to change; what is left out stays as it is.")
class SettingsUpdateInput:
    expected_version: int = strawberry.field(description="The version that was read.")
    four_eyes: strawberry.Maybe[list[MoneyInput]] = _money("From which amounts on a second person decides.")
    refund_auto: strawberry.Maybe[list[MoneyInput]] = _money("Up to which amounts a refund is approved by itself.")
    severity_ref: strawberry.Maybe[list[MoneyInput]] = _money("The losses that count as a full one.")
    auto_approve: strawberry.Maybe[bool] = strawberry.field(
        default=None, description="Whether listings of VERIFIED dealers go live by themselves; false at first."
    )
    password_sign_in: strawberry.Maybe[bool] = strawberry.field(
        default=None, description="Whether people may choose a password and sign in with it; false at first."
    )
    credit_adjust_limit: strawberry.Maybe[int] = _threshold("credit_adjust_limit")
    listing_days: strawberry.Maybe[int] = _threshold("listing_days")
    lead_days: strawberry.Maybe[int] = _threshold("lead_days")
    offer_hours: strawberry.Maybe[int] = _threshold("offer_hours")
    max_offer_rounds: strawberry.Maybe[int] = _threshold("max_offer_rounds")
    deal_payment_hours: strawberry.Maybe[int] = _threshold("deal_payment_hours")
    inspection_hours: strawberry.Maybe[int] = _threshold("inspection_hours")
    invalid_report_hours: strawberry.Maybe[int] = _threshold("invalid_report_hours")
    horizon_days: strawberry.Maybe[int] = _threshold("horizon_days")
    run_rate_days: strawberry.Maybe[int] = _threshold("run_rate_days")
    cascade_bp: strawberry.Maybe[int] = _threshold("cascade_bp")
    dead_stock_days: strawberry.Maybe[int] = _threshold("dead_stock_days")
    carry_bp: strawberry.Maybe[int] = _threshold("carry_bp")
    cure_hours: strawberry.Maybe[int] = _threshold("cure_hours")
    rebreach_days: strawberry.Maybe[int] = _threshold("rebreach_days")
    failure_threshold_pct: strawberry.Maybe[int] = _threshold("failure_threshold_pct")
    failure_threshold_min: strawberry.Maybe[int] = _threshold("failure_threshold_min")
    rollback_hours: strawberry.Maybe[int] = _threshold("rollback_hours")
    preview_minutes: strawberry.Maybe[int] = _threshold("preview_minutes")
    undo_seconds: strawberry.Maybe[int] = _threshold("undo_seconds")
    reopen_days: strawberry.Maybe[int] = _threshold("reopen_days")
    reopen_cooldown_minutes: strawberry.Maybe[int] = _threshold("reopen_cooldown_minutes")
    auto_close_hours: strawberry.Maybe[int] = _threshold("auto_close_hours")
    auto_resolve_days: strawberry.Maybe[int] = _threshold("auto_resolve_days")


COLUMNS = (*MONEY, "auto_approve", "password_sign_in", *rules.THRESHOLDS)
SHOWN = {name: "".join((first, *map(str.capitalize, rest))) for name in COLUMNS for first, *rest in [name.split("_")]}
"""Each column under its name in the schema."""


async def settings_update(tx: Transaction, input: SettingsUpdateInput) -> TenantSettings:
    """Change thresholds: a new version, in force at once for whatever is decided from now on."""
    before = await _current(tx)
    if before.n != input.expected_version:
        raise StaleVersion(before.n)
    problems = Problems()
    given = {name: getattr(input, name).value for name in COLUMNS if getattr(input, name) is not None}
    rules.check(problems, ((name, value) for name, value in given.items() if name in rules.THRESHOLDS), SHOWN)
    for name in MONEY:
        if name in given:
            given[name] = problems.take(lambda amounts=given[name]: _amounts(amounts), SHOWN[name])  # type: ignore[misc]
    if not given:
        problems.add(Required("Say what is to change."))
    problems.check()
    kept = {name: getattr(before, name) for name in COLUMNS}
    before.current = False
    await tx.session.flush()
    after: TenantSettings = tx.add(
        TenantSettings(id=new_id(), n=before.n + 1, current=True, changed_by=tx.actor.user_id, **{**kept, **given})
    )
    changed = {SHOWN[name]: [kept[name], value] for name, value in given.items() if kept[name] != value}
    tx.emit("settings.updated", after, data={"version": after.n, "changes": changed})
    return after


async def _current(tx: Transaction) -> TenantSettings:
    """The version in force, locked; one who waited for another's change finds that one's version."""
    asked = select(TenantSettings).where(TenantSettings.current).with_for_update()
    for _ in range(TRIES):
        found = (await tx.session.execute(asked)).scalar_one_or_none()
        if found is not None:
            return found
    raise NotFound


def _amounts(given: Sequence[MoneyInput]) -> dict[str, int]:
    if len(given) > CURRENCIES:
        raise LimitExceeded(CURRENCIES)
    problems, made = Problems(), dict[str, int]()
    for at, each in enumerate(given):
        minor = problems.take(lambda each=each: minor_units(each), str(at))  # type: ignore[misc]
        if str(each.currency_code) in made:
            problems.add(Duplicate("Each currency once."), str(at), "currencyCode")
        elif minor is not None:
            made[str(each.currency_code)] = minor
    problems.check()
    return made
