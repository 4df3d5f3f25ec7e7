"""What every table shares: the tenant in each key, the clock columns, the version that guards an update."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime
from enum import Enum
from typing import Any
from uuid import UUID

import uuid_utils
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Date,
    DateTime,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    MetaData,
    Text,
    Uuid,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


def new_id() -> UUID:
    """A UUIDv7: made by the application, because PostgreSQL 15 to 17 cannot. Inside `ids_of`, what that gives."""
    made = _ids.get()
    return UUID(int=uuid_utils.uuid7().int) if made is None else made()


def new_key() -> str:
    """A new id as text, for rows that travel as JSON by the thousand: a third of what an object costs."""
    made = _ids.get()
    return str(uuid_utils.uuid7()) if made is None else str(made())


_ids: ContextVar[Callable[[], UUID] | None] = ContextVar("ids", default=None)


@contextmanager
def ids_of(source: Callable[[], UUID]) -> Iterator[None]:
    """Every id made inside comes from `source`: how the demo has the same ones each time."""
    before = _ids.set(source)
    try:
        yield
    finally:
        _ids.reset(before)


class Model(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = {
        datetime: DateTime(timezone=True),
        date: Date(),
        str: Text(),
        int: Integer(),
        bool: Boolean(),
        bytes: LargeBinary(),
        UUID: Uuid(),
    }


def col(
    doc: str, type_: Any = None, /, *, personal: bool = False, internal: bool = False, **options: Any
) -> Mapped[Any]:
    """A column with its description, which is also the description of the field that shows it.

    `personal` and `internal` are the marks of fields that not everybody reads: hashed in the audit trail, guarded in reads.
    """
    marks = {name: True for name, on in (("personal", personal), ("internal", internal)) if on}
    positional = () if type_ is None else (type_,)
    return mapped_column(*positional, doc=doc, info=marks, **options)


def minor(doc: str, **options: Any) -> Mapped[Any]:
    """An amount in minor units of the row's currency."""
    return col(doc, BigInteger(), **options)


def one_of(column: str, words: type[Enum] | Iterable[str]) -> CheckConstraint:
    """A text column that holds one of these words (never a PostgreSQL enum: its comparison is not leakproof)."""
    values = ",".join(f"'{getattr(word, 'value', word)}'" for word in words)
    return CheckConstraint(f"{column} IN ({values})", name=f"{column}_known")


def refers(column: str, table: str, *, on_delete: str | None = None) -> ForeignKeyConstraint:
    """A reference inside the tenant: foreign keys bypass row security, so the tenant is part of them."""
    return ForeignKeyConstraint(["tenant_id", column], [f"{table}.tenant_id", f"{table}.id"], ondelete=on_delete)


class Row(Model):
    """A row of one tenant that is written once."""

    __abstract__ = True

    tenant_id: Mapped[UUID] = col("The tenant.", primary_key=True)
    id: Mapped[UUID] = col("The id inside the tenant.", primary_key=True, default=new_id)
    created_at: Mapped[datetime] = col("When it was made, in UTC.")


class TenantModel(Row):
    """A row of one tenant that changes: `version` guards each update, `updated_at` follows it."""

    __abstract__ = True

    updated_at: Mapped[datetime] = col("When it was last changed, in UTC.")
    version: Mapped[int] = col("Grows by one with each change; give it as `expectedVersion`.", default=1)

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:
        return {"version_id_col": cls.__table__.c.version} if hasattr(cls, "__table__") else {}
