"""Feature flags: their rules for those who set them, and which are on for everybody else."""

from typing import Any

import strawberry
from sqlalchemy import ARRAY, ColumnElement, Select, Text, any_, cast, func, literal, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from ..db.session import Transaction
from ..engine.symbols import Viewer, key
from ..models import FeatureFlag, new_id
from ..permissions.settings import WritesFlags
from ..rules import flag as rules
from ..rules import text
from ..rules.actor import Role
from ..rules.errors import NotFound, NotUnique, OutOfRange, Problems, StaleVersion
from .writing import means

means("uq_feature_flag_tenant_id_key", lambda: NotUnique("There is a flag with this key.", field="key"))
WEIGHTS = (16, 36, 56, 1)
"""256³, 256², 256 and 1, each modulo 100."""


def flags(viewer: Viewer) -> Select[FeatureFlag]:
    """The feature flags of the tenant with their rules, the newest first."""
    return select(FeatureFlag).where(WritesFlags().rows(viewer)).order_by(FeatureFlag.created_at.desc())


def flag(viewer: Viewer, id: strawberry.ID) -> Select[FeatureFlag]:
    """One feature flag by its id."""
    return select(FeatureFlag).where(FeatureFlag.id == key(id, FeatureFlag), WritesFlags().rows(viewer))


def keys_on(viewer: Viewer, tenant_id: Any) -> Any:
    """The keys of the flags that are on for the viewer, sorted: an array beside a row of the tenant."""
    sorted_keys = func.array_agg(aggregate_order_by(FeatureFlag.key, FeatureFlag.key.asc()), type_=ARRAY(Text()))
    found = select(sorted_keys).where(FeatureFlag.tenant_id == tenant_id, on(viewer)).scalar_subquery()
    return func.coalesce(found, cast([], ARRAY(Text())), type_=ARRAY(Text()))


def on(viewer: Viewer) -> ColumnElement[bool]:
    """`rules.flag.on` in SQL, for somebody signed in."""
    hashed = func.sha256(func.convert_to(func.concat(FeatureFlag.key, ":", cast(viewer.principal_id, Text)), "UTF8"))
    bucket = sum((func.get_byte(hashed, at) * weight for at, weight in enumerate(WEIGHTS)), start=0) % 100
    everybody = func.cardinality(FeatureFlag.roles) == 0
    for_role = or_(everybody, literal(viewer.role.value, Text()) == any_(FeatureFlag.roles))
    found: ColumnElement[bool] = FeatureFlag.enabled & for_role & (bucket < FeatureFlag.percentage)
    return found


@strawberry.input(description="A feature flag: a new one, or an existing one as a whole.")
class FlagSetInput:
    key: str = strawberry.field(description="Its name: small letters, digits and - _ . between them, at most 60.")
    about: str = strawberry.field(description="What it switches, in words, at most 500 characters.")
    enabled: bool = strawberry.field(description="Off for everybody while false.")
    roles: list[Role] = strawberry.field(
        default_factory=list, description="The roles it is on for; every role where none is named."
    )
    percentage: int = strawberry.field(
        default=100, description="The share of principals it is on for, 0 to 100; always the same ones for one key."
    )
    expected_version: int | None = strawberry.field(
        default=None, description="The version that was read; left out for a flag that is not there yet."
    )


async def flag_set(tx: Transaction, input: FlagSetInput) -> FeatureFlag:
    """Make a feature flag, or change one. It holds from the next operation on."""
    problems = Problems()
    name = problems.take(lambda: rules.key_of(input.key), "key")
    about = problems.take(lambda: text.line(input.about, 500), "about")
    if not 0 <= input.percentage <= 100:
        problems.add(OutOfRange("Between 0 and 100."), "percentage")
    problems.check()
    asked = select(FeatureFlag).where(FeatureFlag.key == name).with_for_update()
    row = (await tx.session.execute(asked)).scalar_one_or_none()
    if input.expected_version is None:
        if row is not None:
            raise NotUnique("There is a flag with this key.", field="key")
        row = tx.add(FeatureFlag(id=new_id(), key=name))
    elif row is None:
        raise NotFound(field="key")
    elif row.version != input.expected_version:
        raise StaleVersion(row.version)
    row.about, row.enabled, row.percentage = str(about), input.enabled, input.percentage
    row.roles = sorted({role.value for role in input.roles})
    await tx.session.flush()
    tx.emit("flag.set", row, data={"key": row.key, "enabled": row.enabled, "percentage": row.percentage})
    return row
