"""The settings of the tenant as clients see them."""

import strawberry

from .. import models
from ..engine.declare import Connection, Money, Node, column, many, one, payload_node, to_one, totals, view
from ..engine.scalars import DateTime
from ..permissions.base import may
from ..permissions.settings import ReadsSettings
from ..resolvers import settings as resolve
from .mutation import Payload, write
from .user import User


@view(models.TenantSettings, node=resolve.settings_version, gate=ReadsSettings())
class TenantSettings(Node):
    """One version of the thresholds of the tenant. A change makes another; this one stays as it is."""

    version: int = column("n")
    current: bool
    created_at: DateTime
    changed_by: User | None = to_one(resolve.changer_of_settings)
    four_eyes: list[Money] = totals("four_eyes")
    refund_auto: list[Money] = totals("refund_auto")
    severity_ref: list[Money] = totals("severity_ref")
    auto_approve: bool
    password_sign_in: bool
    credit_adjust_limit: int
    listing_days: int
    lead_days: int
    offer_hours: int
    max_offer_rounds: int
    deal_payment_hours: int
    inspection_hours: int
    invalid_report_hours: int
    horizon_days: int
    run_rate_days: int
    cascade_bp: int
    dead_stock_days: int
    carry_bp: int
    cure_hours: int
    rebreach_days: int
    failure_threshold_pct: int
    failure_threshold_min: int
    rollback_hours: int
    preview_minutes: int
    undo_seconds: int
    reopen_days: int
    reopen_cooldown_minutes: int
    auto_close_hours: int
    auto_resolve_days: int


@strawberry.type(description="The thresholds that are in force now.")
class SettingsUpdatePayload(Payload):
    settings: TenantSettings | None = payload_node(
        "settings", description="The new version; null when nothing was changed."
    )


@strawberry.type
class SettingsQueries:
    settings: TenantSettings | None = one(resolve.settings, gate=ReadsSettings())
    settings_history: Connection[TenantSettings] | None = many(resolve.settings_history, gate=ReadsSettings())


@strawberry.type
class SettingsMutations:
    settings_update: SettingsUpdatePayload | None = write(resolve.settings_update, gate=may("settings:write"))
