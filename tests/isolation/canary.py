"""A word planted into every text of a tenant: where it turns up, the wall has a hole."""

import asyncpg
from sqlalchemy import ARRAY, LargeBinary, Text
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR

from souk.db.sealing import place
from souk.models import Model
from tests.bazaar import Bazaar
from tests.world import KEYRING

WORD = "canary7q2x"
VALUE = {
    Text: f"'{WORD}-' || gen_random_uuid()",
    ARRAY: f"ARRAY['{WORD}']",
    JSONB: f"""jsonb_build_object('{WORD}', '{WORD}')""",
}
COPIED = ("kept_count",)
"""What triggers copy from closed words of other tables; changed by hand it would count wrong."""
SEALED = ("contact_name_enc", "contact_phone_enc", "contact_email_enc", "message_enc", "registration_number_enc")


async def plant(url: str, there: Bazaar) -> tuple[set[str], dict[str, str]]:
    """Change the tenant's rows as the superuser: the columns that hold the word now, and why the others do not."""
    planted, refused = set(), {}
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute("SELECT set_config('souk.tenant_id', $1, true)", str(there.tenant_id))
            for name, table in Model.metadata.tables.items():
                if "tenant_id" not in table.c or name in COPIED:
                    continue
                append_only = await connection.fetchval(
                    "SELECT count(*) FROM pg_trigger WHERE tgrelid = $1::text::regclass AND tgname = 'append_only'",
                    name,
                )
                if append_only:
                    await connection.execute(f"ALTER TABLE {name} DISABLE TRIGGER append_only")
                for column in table.c:
                    value = next((sql for kind, sql in VALUE.items() if isinstance(column.type, kind)), None)
                    if column.name in SEALED:
                        await _seal(connection, there, table.name, column.name)
                        planted.add(f"{name}.{column.name}")
                    elif value is not None and not isinstance(column.type, LargeBinary | TSVECTOR):
                        try:
                            async with connection.transaction():
                                await connection.execute(
                                    f'UPDATE {name} SET "{column.name}" = {value} WHERE tenant_id = $1', there.tenant_id
                                )
                            planted.add(f"{name}.{column.name}")
                        except asyncpg.PostgresError as error:
                            refused[f"{name}.{column.name}"] = type(error).__name__
                if append_only:
                    await connection.execute(f"ALTER TABLE {name} ENABLE ALWAYS TRIGGER append_only")
    finally:
        await connection.close()
    return planted, refused


async def _seal(connection: asyncpg.Connection, there: Bazaar, table: str, column: str) -> None:
    for (id_,) in await connection.fetch(f"SELECT id FROM {table} WHERE tenant_id = $1", there.tenant_id):
        sealed = KEYRING.seal(WORD, place(there.tenant_id, table, column, id_))
        await connection.execute(
            f"UPDATE {table} SET {column} = $1 WHERE tenant_id = $2 AND id = $3", sealed, there.tenant_id, id_
        )


HELD = " UNION ALL ".join(
    f"SELECT '{name}', count(*) || ' rows, ' || coalesce(sum(xmin::text::bigint), 0) FROM {name} WHERE tenant_id = $1"
    for name, table in Model.metadata.tables.items()
    if "tenant_id" in table.c
)


async def digest(connection: asyncpg.Connection, tenant_id: object) -> dict[str, str]:
    """What each table holds of a tenant, in a word: equal when nothing was written.

    A row's `xmin` is the transaction that wrote it, and no later one has a smaller number: of as many rows, those of which one
    was written since have a greater sum. So it tells of a write of the same values too.
    """
    return dict(await connection.fetch(HELD, tenant_id))
