"""Alembic's entry: always over the connection that `souk.migrations` gives."""

from alembic import context

from souk.migrations import included
from souk.models import Model

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Model.metadata,
    include_schemas=True,
    include_name=included,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
