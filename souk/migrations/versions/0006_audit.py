"""Audit by time and role, access by everything it is looked for; settings that stay, feature flags, archived teams.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels = None
depends_on = None

APPEND_ONLY = [
    "access_refusal",
    "audit_event",
    "batch_event",
    "batch_item_attempt",
    "batch_log",
    "batch_preview",
    "batch_preview_item",
    "competitor_snapshot",
    "domain_event",
    "evidence_sale_row",
    "evidence_snapshot",
    "note",
    "offer_revision",
    "price_exception",
    "price_exception_dealer",
    "price_policy_version",
    "ticket_comment",
]
AUDIT = {"subject": "subject_id", "actor": "actor_id", "dealer": "dealer_id", "op": "op"}
ACCESS = {
    "kind": "kind",
    "principal": "principal_id",
    "role": "acting_role",
    "operation": "operation",
    "permission": "permission",
    "subject": "subject_id",
}
NEW = {"credit_adjust_limit": 500, "invalid_report_hours": 72, "dead_stock_days": 90, "carry_bp": 2000}
BOUNDS = {
    "credit_adjust_limit": (0, 1_000_000),
    "listing_days": (1, 730),
    "lead_days": (1, 365),
    "offer_hours": (1, 720),
    "max_offer_rounds": (1, 100),
    "deal_payment_hours": (1, 720),
    "inspection_hours": (1, 720),
    "invalid_report_hours": (1, 720),
    "horizon_days": (1, 365),
    "run_rate_days": (1, 365),
    "cascade_bp": (0, 10_000),
    "dead_stock_days": (1, 3650),
    "carry_bp": (0, 10_000),
    "cure_hours": (1, 2160),
    "rebreach_days": (0, 365),
    "failure_threshold_pct": (1, 100),
    "failure_threshold_min": (1, 10_000),
    "rollback_hours": (0, 720),
    "preview_minutes": (1, 1440),
    "undo_seconds": (0, 300),
    "reopen_days": (0, 365),
    "reopen_cooldown_minutes": (0, 1440),
    "auto_close_hours": (1, 2160),
    "auto_resolve_days": (1, 365),
}

NEVER_TRUNCATED = """
CREATE FUNCTION souk.never_truncated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$
"""
# A version of the settings ends when the next one begins; nothing else about it ever changes.
SETTINGS_KEPT = """
CREATE FUNCTION souk.settings_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND OLD.current AND NOT NEW.current AND to_jsonb(OLD) - 'current' = to_jsonb(NEW) - 'current' THEN
    RETURN NEW;
  END IF;
  IF TG_OP = 'DELETE' AND current_user = 'souk_owner' AND current_setting('souk.wiping', true) = OLD.tenant_id::text
     AND EXISTS (SELECT FROM tenant WHERE id = OLD.tenant_id AND demo) THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION 'tenant_settings is append-only' USING ERRCODE = 'restrict_violation';
END $$
"""
WALL = (
    "CREATE POLICY tenant_wall ON feature_flag TO souk_owner, souk_app, souk_worker, souk_auditor"
    " USING (tenant_id = (SELECT souk.current_tenant())) WITH CHECK (tenant_id = (SELECT souk.current_tenant()))"
)


def upgrade() -> None:
    for name, column in AUDIT.items():
        op.drop_index(f"ix_audit_event_{name}", table_name="audit_event")
        op.create_index(f"ix_audit_event_{name}", "audit_event", ["tenant_id", column, "created_at", "id"])
    op.create_index("ix_audit_event_role", "audit_event", ["tenant_id", "acting_role", "created_at", "id"])
    for name, column in ACCESS.items():
        op.create_index(f"ix_access_refusal_{name}", "access_refusal", ["tenant_id", column, "created_at", "id"])
    op.execute(NEVER_TRUNCATED)
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER never_truncated BEFORE TRUNCATE ON {table}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION souk.never_truncated()"
        )
        op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER never_truncated")
    op.execute("GRANT SELECT ON access_refusal TO souk_auditor")

    op.add_column("tenant_settings", sa.Column("refund_auto", postgresql.JSONB(), nullable=False, server_default="{}"))
    for name, default in NEW.items():
        op.add_column("tenant_settings", sa.Column(name, sa.Integer(), nullable=False, server_default=str(default)))
    op.drop_constraint(op.f("ck_tenant_settings_positive"), "tenant_settings")
    for name, (low, high) in BOUNDS.items():
        op.create_check_constraint(
            op.f(f"ck_tenant_settings_{name}"), "tenant_settings", f"{name} BETWEEN {low} AND {high}"
        )
    op.create_unique_constraint(op.f("uq_tenant_settings_tenant_id_n"), "tenant_settings", ["tenant_id", "n"])
    op.create_index("ix_tenant_settings_newest", "tenant_settings", ["tenant_id", "n", "id"])
    op.execute(SETTINGS_KEPT)
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON tenant_settings"
        " FOR EACH ROW EXECUTE FUNCTION souk.settings_kept()"
    )
    op.execute("ALTER TABLE tenant_settings ENABLE ALWAYS TRIGGER append_only")
    op.execute("REVOKE DELETE ON tenant_settings FROM souk_app, souk_worker")

    op.create_table(
        "feature_flag",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("roles", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("percentage", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("percentage BETWEEN 0 AND 100", name=op.f("ck_feature_flag_percentage")),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_feature_flag_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_feature_flag")),
        sa.UniqueConstraint("tenant_id", "key", name=op.f("uq_feature_flag_tenant_id_key")),
    )
    op.create_index("ix_feature_flag_newest", "feature_flag", ["tenant_id", "created_at", "id"])
    op.execute("ALTER TABLE feature_flag ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE feature_flag FORCE ROW LEVEL SECURITY")
    op.execute(WALL)
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON feature_flag TO souk_app, souk_worker")

    op.add_column("team", sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_team_newest", "team", ["tenant_id", "created_at", "id"])
    op.create_index("ix_membership_team_team", "membership_team", ["tenant_id", "team_id", "membership_id"])


def downgrade() -> None:
    op.drop_index("ix_membership_team_team", table_name="membership_team")
    op.drop_index("ix_team_newest", table_name="team")
    op.drop_column("team", "archived_at")
    op.drop_table("feature_flag")
    op.execute("GRANT DELETE ON tenant_settings TO souk_app, souk_worker")
    op.execute("DROP TRIGGER append_only ON tenant_settings")
    op.execute("DROP FUNCTION souk.settings_kept()")
    op.drop_index("ix_tenant_settings_newest", table_name="tenant_settings")
    op.drop_constraint(op.f("uq_tenant_settings_tenant_id_n"), "tenant_settings")
    for name in BOUNDS:
        op.drop_constraint(op.f(f"ck_tenant_settings_{name}"), "tenant_settings")
    op.create_check_constraint(
        op.f("ck_tenant_settings_positive"),
        "tenant_settings",
        "undo_seconds >= 0 AND cure_hours > 0 AND preview_minutes > 0",
    )
    for name in ("refund_auto", *NEW):
        op.drop_column("tenant_settings", name)
    op.execute("REVOKE SELECT ON access_refusal FROM souk_auditor")
    for table in APPEND_ONLY:
        op.execute(f"DROP TRIGGER never_truncated ON {table}")
    op.execute("DROP FUNCTION souk.never_truncated()")
    for name in ACCESS:
        op.drop_index(f"ix_access_refusal_{name}", table_name="access_refusal")
    op.drop_index("ix_audit_event_role", table_name="audit_event")
    for name, column in AUDIT.items():
        op.drop_index(f"ix_audit_event_{name}", table_name="audit_event")
        op.create_index(f"ix_audit_event_{name}", "audit_event", ["tenant_id", column, "seq"])
