"""The demo: tenants with deterministic ids, whose instants are offsets from the hour of seeding."""

from .seeding import TENANTS, Doors, reset, seed
from .tokens import Secret, Shown, tokens

__all__ = ["TENANTS", "Doors", "Secret", "Shown", "reset", "seed", "tokens"]
