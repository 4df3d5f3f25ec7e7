"""The demo: tenants with deterministic ids, whose instants are offsets from the hour of seeding."""

from .ground import Doors
from .secret import Secret
from .seeding import TENANTS, reset, seed
from .tokens import Shown, tokens

__all__ = ["TENANTS", "Doors", "Secret", "Shown", "reset", "seed", "tokens"]
