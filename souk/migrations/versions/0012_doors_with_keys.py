"""What sees over the wall is executed by those who need it, and by nobody else.

PostgreSQL lets everybody execute a new function. Whoever can log in to the database at all could so ask the door who a
session belongs to, if they knew its hash.

Revision ID: 0012
Revises: 0011
"""

from alembic import op

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels = None
depends_on = None

DOOR = {
    "souk.keep_an_owner()": "",  # of a trigger
    "souk.account_for(uuid, text, text)": "souk_app, souk_owner",
    "souk.account_of(text, text)": "souk_app",
    "souk.membership_of_account(uuid, uuid)": "souk_app",
    "souk.memberships_of_account(uuid, uuid)": "souk_app",
    "souk.session_by_family(bytea)": "souk_app",
    "souk.session_by_hash(bytea)": "souk_app",
    "souk.session_seen(bytea)": "souk_app",
    "souk.sign_in_pressure(uuid, bytea, text, text, timestamptz, timestamptz)": "souk_app",
    "souk.tenant_by_host(text)": "souk_app",
    "souk.tenant_by_slug(text)": "souk_app, souk_worker, souk_auditor, souk_owner",
    "souk.token_by_hash(bytea)": "souk_app",
}
FINDER = {"souk.find(text, text[], integer)": "souk_app, souk_worker"}
EVERY = {"souk_door": DOOR, "souk_finder": FINDER}


def upgrade() -> None:
    for owner, functions in EVERY.items():
        op.execute(f"SET LOCAL ROLE {owner}")
        for name, roles in functions.items():
            op.execute(f"REVOKE EXECUTE ON FUNCTION {name} FROM PUBLIC")
            if roles:
                op.execute(f"GRANT EXECUTE ON FUNCTION {name} TO {roles}")
    op.execute("SET LOCAL ROLE souk_owner")


def downgrade() -> None:
    for owner, functions in EVERY.items():
        op.execute(f"SET LOCAL ROLE {owner}")
        for name, roles in functions.items():
            op.execute(f"GRANT EXECUTE ON FUNCTION {name} TO PUBLIC")
            if roles:
                op.execute(f"REVOKE EXECUTE ON FUNCTION {name} FROM {roles}")
    op.execute("SET LOCAL ROLE souk_owner")
