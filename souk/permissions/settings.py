"""Who reads and changes the thresholds of the tenant, and its feature flags."""

from ..models import FeatureFlag, TenantSettings
from .base import Permission


class ReadsSettings(Permission[TenantSettings]):
    """The thresholds in force, and those before."""

    name = "settings:read"
    model = TenantSettings
    message = "The settings are shown to OWNER, ADMIN and OPS."


class WritesFlags(Permission[FeatureFlag]):
    """Feature flags with their rules; whether one is on for oneself, everybody is told."""

    name = "flag:write"
    model = FeatureFlag
    message = "Feature flags are the business of OWNER and ADMIN."
