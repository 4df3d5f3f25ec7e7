"""The people of an account, whose sessions end together; what the door tells of an account, it tells the application only.

Revision ID: 0009
Revises: 0008
"""

from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels = None
depends_on = None

# Where an account may have sessions, told to a tenant that it has a live person in; one role each, for the audit there.
PEOPLE = """
CREATE FUNCTION souk.people_of_account(account uuid) RETURNS TABLE (
    tenant_id uuid, user_id uuid, membership_id uuid, role text, dealer_id uuid)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT DISTINCT ON (m.tenant_id) m.tenant_id, m.user_id, m.id, m.role, m.dealer_id
  FROM membership m JOIN app_user u ON u.tenant_id = m.tenant_id AND u.id = m.user_id
  WHERE u.account_id = people_of_account.account AND u.status NOT IN ('CANCELLED','ERASED') AND m.ended_at IS NULL
    AND EXISTS (SELECT FROM app_user mine WHERE mine.account_id = people_of_account.account
                AND mine.tenant_id = souk.current_tenant() AND mine.status IN ('ACTIVE','INVITED'))
  ORDER BY m.tenant_id, m.created_at, m.id $$"""


PEOPLE_NAME = "souk.people_of_account(uuid)"
ACCOUNT = [
    f"souk.account_{name}"
    for name in (
        "secrets(uuid)",
        "mfa(uuid)",
        "set_password(uuid, text)",
        "rehash(uuid, text, text)",
        "enrol(uuid, bytea)",
        "confirm(uuid, bytea, bytea, bigint, bytea[])",
        "forget_mfa(uuid)",
        "use_step(uuid, bigint)",
        "use_recovery(uuid, bytea)",
        "set_recovery(uuid, bytea[])",
    )
]


def upgrade() -> None:
    op.execute("GRANT CREATE ON SCHEMA souk TO souk_door")
    op.execute(PEOPLE)
    op.execute(f"ALTER FUNCTION {PEOPLE_NAME} OWNER TO souk_door")
    op.execute("REVOKE CREATE ON SCHEMA souk FROM souk_door")
    for name in (PEOPLE_NAME, *ACCOUNT):
        for_the_application_only(name)


def for_the_application_only(name: str) -> None:
    """0005 meant this: what the owner of the schema revokes from a function of the door stays, with no more than a warning."""
    op.execute("SET LOCAL ROLE souk_door")
    op.execute(f"REVOKE EXECUTE ON FUNCTION {name} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {name} TO souk_app")
    op.execute("SET LOCAL ROLE souk_owner")


def downgrade() -> None:
    op.execute("SET LOCAL ROLE souk_door")
    for name in ACCOUNT:
        op.execute(f"GRANT EXECUTE ON FUNCTION {name} TO PUBLIC")
    op.execute("SET LOCAL ROLE souk_owner")
    op.execute(f"DROP FUNCTION {PEOPLE_NAME}")
