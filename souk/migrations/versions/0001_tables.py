"""Every table of the first release.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0001"
down_revision: str | None = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("phone_key", sa.Text(), nullable=True),
        sa.Column("email_key", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("email_key = lower(email_key)", name=op.f("ck_account_email_folded")),
        sa.CheckConstraint("phone_key IS NOT NULL OR email_key IS NOT NULL", name=op.f("ck_account_reachable")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("email_key", name=op.f("uq_account_email_key")),
        sa.UniqueConstraint("phone_key", name=op.f("uq_account_phone_key")),
    )
    op.create_table(
        "tenant",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("default_currency", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("tax_profile", sa.Text(), nullable=False),
        sa.Column("demo", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("status IN ('ACTIVE','SUSPENDED')", name=op.f("ck_tenant_status_known")),
        sa.CheckConstraint("tax_profile IN ('SELLER','DEEMED_SUPPLIER')", name=op.f("ck_tenant_tax_profile_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tenant")),
        sa.UniqueConstraint("slug", name=op.f("uq_tenant_slug")),
    )
    op.create_table(
        "access_refusal",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("principal_id", sa.Uuid(), nullable=True),
        sa.Column("acting_role", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("permission", sa.Text(), nullable=False),
        sa.Column("subject_type", sa.Text(), nullable=True),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('REFUSED','OPENED')", name=op.f("ck_access_refusal_kind_known")),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_access_refusal_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_access_refusal")),
    )
    op.create_index("ix_access_refusal_at", "access_refusal", ["tenant_id", "created_at", "id"], unique=False)
    op.create_table(
        "app_user",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("locale", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("staff", sa.Boolean(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status IN ('INVITED','ACTIVE','SUSPENDED','CANCELLED','ERASED')", name=op.f("ck_app_user_status_known")
        ),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_app_user_account_id")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_app_user_tenant_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_app_user")),
    )
    op.create_index("ix_app_user_newest", "app_user", ["tenant_id", "created_at", "id"], unique=False)
    op.create_index("ix_app_user_status", "app_user", ["tenant_id", "status", "created_at", "id"], unique=False)
    op.create_index("ix_app_user_updated", "app_user", ["tenant_id", "updated_at", "id"], unique=False)
    op.create_index(
        "uq_app_user_account",
        "app_user",
        ["tenant_id", "account_id"],
        unique=True,
        postgresql_where=sa.text("status NOT IN ('CANCELLED','ERASED')"),
    )
    op.create_table(
        "audit_event",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("op", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("acting_role", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=True),
        sa.Column("token_id", sa.Uuid(), nullable=True),
        sa.Column("subject_type", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("dealer_id", sa.Uuid(), nullable=True),
        sa.Column("changes", postgresql.JSONB(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("prev_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_audit_event_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_audit_event")),
        sa.UniqueConstraint("tenant_id", "seq", name=op.f("uq_audit_event_tenant_id_seq")),
    )
    op.create_index("ix_audit_event_actor", "audit_event", ["tenant_id", "actor_id", "seq"], unique=False)
    op.create_index("ix_audit_event_dealer", "audit_event", ["tenant_id", "dealer_id", "seq"], unique=False)
    op.create_index("ix_audit_event_newest", "audit_event", ["tenant_id", "created_at", "id"], unique=False)
    op.create_index("ix_audit_event_op", "audit_event", ["tenant_id", "op", "seq"], unique=False)
    op.create_index("ix_audit_event_subject", "audit_event", ["tenant_id", "subject_id", "seq"], unique=False)
    op.create_table(
        "audit_head",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_audit_head_tenant_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_audit_head")),
    )
    op.create_table(
        "category",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('LISTING','TICKET')", name=op.f("ck_category_kind_known")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "parent_id"],
            ["category.tenant_id", "category.id"],
            name=op.f("fk_category_tenant_id_parent_id"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_category_tenant_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_category")),
        sa.UniqueConstraint(
            "tenant_id",
            "kind",
            "parent_id",
            "name",
            name=op.f("uq_category_tenant_id_kind_parent_id_name"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index("ix_category_name", "category", ["tenant_id", "kind", "name", "id"], unique=False)
    op.create_index("ix_category_order", "category", ["tenant_id", "name", "id"], unique=False)
    op.create_index("ix_category_updated", "category", ["tenant_id", "updated_at", "id"], unique=False)
    op.create_table(
        "competitor",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_competitor_tenant_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_competitor")),
        sa.UniqueConstraint("tenant_id", "domain", name=op.f("uq_competitor_tenant_id_domain")),
    )
    op.create_index("ix_competitor_newest", "competitor", ["tenant_id", "created_at", "id"], unique=False)
    op.create_index("ix_competitor_updated", "competitor", ["tenant_id", "updated_at", "id"], unique=False)
    op.create_table(
        "dealer",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("city_key", sa.Text(), nullable=True),
        sa.Column("tax_id", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("verification", sa.Text(), nullable=False),
        sa.Column("verification_reason", sa.Text(), nullable=True),
        sa.Column("submitted_by", sa.Uuid(), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("standing", sa.Text(), nullable=False),
        sa.Column("standing_reason", sa.Text(), nullable=True),
        sa.Column("notice", sa.Integer(), nullable=False),
        sa.Column("cure_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("authorised", sa.Boolean(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('DEALERSHIP','CASTING','PUBLISHER')", name=op.f("ck_dealer_kind_known")),
        sa.CheckConstraint("name <> ''", name=op.f("ck_dealer_named")),
        sa.CheckConstraint(
            "standing IN ('GOOD','WATCH','WARNED','RESTRICTED','SUSPENDED','TERMINATED')",
            name=op.f("ck_dealer_standing_known"),
        ),
        sa.CheckConstraint(
            "verification IN ('UNVERIFIED','PENDING','VERIFIED','REJECTED','EXPIRED','REVOKED')",
            name=op.f("ck_dealer_verification_known"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_dealer_tenant_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_dealer")),
    )
    op.create_index("ix_dealer_city", "dealer", ["tenant_id", "city_key", "created_at", "id"], unique=False)
    op.create_index("ix_dealer_name", "dealer", ["tenant_id", "name", "id"], unique=False)
    op.create_index("ix_dealer_newest", "dealer", ["tenant_id", "created_at", "id"], unique=False)
    op.create_index("ix_dealer_standing", "dealer", ["tenant_id", "standing", "created_at", "id"], unique=False)
    op.create_index("ix_dealer_updated", "dealer", ["tenant_id", "updated_at", "id"], unique=False)
    op.create_index("ix_dealer_verification", "dealer", ["tenant_id", "verification", "created_at", "id"], unique=False)
    op.create_table(
        "domain_event",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("subject_type", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("internal", sa.Boolean(), nullable=False),
        sa.Column("from_status", sa.Text(), nullable=True),
        sa.Column("to_status", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("data", postgresql.JSONB(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("seq > 0", name=op.f("ck_domain_event_seq_positive")),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_domain_event_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_domain_event")),
        sa.UniqueConstraint("tenant_id", "subject_id", "seq", name=op.f("uq_domain_event_tenant_id_subject_id_seq")),
    )
    op.create_index("ix_domain_event_at", "domain_event", ["tenant_id", "at", "id"], unique=False)
    op.create_table(
        "event_stream",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_event_stream_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_event_stream")),
    )
    op.create_table(
        "external_ref",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("content_hash", sa.LargeBinary(), nullable=True),
        sa.Column("extra", postgresql.JSONB(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("type IN ('LISTING','SKU','DEALER','LEAD')", name=op.f("ck_external_ref_type_known")),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_external_ref_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_external_ref")),
        sa.UniqueConstraint(
            "tenant_id", "source", "type", "external_id", name=op.f("uq_external_ref_tenant_id_source_type_external_id")
        ),
    )
    op.create_index("ix_external_ref_subject", "external_ref", ["tenant_id", "subject_id"], unique=False)
    op.create_table(
        "idempotency_record",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("result", postgresql.JSONB(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_idempotency_record_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_idempotency_record")),
        sa.UniqueConstraint(
            "tenant_id", "principal", "key", name=op.f("uq_idempotency_record_tenant_id_principal_key")
        ),
    )
    op.create_index("ix_idempotency_record_expires", "idempotency_record", ["tenant_id", "expires_at"], unique=False)
    op.create_table(
        "search_document",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("words", postgresql.TSVECTOR(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('LISTING','DEALER','SKU','TICKET','TICKET_INTERNAL','ALERT','USER','COMPETITOR')",
            name=op.f("ck_search_document_kind_known"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_search_document_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "kind", "id", name=op.f("pk_search_document")),
    )
    op.create_index("ix_search_document_words", "search_document", ["words"], unique=False, postgresql_using="gin")
    op.create_table(
        "sku",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("brand", sa.Text(), nullable=True),
        sa.Column("mrp_minor", sa.BigInteger(), nullable=True),
        sa.Column("cost_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("ean", sa.Text(), nullable=True),
        sa.Column("upc", sa.Text(), nullable=True),
        sa.Column("mpn", sa.Text(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("cost_minor >= 0", name=op.f("ck_sku_cost_not_negative")),
        sa.CheckConstraint("mrp_minor > 0", name=op.f("ck_sku_mrp_positive")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_sku_tenant_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_sku")),
        sa.UniqueConstraint("tenant_id", "code", name=op.f("uq_sku_tenant_id_code")),
    )
    op.create_index("ix_sku_newest", "sku", ["tenant_id", "created_at", "id"], unique=False)
    op.create_index("ix_sku_updated", "sku", ["tenant_id", "updated_at", "id"], unique=False)
    op.create_table(
        "work",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("ref", sa.Uuid(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_work_tenant_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "kind", "ref", name=op.f("pk_work")),
        schema="souk",
    )
    op.create_index("ix_work_due", "work", ["due_at", "tenant_id"], unique=False, schema="souk")
    op.create_table(
        "team",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_team_tenant_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_team")),
        sa.UniqueConstraint("tenant_id", "name", name=op.f("uq_team_tenant_id_name")),
    )
    op.create_table(
        "tenant_host",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_tenant_host_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_tenant_host")),
        sa.UniqueConstraint("host", name=op.f("uq_tenant_host_host")),
    )
    op.create_table(
        "tenant_settings",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.Column("changed_by", sa.Uuid(), nullable=True),
        sa.Column("four_eyes", postgresql.JSONB(), nullable=False),
        sa.Column("severity_ref", postgresql.JSONB(), nullable=False),
        sa.Column("auto_approve", sa.Boolean(), nullable=False),
        sa.Column("listing_days", sa.Integer(), nullable=False),
        sa.Column("lead_days", sa.Integer(), nullable=False),
        sa.Column("offer_hours", sa.Integer(), nullable=False),
        sa.Column("max_offer_rounds", sa.Integer(), nullable=False),
        sa.Column("deal_payment_hours", sa.Integer(), nullable=False),
        sa.Column("inspection_hours", sa.Integer(), nullable=False),
        sa.Column("horizon_days", sa.Integer(), nullable=False),
        sa.Column("run_rate_days", sa.Integer(), nullable=False),
        sa.Column("cascade_bp", sa.Integer(), nullable=False),
        sa.Column("cure_hours", sa.Integer(), nullable=False),
        sa.Column("rebreach_days", sa.Integer(), nullable=False),
        sa.Column("failure_threshold_pct", sa.Integer(), nullable=False),
        sa.Column("failure_threshold_min", sa.Integer(), nullable=False),
        sa.Column("rollback_hours", sa.Integer(), nullable=False),
        sa.Column("preview_minutes", sa.Integer(), nullable=False),
        sa.Column("undo_seconds", sa.Integer(), nullable=False),
        sa.Column("reopen_days", sa.Integer(), nullable=False),
        sa.Column("reopen_cooldown_minutes", sa.Integer(), nullable=False),
        sa.Column("auto_close_hours", sa.Integer(), nullable=False),
        sa.Column("auto_resolve_days", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "undo_seconds >= 0 AND cure_hours > 0 AND preview_minutes > 0", name=op.f("ck_tenant_settings_positive")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_tenant_settings_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_tenant_settings")),
    )
    op.create_index(
        "uq_tenant_settings_current", "tenant_settings", ["tenant_id"], unique=True, postgresql_where=sa.text("current")
    )
    op.create_table(
        "competitor_snapshot",
        sa.Column("competitor_id", sa.Uuid(), nullable=False),
        sa.Column("sku_id", sa.Uuid(), nullable=False),
        sa.Column("captured_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(outcome = 'FOUND') = (price_minor IS NOT NULL)", name=op.f("ck_competitor_snapshot_found_has_price")
        ),
        sa.CheckConstraint(
            "outcome IN ('FOUND','INSUFFICIENT','ACCESS_LIMITED','PARSE_FAILED')",
            name=op.f("ck_competitor_snapshot_outcome_known"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "competitor_id"],
            ["competitor.tenant_id", "competitor.id"],
            name=op.f("fk_competitor_snapshot_tenant_id_competitor_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "sku_id"], ["sku.tenant_id", "sku.id"], name=op.f("fk_competitor_snapshot_tenant_id_sku_id")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_competitor_snapshot")),
        sa.UniqueConstraint(
            "tenant_id",
            "competitor_id",
            "sku_id",
            "captured_at",
            name=op.f("uq_competitor_snapshot_tenant_id_competitor_id_sku_id_captured_at"),
        ),
    )
    op.create_index(
        "ix_competitor_snapshot_latest",
        "competitor_snapshot",
        ["tenant_id", "competitor_id", "captured_at", "id"],
        unique=False,
    )
    op.create_table(
        "listing",
        sa.Column("dealer_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("status_before_suspension", sa.Text(), nullable=True),
        sa.Column("status_reason", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("price_minor", sa.BigInteger(), nullable=True),
        sa.Column("price_order", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("negotiable", sa.Boolean(), nullable=False),
        sa.Column("floor_minor", sa.BigInteger(), nullable=True),
        sa.Column("auto_accept_minor", sa.BigInteger(), nullable=True),
        sa.Column("auto_decline_minor", sa.BigInteger(), nullable=True),
        sa.Column("capacity", sa.Integer(), nullable=True),
        sa.Column("max_unlocks", sa.Integer(), nullable=False),
        sa.Column("visibility", sa.Text(), nullable=False),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("city_key", sa.Text(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("category_id", sa.Uuid(), nullable=True),
        sa.Column("sku_id", sa.Uuid(), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(status = 'SUSPENDED') = (status_before_suspension IS NOT NULL)",
            name=op.f("ck_listing_suspended_remembers"),
        ),
        sa.CheckConstraint("kind <> 'VEHICLE' OR capacity = 1", name=op.f("ck_listing_vehicle_is_one")),
        sa.CheckConstraint("kind IN ('VEHICLE','CASTING_CALL','PRODUCT')", name=op.f("ck_listing_kind_known")),
        sa.CheckConstraint(
            "status IN ('DRAFT','PENDING_REVIEW','ACTIVE','PAUSED','RESERVED','FULFILLED','EXPIRED','REJECTED','SUSPENDED','ARCHIVED')",
            name=op.f("ck_listing_status_known"),
        ),
        sa.CheckConstraint("visibility IN ('PUBLIC','PRIVATE')", name=op.f("ck_listing_visibility_known")),
        sa.CheckConstraint("auto_decline_minor < auto_accept_minor", name=op.f("ck_listing_decline_below_accept")),
        sa.CheckConstraint("capacity > 0", name=op.f("ck_listing_capacity_positive")),
        sa.CheckConstraint("floor_minor > 0", name=op.f("ck_listing_floor_positive")),
        sa.CheckConstraint("price_minor > 0", name=op.f("ck_listing_price_positive")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "category_id"],
            ["category.tenant_id", "category.id"],
            name=op.f("fk_listing_tenant_id_category_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "dealer_id"], ["dealer.tenant_id", "dealer.id"], name=op.f("fk_listing_tenant_id_dealer_id")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "sku_id"], ["sku.tenant_id", "sku.id"], name=op.f("fk_listing_tenant_id_sku_id")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_listing")),
    )
    op.create_index("ix_listing_category", "listing", ["tenant_id", "category_id", "created_at", "id"], unique=False)
    op.create_index("ix_listing_city", "listing", ["tenant_id", "city_key", "created_at", "id"], unique=False)
    op.create_index("ix_listing_dealer", "listing", ["tenant_id", "dealer_id", "created_at", "id"], unique=False)
    op.create_index("ix_listing_kind", "listing", ["tenant_id", "kind", "status", "created_at", "id"], unique=False)
    op.create_index("ix_listing_newest", "listing", ["tenant_id", "created_at", "id"], unique=False)
    op.create_index("ix_listing_price", "listing", ["tenant_id", "price_order", "id"], unique=False)
    op.create_index(
        "ix_listing_sku",
        "listing",
        ["tenant_id", "sku_id", "created_at", "id"],
        unique=False,
        postgresql_where=sa.text("sku_id IS NOT NULL"),
    )
    op.create_index("ix_listing_status", "listing", ["tenant_id", "status", "created_at", "id"], unique=False)
    op.create_index("ix_listing_title", "listing", ["tenant_id", "title", "id"], unique=False)
    op.create_index("ix_listing_updated", "listing", ["tenant_id", "updated_at", "id"], unique=False)
    op.create_table(
        "membership",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("dealer_id", sa.Uuid(), nullable=True),
        sa.Column("all_teams", sa.Boolean(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(role = 'DEALER') = (dealer_id IS NOT NULL)", name=op.f("ck_membership_dealer_has_dealer")),
        sa.CheckConstraint(
            "role IN ('OWNER','ADMIN','OPS','SALES','AGENT','VIEWER','DEALER','CUSTOMER')",
            name=op.f("ck_membership_role_known"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "dealer_id"],
            ["dealer.tenant_id", "dealer.id"],
            name=op.f("fk_membership_tenant_id_dealer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "user_id"],
            ["app_user.tenant_id", "app_user.id"],
            name=op.f("fk_membership_tenant_id_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_membership")),
        sa.UniqueConstraint(
            "tenant_id",
            "user_id",
            "role",
            "dealer_id",
            name=op.f("uq_membership_tenant_id_user_id_role_dealer_id"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index("ix_membership_dealer", "membership", ["tenant_id", "dealer_id", "user_id"], unique=False)
    op.create_table(
        "note",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("subject_type", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "subject_type IN ('ALERT','DEAL','DEALER','LEAD','LISTING','TASK','TICKET')",
            name=op.f("ck_note_subject_type_known"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "author_id"], ["app_user.tenant_id", "app_user.id"], name=op.f("fk_note_tenant_id_author_id")
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_note_tenant_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_note")),
    )
    op.create_index("ix_note_subject", "note", ["tenant_id", "subject_id", "created_at", "id"], unique=False)
    op.create_table(
        "price_policy",
        sa.Column("sku_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("head_version", sa.Integer(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("tolerance_bp", sa.Integer(), nullable=False),
        sa.Column("tolerance_minor", sa.BigInteger(), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_to", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('MAP','MRP_FLOOR','MRP_CEILING')", name=op.f("ck_price_policy_kind_known")),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_price_policy_amount_positive")),
        sa.CheckConstraint(
            "tolerance_bp BETWEEN 0 AND 10000 AND tolerance_minor >= 0", name=op.f("ck_price_policy_tolerance_possible")
        ),
        sa.CheckConstraint("valid_to > valid_from", name=op.f("ck_price_policy_window_in_order")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "sku_id"], ["sku.tenant_id", "sku.id"], name=op.f("fk_price_policy_tenant_id_sku_id")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_price_policy")),
    )
    op.create_index("ix_price_policy_kind", "price_policy", ["tenant_id", "kind", "created_at", "id"], unique=False)
    op.create_index("ix_price_policy_newest", "price_policy", ["tenant_id", "created_at", "id"], unique=False)
    op.create_index("ix_price_policy_sku", "price_policy", ["tenant_id", "sku_id", "created_at", "id"], unique=False)
    op.create_index("ix_price_policy_updated", "price_policy", ["tenant_id", "updated_at", "id"], unique=False)
    op.create_table(
        "service_token",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("dealer_id", sa.Uuid(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "dealer_id"],
            ["dealer.tenant_id", "dealer.id"],
            name=op.f("fk_service_token_tenant_id_dealer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_service_token_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_service_token")),
        sa.UniqueConstraint("hash", name=op.f("uq_service_token_hash")),
    )
    op.create_index("ix_service_token_newest", "service_token", ["tenant_id", "created_at", "id"], unique=False)
    op.create_table(
        "ticket",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("priority", sa.Text(), nullable=False),
        sa.Column("category_id", sa.Uuid(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body_markdown", sa.Text(), nullable=False),
        sa.Column("body_html", sa.Text(), nullable=False),
        sa.Column("subject_type", sa.Text(), nullable=True),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("requester_id", sa.Uuid(), nullable=False),
        sa.Column("requester_dealer_id", sa.Uuid(), nullable=True),
        sa.Column("assignee_id", sa.Uuid(), nullable=True),
        sa.Column("team_id", sa.Uuid(), nullable=True),
        sa.Column("reopen_count", sa.Integer(), nullable=False),
        sa.Column("resolution", sa.Text(), nullable=True),
        sa.Column("hold_reason", sa.Text(), nullable=True),
        sa.Column("resume_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("agent_replied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("requester_replied_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("follow_up_of_id", sa.Uuid(), nullable=True),
        sa.Column("duplicate_of_id", sa.Uuid(), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("priority IN ('LOW','NORMAL','HIGH','CRITICAL')", name=op.f("ck_ticket_priority_known")),
        sa.CheckConstraint(
            "status IN ('NEW','OPEN','WAITING_ON_REQUESTER','ON_HOLD','RESOLVED','CLOSED','CANCELLED')",
            name=op.f("ck_ticket_status_known"),
        ),
        sa.CheckConstraint(
            "subject_type IN ('ALERT','DEAL','DEALER','LEAD','LISTING','TASK','TICKET')",
            name=op.f("ck_ticket_subject_type_known"),
        ),
        sa.CheckConstraint("(subject_type IS NULL) = (subject_id IS NULL)", name=op.f("ck_ticket_subject_whole")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "assignee_id"],
            ["app_user.tenant_id", "app_user.id"],
            name=op.f("fk_ticket_tenant_id_assignee_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "category_id"],
            ["category.tenant_id", "category.id"],
            name=op.f("fk_ticket_tenant_id_category_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "duplicate_of_id"],
            ["ticket.tenant_id", "ticket.id"],
            name=op.f("fk_ticket_tenant_id_duplicate_of_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "follow_up_of_id"],
            ["ticket.tenant_id", "ticket.id"],
            name=op.f("fk_ticket_tenant_id_follow_up_of_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "requester_dealer_id"],
            ["dealer.tenant_id", "dealer.id"],
            name=op.f("fk_ticket_tenant_id_requester_dealer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "requester_id"],
            ["app_user.tenant_id", "app_user.id"],
            name=op.f("fk_ticket_tenant_id_requester_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "team_id"], ["team.tenant_id", "team.id"], name=op.f("fk_ticket_tenant_id_team_id")
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_ticket_tenant_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_ticket")),
        sa.UniqueConstraint("tenant_id", "number", name=op.f("uq_ticket_tenant_id_number")),
    )
    op.create_index("ix_ticket_assignee", "ticket", ["tenant_id", "assignee_id", "created_at", "id"], unique=False)
    op.create_index(
        "ix_ticket_dealer", "ticket", ["tenant_id", "requester_dealer_id", "created_at", "id"], unique=False
    )
    op.create_index("ix_ticket_newest", "ticket", ["tenant_id", "created_at", "id"], unique=False)
    op.create_index("ix_ticket_priority", "ticket", ["tenant_id", "priority", "created_at", "id"], unique=False)
    op.create_index("ix_ticket_requester", "ticket", ["tenant_id", "requester_id", "created_at", "id"], unique=False)
    op.create_index("ix_ticket_status", "ticket", ["tenant_id", "status", "created_at", "id"], unique=False)
    op.create_index("ix_ticket_subject", "ticket", ["tenant_id", "subject_id", "created_at", "id"], unique=False)
    op.create_index("ix_ticket_team", "ticket", ["tenant_id", "team_id", "created_at", "id"], unique=False)
    op.create_index("ix_ticket_updated", "ticket", ["tenant_id", "updated_at", "id"], unique=False)
    op.create_table(
        "upload",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("stored_as", sa.Text(), nullable=False),
        sa.Column("creator_id", sa.Uuid(), nullable=True),
        sa.Column("dealer_id", sa.Uuid(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("size >= 0", name=op.f("ck_upload_size_not_negative")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "creator_id"],
            ["app_user.tenant_id", "app_user.id"],
            name=op.f("fk_upload_tenant_id_creator_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "dealer_id"], ["dealer.tenant_id", "dealer.id"], name=op.f("fk_upload_tenant_id_dealer_id")
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_upload_tenant_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_upload")),
    )
    op.create_index("ix_upload_newest", "upload", ["tenant_id", "created_at", "id"], unique=False)
    op.create_table(
        "batch_preview",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("selection", postgresql.JSONB(), nullable=False),
        sa.Column("plan", postgresql.JSONB(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("actionable", sa.Integer(), nullable=False),
        sa.Column("impact", postgresql.JSONB(), nullable=False),
        sa.Column("warnings", postgresql.JSONB(), nullable=False),
        sa.Column("creator_id", sa.Uuid(), nullable=True),
        sa.Column("token_id", sa.Uuid(), nullable=True),
        sa.Column("dealer_id", sa.Uuid(), nullable=True),
        sa.Column("upload_id", sa.Uuid(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('IMPORT','ENFORCEMENT','TICKET_BULK','LISTING_BULK','EXPORT','REPORT','BROADCAST','DSR','CREDIT_GRANT')",
            name=op.f("ck_batch_preview_kind_known"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "creator_id"],
            ["app_user.tenant_id", "app_user.id"],
            name=op.f("fk_batch_preview_tenant_id_creator_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "dealer_id"],
            ["dealer.tenant_id", "dealer.id"],
            name=op.f("fk_batch_preview_tenant_id_dealer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "upload_id"],
            ["upload.tenant_id", "upload.id"],
            name=op.f("fk_batch_preview_tenant_id_upload_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_batch_preview_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_batch_preview")),
    )
    op.create_index("ix_batch_preview_newest", "batch_preview", ["tenant_id", "created_at", "id"], unique=False)
    op.create_table(
        "casting_detail",
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("age_from", sa.Integer(), nullable=True),
        sa.Column("age_to", sa.Integer(), nullable=True),
        sa.Column("shoot_start", sa.Date(), nullable=True),
        sa.Column("shoot_end", sa.Date(), nullable=True),
        sa.Column("fee_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("minors_allowed", sa.Boolean(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("age_to >= age_from", name=op.f("ck_casting_detail_ages_in_order")),
        sa.CheckConstraint("fee_minor > 0", name=op.f("ck_casting_detail_fee_positive")),
        sa.CheckConstraint("shoot_end >= shoot_start", name=op.f("ck_casting_detail_shoot_in_order")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "id"],
            ["listing.tenant_id", "listing.id"],
            name=op.f("fk_casting_detail_tenant_id_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_casting_detail")),
    )
    op.create_table(
        "lead",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("listing_id", sa.Uuid(), nullable=True),
        sa.Column("dealer_id", sa.Uuid(), nullable=True),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("assignee_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("distribution", sa.Text(), nullable=False),
        sa.Column("tier", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("contact_name_enc", sa.LargeBinary(), nullable=False),
        sa.Column("contact_phone_enc", sa.LargeBinary(), nullable=True),
        sa.Column("contact_email_enc", sa.LargeBinary(), nullable=True),
        sa.Column("message_enc", sa.LargeBinary(), nullable=True),
        sa.Column("phone_hash", sa.LargeBinary(), nullable=True),
        sa.Column("email_hash", sa.LargeBinary(), nullable=True),
        sa.Column("max_unlocks", sa.Integer(), nullable=False),
        sa.Column("unlock_count", sa.Integer(), nullable=False),
        sa.Column("unlock_cost", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lost_reason", sa.Text(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("distribution IN ('EXCLUSIVE','SHARED')", name=op.f("ck_lead_distribution_known")),
        sa.CheckConstraint(
            "lost_reason IN ('PRICE','NO_ANSWER','BOUGHT_ELSEWHERE','CHANGED_MIND','SPAM','DUPLICATE','OTHER')",
            name=op.f("ck_lead_lost_reason_known"),
        ),
        sa.CheckConstraint("source IN ('WEB','APP','PHONE','PARTNER')", name=op.f("ck_lead_source_known")),
        sa.CheckConstraint("status <> 'LOST' OR lost_reason IS NOT NULL", name=op.f("ck_lead_lost_has_reason")),
        sa.CheckConstraint(
            "status IN ('NEW','OPEN','CONTACTED','QUALIFIED','NEGOTIATING','WON','LOST','INVALID','EXPIRED','WITHDRAWN')",
            name=op.f("ck_lead_status_known"),
        ),
        sa.CheckConstraint("tier IN ('A','B','C')", name=op.f("ck_lead_tier_known")),
        sa.CheckConstraint("unlock_count BETWEEN 0 AND max_unlocks", name=op.f("ck_lead_unlocks_bounded")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "assignee_id"],
            ["app_user.tenant_id", "app_user.id"],
            name=op.f("fk_lead_tenant_id_assignee_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "dealer_id"], ["dealer.tenant_id", "dealer.id"], name=op.f("fk_lead_tenant_id_dealer_id")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "listing_id"], ["listing.tenant_id", "listing.id"], name=op.f("fk_lead_tenant_id_listing_id")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "user_id"], ["app_user.tenant_id", "app_user.id"], name=op.f("fk_lead_tenant_id_user_id")
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_lead_tenant_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_lead")),
    )
    op.create_index("ix_lead_assignee", "lead", ["tenant_id", "assignee_id", "created_at", "id"], unique=False)
    op.create_index("ix_lead_dealer", "lead", ["tenant_id", "dealer_id", "created_at", "id"], unique=False)
    op.create_index(
        "ix_lead_email",
        "lead",
        ["tenant_id", "email_hash"],
        unique=False,
        postgresql_where=sa.text("email_hash IS NOT NULL"),
    )
    op.create_index("ix_lead_listing", "lead", ["tenant_id", "listing_id", "created_at", "id"], unique=False)
    op.create_index("ix_lead_newest", "lead", ["tenant_id", "created_at", "id"], unique=False)
    op.create_index(
        "ix_lead_phone",
        "lead",
        ["tenant_id", "phone_hash"],
        unique=False,
        postgresql_where=sa.text("phone_hash IS NOT NULL"),
    )
    op.create_index("ix_lead_source", "lead", ["tenant_id", "source", "created_at", "id"], unique=False)
    op.create_index("ix_lead_status", "lead", ["tenant_id", "status", "created_at", "id"], unique=False)
    op.create_index("ix_lead_updated", "lead", ["tenant_id", "updated_at", "id"], unique=False)
    op.create_index("ix_lead_user", "lead", ["tenant_id", "user_id", "created_at", "id"], unique=False)
    op.create_table(
        "listing_audience",
        sa.Column("listing_id", sa.Uuid(), nullable=False),
        sa.Column("dealer_id", sa.Uuid(), nullable=True),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("num_nonnulls(dealer_id, user_id) = 1", name=op.f("ck_listing_audience_one_of_both")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "dealer_id"],
            ["dealer.tenant_id", "dealer.id"],
            name=op.f("fk_listing_audience_tenant_id_dealer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "listing_id"],
            ["listing.tenant_id", "listing.id"],
            name=op.f("fk_listing_audience_tenant_id_listing_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "user_id"],
            ["app_user.tenant_id", "app_user.id"],
            name=op.f("fk_listing_audience_tenant_id_user_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_listing_audience")),
        sa.UniqueConstraint(
            "tenant_id",
            "listing_id",
            "dealer_id",
            "user_id",
            name=op.f("uq_listing_audience_tenant_id_listing_id_dealer_id_user_id"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index(
        "ix_listing_audience_dealer", "listing_audience", ["tenant_id", "dealer_id", "listing_id"], unique=False
    )
    op.create_index(
        "ix_listing_audience_user", "listing_audience", ["tenant_id", "user_id", "listing_id"], unique=False
    )
    op.create_table(
        "membership_team",
        sa.Column("membership_id", sa.Uuid(), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "membership_id"],
            ["membership.tenant_id", "membership.id"],
            name=op.f("fk_membership_team_tenant_id_membership_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "team_id"],
            ["team.tenant_id", "team.id"],
            name=op.f("fk_membership_team_tenant_id_team_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_membership_team")),
        sa.UniqueConstraint(
            "tenant_id", "membership_id", "team_id", name=op.f("uq_membership_team_tenant_id_membership_id_team_id")
        ),
    )
    op.create_table(
        "offer",
        sa.Column("listing_id", sa.Uuid(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("proposer_user_id", sa.Uuid(), nullable=True),
        sa.Column("proposer_dealer_id", sa.Uuid(), nullable=True),
        sa.Column("owner_dealer_id", sa.Uuid(), nullable=False),
        sa.Column("head_party", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("proposer_amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("owner_amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("direction IN ('BUY','SUPPLY')", name=op.f("ck_offer_direction_known")),
        sa.CheckConstraint("head_party IN ('PROPOSER','OWNER')", name=op.f("ck_offer_head_party_known")),
        sa.CheckConstraint(
            "status IN ('PENDING','COUNTERED','ACCEPTED','REJECTED','WITHDRAWN','EXPIRED','SUPERSEDED')",
            name=op.f("ck_offer_status_known"),
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_offer_amount_positive")),
        sa.CheckConstraint(
            "num_nonnulls(proposer_user_id, proposer_dealer_id) >= 1", name=op.f("ck_offer_has_proposer")
        ),
        sa.CheckConstraint("proposer_dealer_id <> owner_dealer_id", name=op.f("ck_offer_not_with_oneself")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "listing_id"], ["listing.tenant_id", "listing.id"], name=op.f("fk_offer_tenant_id_listing_id")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "owner_dealer_id"],
            ["dealer.tenant_id", "dealer.id"],
            name=op.f("fk_offer_tenant_id_owner_dealer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "proposer_dealer_id"],
            ["dealer.tenant_id", "dealer.id"],
            name=op.f("fk_offer_tenant_id_proposer_dealer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "proposer_user_id"],
            ["app_user.tenant_id", "app_user.id"],
            name=op.f("fk_offer_tenant_id_proposer_user_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_offer")),
    )
    op.create_index("ix_offer_amount", "offer", ["tenant_id", "amount_minor", "id"], unique=False)
    op.create_index("ix_offer_direction", "offer", ["tenant_id", "direction", "created_at", "id"], unique=False)
    op.create_index("ix_offer_highest", "offer", ["tenant_id", "listing_id", "amount_minor", "id"], unique=False)
    op.create_index("ix_offer_listing", "offer", ["tenant_id", "listing_id", "created_at", "id"], unique=False)
    op.create_index("ix_offer_newest", "offer", ["tenant_id", "created_at", "id"], unique=False)
    op.create_index("ix_offer_owner", "offer", ["tenant_id", "owner_dealer_id", "created_at", "id"], unique=False)
    op.create_index("ix_offer_proposer", "offer", ["tenant_id", "proposer_user_id", "created_at", "id"], unique=False)
    op.create_index(
        "ix_offer_proposer_dealer", "offer", ["tenant_id", "proposer_dealer_id", "created_at", "id"], unique=False
    )
    op.create_index("ix_offer_status", "offer", ["tenant_id", "status", "created_at", "id"], unique=False)
    op.create_index("ix_offer_updated", "offer", ["tenant_id", "updated_at", "id"], unique=False)
    op.create_index(
        "uq_offer_open",
        "offer",
        ["tenant_id", "listing_id", "proposer_user_id", "proposer_dealer_id"],
        unique=True,
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("status IN ('PENDING','COUNTERED')"),
    )
    op.create_table(
        "price_exception",
        sa.Column("policy_id", sa.Uuid(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("every_dealer", sa.Boolean(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_price_exception_amount_positive")),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_price_exception_window_in_order")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "policy_id"],
            ["price_policy.tenant_id", "price_policy.id"],
            name=op.f("fk_price_exception_tenant_id_policy_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_price_exception")),
    )
    op.create_index(
        "ix_price_exception_policy", "price_exception", ["tenant_id", "policy_id", "starts_at", "id"], unique=False
    )
    op.create_table(
        "price_policy_version",
        sa.Column("policy_id", sa.Uuid(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("tolerance_bp", sa.Integer(), nullable=False),
        sa.Column("tolerance_minor", sa.BigInteger(), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_to", sa.DateTime(timezone=True), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_price_policy_version_amount_positive")),
        sa.CheckConstraint("valid_to > valid_from", name=op.f("ck_price_policy_version_window_in_order")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "policy_id"],
            ["price_policy.tenant_id", "price_policy.id"],
            name=op.f("fk_price_policy_version_tenant_id_policy_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "recorded_by"],
            ["app_user.tenant_id", "app_user.id"],
            name=op.f("fk_price_policy_version_tenant_id_recorded_by"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_price_policy_version")),
        sa.UniqueConstraint("tenant_id", "policy_id", "n", name=op.f("uq_price_policy_version_tenant_id_policy_id_n")),
    )
    op.create_table(
        "product_detail",
        sa.Column("availability", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=True),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "availability IN ('IN_STOCK','OUT_OF_STOCK','PREORDER')", name=op.f("ck_product_detail_availability_known")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "id"],
            ["listing.tenant_id", "listing.id"],
            name=op.f("fk_product_detail_tenant_id_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_product_detail")),
    )
    op.create_table(
        "session",
        sa.Column("membership_id", sa.Uuid(), nullable=False),
        sa.Column("carrier", sa.Text(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("impersonator_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(carrier = 'IMPERSONATION') = (reason IS NOT NULL)", name=op.f("ck_session_impersonation_has_reason")
        ),
        sa.CheckConstraint("carrier IN ('COOKIE','BEARER','IMPERSONATION')", name=op.f("ck_session_carrier_known")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "membership_id"],
            ["membership.tenant_id", "membership.id"],
            name=op.f("fk_session_tenant_id_membership_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_session")),
        sa.UniqueConstraint("hash", name=op.f("uq_session_hash")),
    )
    op.create_index("ix_session_membership", "session", ["tenant_id", "membership_id"], unique=False)
    op.create_table(
        "ticket_cc",
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "ticket_id"],
            ["ticket.tenant_id", "ticket.id"],
            name=op.f("fk_ticket_cc_tenant_id_ticket_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "user_id"], ["app_user.tenant_id", "app_user.id"], name=op.f("fk_ticket_cc_tenant_id_user_id")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_ticket_cc")),
        sa.UniqueConstraint("tenant_id", "ticket_id", "user_id", name=op.f("uq_ticket_cc_tenant_id_ticket_id_user_id")),
    )
    op.create_index("ix_ticket_cc_user", "ticket_cc", ["tenant_id", "user_id", "ticket_id"], unique=False)
    op.create_table(
        "ticket_comment",
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=True),
        sa.Column("visibility", sa.Text(), nullable=False),
        sa.Column("by_requester", sa.Boolean(), nullable=False),
        sa.Column("body_markdown", sa.Text(), nullable=False),
        sa.Column("body_html", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("visibility IN ('PUBLIC','INTERNAL')", name=op.f("ck_ticket_comment_visibility_known")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "author_id"],
            ["app_user.tenant_id", "app_user.id"],
            name=op.f("fk_ticket_comment_tenant_id_author_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "ticket_id"],
            ["ticket.tenant_id", "ticket.id"],
            name=op.f("fk_ticket_comment_tenant_id_ticket_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_ticket_comment")),
    )
    op.create_index(
        "ix_ticket_comment_ticket", "ticket_comment", ["tenant_id", "ticket_id", "created_at", "id"], unique=False
    )
    op.create_table(
        "vehicle_detail",
        sa.Column("make", sa.Text(), nullable=True),
        sa.Column("make_key", sa.Text(), nullable=True),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("year", sa.Integer(), nullable=True),
        sa.Column("km", sa.Integer(), nullable=True),
        sa.Column("fuel", sa.Text(), nullable=True),
        sa.Column("owners", sa.Integer(), nullable=True),
        sa.Column("power_bhp_tenths", sa.Integer(), nullable=True),
        sa.Column("mileage_kmpl_tenths", sa.Integer(), nullable=True),
        sa.Column("registration_number_enc", sa.LargeBinary(), nullable=True),
        sa.Column("registration_hash", sa.LargeBinary(), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "fuel IN ('PETROL','DIESEL','ELECTRIC','CNG','HYBRID')", name=op.f("ck_vehicle_detail_fuel_known")
        ),
        sa.CheckConstraint("km >= 0", name=op.f("ck_vehicle_detail_km_not_negative")),
        sa.CheckConstraint("mileage_kmpl_tenths > 0", name=op.f("ck_vehicle_detail_mileage_positive")),
        sa.CheckConstraint("power_bhp_tenths > 0", name=op.f("ck_vehicle_detail_power_positive")),
        sa.CheckConstraint("year BETWEEN 1900 AND 2200", name=op.f("ck_vehicle_detail_year_possible")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "id"],
            ["listing.tenant_id", "listing.id"],
            name=op.f("fk_vehicle_detail_tenant_id_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_vehicle_detail")),
    )
    op.create_index("ix_vehicle_detail_model", "vehicle_detail", ["tenant_id", "make_key", "model", "id"], unique=False)
    op.create_index("ix_vehicle_detail_year", "vehicle_detail", ["tenant_id", "year", "id"], unique=False)
    op.create_table(
        "alert",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("dismiss_reason", sa.Text(), nullable=True),
        sa.Column("dismissed_price_minor", sa.BigInteger(), nullable=True),
        sa.Column("resolution", sa.Text(), nullable=True),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("score_tenths", sa.Integer(), nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("dealer_id", sa.Uuid(), nullable=True),
        sa.Column("competitor_id", sa.Uuid(), nullable=True),
        sa.Column("sku_id", sa.Uuid(), nullable=False),
        sa.Column("listing_id", sa.Uuid(), nullable=True),
        sa.Column("policy_version_id", sa.Uuid(), nullable=True),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("policy_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("impact", postgresql.JSONB(), nullable=False),
        sa.Column("impact_minor", sa.BigInteger(), nullable=False),
        sa.Column("evidence_head", sa.LargeBinary(), nullable=True),
        sa.Column("notice_sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cure_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("snoozed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dismissed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "dismiss_reason IN ('FALSE_POSITIVE','EXCEPTION_WINDOW','WRONG_SKU','DUPLICATE')",
            name=op.f("ck_alert_dismiss_reason_known"),
        ),
        sa.CheckConstraint(
            "kind IN ('MAP_BREACH','MRP_FLOOR_BREACH','MRP_CEILING_BREACH','COMPETITOR_UNDERCUT','DEAD_STOCK')",
            name=op.f("ck_alert_kind_known"),
        ),
        sa.CheckConstraint("severity IN ('LOW','MEDIUM','HIGH','CRITICAL')", name=op.f("ck_alert_severity_known")),
        sa.CheckConstraint(
            "status IN ('OPEN','ACKNOWLEDGED','INVESTIGATING','ENFORCING','AWAITING_CURE','RESOLVED','DISMISSED','SNOOZED')",
            name=op.f("ck_alert_status_known"),
        ),
        sa.CheckConstraint("cycle > 0", name=op.f("ck_alert_cycle_positive")),
        sa.CheckConstraint("score_tenths BETWEEN 0 AND 1000", name=op.f("ck_alert_score_bounded")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "competitor_id"],
            ["competitor.tenant_id", "competitor.id"],
            name=op.f("fk_alert_tenant_id_competitor_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "dealer_id"], ["dealer.tenant_id", "dealer.id"], name=op.f("fk_alert_tenant_id_dealer_id")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "listing_id"], ["listing.tenant_id", "listing.id"], name=op.f("fk_alert_tenant_id_listing_id")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "policy_version_id"],
            ["price_policy_version.tenant_id", "price_policy_version.id"],
            name=op.f("fk_alert_tenant_id_policy_version_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "sku_id"], ["sku.tenant_id", "sku.id"], name=op.f("fk_alert_tenant_id_sku_id")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_alert")),
    )
    op.create_index("ix_alert_dealer", "alert", ["tenant_id", "dealer_id", "first_seen_at", "id"], unique=False)
    op.create_index("ix_alert_kind", "alert", ["tenant_id", "kind", "first_seen_at", "id"], unique=False)
    op.create_index("ix_alert_newest", "alert", ["tenant_id", "first_seen_at", "id"], unique=False)
    op.create_index("ix_alert_score", "alert", ["tenant_id", "score_tenths", "id"], unique=False)
    op.create_index("ix_alert_severity", "alert", ["tenant_id", "severity", "first_seen_at", "id"], unique=False)
    op.create_index("ix_alert_sku", "alert", ["tenant_id", "sku_id", "first_seen_at", "id"], unique=False)
    op.create_index("ix_alert_status", "alert", ["tenant_id", "status", "first_seen_at", "id"], unique=False)
    op.create_index("ix_alert_updated", "alert", ["tenant_id", "updated_at", "id"], unique=False)
    op.create_index(
        "uq_alert_live",
        "alert",
        ["tenant_id", "dealer_id", "competitor_id", "sku_id", "kind"],
        unique=True,
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("status NOT IN ('RESOLVED','DISMISSED')"),
    )
    op.create_table(
        "batch",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("status_reason", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("preview_id", sa.Uuid(), nullable=True),
        sa.Column("preview_hash", sa.LargeBinary(), nullable=True),
        sa.Column("selection", postgresql.JSONB(), nullable=False),
        sa.Column("plan", postgresql.JSONB(), nullable=False),
        sa.Column("creator_id", sa.Uuid(), nullable=True),
        sa.Column("token_id", sa.Uuid(), nullable=True),
        sa.Column("starter_id", sa.Uuid(), nullable=True),
        sa.Column("approver_id", sa.Uuid(), nullable=True),
        sa.Column("dealer_id", sa.Uuid(), nullable=True),
        sa.Column("upload_id", sa.Uuid(), nullable=True),
        sa.Column("allow_drift", sa.Text(), nullable=False),
        sa.Column("pace", sa.Integer(), nullable=True),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("pending", sa.Integer(), nullable=False),
        sa.Column("running", sa.Integer(), nullable=False),
        sa.Column("waiting", sa.Integer(), nullable=False),
        sa.Column("succeeded", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("dead", sa.Integer(), nullable=False),
        sa.Column("skipped", sa.Integer(), nullable=False),
        sa.Column("cancelled", sa.Integer(), nullable=False),
        sa.Column("compensated", sa.Integer(), nullable=False),
        sa.Column("impact", postgresql.JSONB(), nullable=False),
        sa.Column("report", postgresql.JSONB(), nullable=True),
        sa.Column("cursor", postgresql.JSONB(), nullable=True),
        sa.Column("seq_head", sa.BigInteger(), nullable=False),
        sa.Column("log_head", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('IMPORT','ENFORCEMENT','TICKET_BULK','LISTING_BULK','EXPORT','REPORT','BROADCAST','DSR','CREDIT_GRANT')",
            name=op.f("ck_batch_kind_known"),
        ),
        sa.CheckConstraint(
            "status IN ('PENDING_APPROVAL','READY','RUNNING','PAUSED','CANCELLING','CANCELLED','COMPLETED','COMPLETED_WITH_ERRORS','FAILED','ROLLING_BACK','ROLLED_BACK')",
            name=op.f("ck_batch_status_known"),
        ),
        sa.CheckConstraint("approver_id <> creator_id", name=op.f("ck_batch_two_people")),
        sa.CheckConstraint("pace > 0", name=op.f("ck_batch_pace_positive")),
        sa.CheckConstraint(
            "pending >= 0 AND running >= 0 AND waiting >= 0 AND succeeded >= 0 AND failed >= 0 AND dead >= 0 AND skipped >= 0 AND cancelled >= 0 AND compensated >= 0",
            name=op.f("ck_batch_counts_not_negative"),
        ),
        sa.CheckConstraint(
            "total = pending + running + waiting + succeeded + failed + dead + skipped + cancelled + compensated",
            name=op.f("ck_batch_counts_add_up"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "approver_id"],
            ["app_user.tenant_id", "app_user.id"],
            name=op.f("fk_batch_tenant_id_approver_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "creator_id"],
            ["app_user.tenant_id", "app_user.id"],
            name=op.f("fk_batch_tenant_id_creator_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "dealer_id"], ["dealer.tenant_id", "dealer.id"], name=op.f("fk_batch_tenant_id_dealer_id")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "preview_id"],
            ["batch_preview.tenant_id", "batch_preview.id"],
            name=op.f("fk_batch_tenant_id_preview_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "starter_id"],
            ["app_user.tenant_id", "app_user.id"],
            name=op.f("fk_batch_tenant_id_starter_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "upload_id"], ["upload.tenant_id", "upload.id"], name=op.f("fk_batch_tenant_id_upload_id")
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_batch_tenant_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_batch")),
    )
    op.create_index("ix_batch_creator", "batch", ["tenant_id", "creator_id", "created_at", "id"], unique=False)
    op.create_index("ix_batch_kind", "batch", ["tenant_id", "kind", "created_at", "id"], unique=False)
    op.create_index("ix_batch_newest", "batch", ["tenant_id", "created_at", "id"], unique=False)
    op.create_index("ix_batch_status", "batch", ["tenant_id", "status", "created_at", "id"], unique=False)
    op.create_index("ix_batch_updated", "batch", ["tenant_id", "updated_at", "id"], unique=False)
    op.create_table(
        "batch_preview_item",
        sa.Column("preview_id", sa.Uuid(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("target_type", sa.Text(), nullable=False),
        sa.Column("target_id", sa.Uuid(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("permitted", sa.Boolean(), nullable=False),
        sa.Column("state", postgresql.JSONB(), nullable=False),
        sa.Column("warnings", postgresql.JSONB(), nullable=False),
        sa.Column("impact", postgresql.JSONB(), nullable=False),
        sa.Column("payload", postgresql.JSONB(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "action IN ('IMPORT_ROW','SEND_WARNING','SUSPEND_LISTING')", name=op.f("ck_batch_preview_item_action_known")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "preview_id"],
            ["batch_preview.tenant_id", "batch_preview.id"],
            name=op.f("fk_batch_preview_item_tenant_id_preview_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_batch_preview_item")),
        sa.UniqueConstraint("tenant_id", "preview_id", "n", name=op.f("uq_batch_preview_item_tenant_id_preview_id_n")),
    )
    op.create_table(
        "deal",
        sa.Column("listing_id", sa.Uuid(), nullable=False),
        sa.Column("offer_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("settlement", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("exclusive", sa.Boolean(), nullable=False),
        sa.Column("payer_user_id", sa.Uuid(), nullable=True),
        sa.Column("payer_dealer_id", sa.Uuid(), nullable=True),
        sa.Column("payee_user_id", sa.Uuid(), nullable=True),
        sa.Column("payee_dealer_id", sa.Uuid(), nullable=True),
        sa.Column("net_minor", sa.BigInteger(), nullable=False),
        sa.Column("vat_minor", sa.BigInteger(), nullable=False),
        sa.Column("gross_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("payment_due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('SALE','BOOKING','AFFILIATE')", name=op.f("ck_deal_kind_known")),
        sa.CheckConstraint("settlement IN ('ESCROW','OFFLINE')", name=op.f("ck_deal_settlement_known")),
        sa.CheckConstraint(
            "status IN ('AWAITING_PAYMENT','FUNDED','IN_PROGRESS','DELIVERED','COMPLETED','DISPUTED','CANCELLED','REFUNDED','SETTLED_SPLIT')",
            name=op.f("ck_deal_status_known"),
        ),
        sa.CheckConstraint("gross_minor = net_minor + vat_minor", name=op.f("ck_deal_gross_adds_up")),
        sa.CheckConstraint("gross_minor > 0 AND vat_minor >= 0", name=op.f("ck_deal_amounts_possible")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "listing_id"], ["listing.tenant_id", "listing.id"], name=op.f("fk_deal_tenant_id_listing_id")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "offer_id"], ["offer.tenant_id", "offer.id"], name=op.f("fk_deal_tenant_id_offer_id")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "payee_dealer_id"],
            ["dealer.tenant_id", "dealer.id"],
            name=op.f("fk_deal_tenant_id_payee_dealer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "payee_user_id"],
            ["app_user.tenant_id", "app_user.id"],
            name=op.f("fk_deal_tenant_id_payee_user_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "payer_dealer_id"],
            ["dealer.tenant_id", "dealer.id"],
            name=op.f("fk_deal_tenant_id_payer_dealer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "payer_user_id"],
            ["app_user.tenant_id", "app_user.id"],
            name=op.f("fk_deal_tenant_id_payer_user_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_deal")),
        sa.UniqueConstraint("tenant_id", "offer_id", name=op.f("uq_deal_tenant_id_offer_id")),
    )
    op.create_index("ix_deal_kind", "deal", ["tenant_id", "kind", "created_at", "id"], unique=False)
    op.create_index("ix_deal_listing", "deal", ["tenant_id", "listing_id", "created_at", "id"], unique=False)
    op.create_index("ix_deal_newest", "deal", ["tenant_id", "created_at", "id"], unique=False)
    op.create_index("ix_deal_payee", "deal", ["tenant_id", "payee_dealer_id", "created_at", "id"], unique=False)
    op.create_index("ix_deal_payee_user", "deal", ["tenant_id", "payee_user_id", "created_at", "id"], unique=False)
    op.create_index("ix_deal_payer", "deal", ["tenant_id", "payer_user_id", "created_at", "id"], unique=False)
    op.create_index("ix_deal_payer_dealer", "deal", ["tenant_id", "payer_dealer_id", "created_at", "id"], unique=False)
    op.create_index("ix_deal_status", "deal", ["tenant_id", "status", "created_at", "id"], unique=False)
    op.create_index("ix_deal_updated", "deal", ["tenant_id", "updated_at", "id"], unique=False)
    op.create_index(
        "uq_deal_open_vehicle",
        "deal",
        ["tenant_id", "listing_id"],
        unique=True,
        postgresql_where=sa.text("exclusive AND status NOT IN ('CANCELLED','REFUNDED')"),
    )
    op.create_table(
        "lead_unlock",
        sa.Column("lead_id", sa.Uuid(), nullable=False),
        sa.Column("dealer_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("price_credits", sa.Integer(), nullable=False),
        sa.Column("lost_reason", sa.Text(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "lost_reason IN ('PRICE','NO_ANSWER','BOUGHT_ELSEWHERE','CHANGED_MIND','SPAM','DUPLICATE','OTHER')",
            name=op.f("ck_lead_unlock_lost_reason_known"),
        ),
        sa.CheckConstraint(
            "status IN ('OPEN','CONTACTED','QUALIFIED','NEGOTIATING','WON','LOST','REFUNDED')",
            name=op.f("ck_lead_unlock_status_known"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "dealer_id"],
            ["dealer.tenant_id", "dealer.id"],
            name=op.f("fk_lead_unlock_tenant_id_dealer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "lead_id"], ["lead.tenant_id", "lead.id"], name=op.f("fk_lead_unlock_tenant_id_lead_id")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_lead_unlock")),
        sa.UniqueConstraint(
            "tenant_id", "lead_id", "dealer_id", name=op.f("uq_lead_unlock_tenant_id_lead_id_dealer_id")
        ),
    )
    op.create_index(
        "ix_lead_unlock_dealer", "lead_unlock", ["tenant_id", "dealer_id", "created_at", "id"], unique=False
    )
    op.create_table(
        "offer_revision",
        sa.Column("offer_id", sa.Uuid(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("by_party", sa.Text(), nullable=False),
        sa.Column("by_user_id", sa.Uuid(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("by_party IN ('PROPOSER','OWNER')", name=op.f("ck_offer_revision_by_party_known")),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_offer_revision_amount_positive")),
        sa.CheckConstraint("n > 0", name=op.f("ck_offer_revision_n_positive")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "by_user_id"],
            ["app_user.tenant_id", "app_user.id"],
            name=op.f("fk_offer_revision_tenant_id_by_user_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "offer_id"],
            ["offer.tenant_id", "offer.id"],
            name=op.f("fk_offer_revision_tenant_id_offer_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_offer_revision")),
        sa.UniqueConstraint("tenant_id", "offer_id", "n", name=op.f("uq_offer_revision_tenant_id_offer_id_n")),
    )
    op.create_table(
        "price_exception_dealer",
        sa.Column("exception_id", sa.Uuid(), nullable=False),
        sa.Column("dealer_id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "dealer_id"],
            ["dealer.tenant_id", "dealer.id"],
            name=op.f("fk_price_exception_dealer_tenant_id_dealer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "exception_id"],
            ["price_exception.tenant_id", "price_exception.id"],
            name=op.f("fk_price_exception_dealer_tenant_id_exception_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_price_exception_dealer")),
        sa.UniqueConstraint(
            "tenant_id",
            "exception_id",
            "dealer_id",
            name=op.f("uq_price_exception_dealer_tenant_id_exception_id_dealer_id"),
        ),
    )
    op.create_table(
        "batch_event",
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("from_status", sa.Text(), nullable=True),
        sa.Column("to_status", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("items", postgresql.JSONB(), nullable=True),
        sa.Column("lines", postgresql.JSONB(), nullable=True),
        sa.Column("impact", postgresql.JSONB(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("pending", sa.Integer(), nullable=False),
        sa.Column("running", sa.Integer(), nullable=False),
        sa.Column("waiting", sa.Integer(), nullable=False),
        sa.Column("succeeded", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("dead", sa.Integer(), nullable=False),
        sa.Column("skipped", sa.Integer(), nullable=False),
        sa.Column("cancelled", sa.Integer(), nullable=False),
        sa.Column("compensated", sa.Integer(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('STATE','ITEMS','LOG')", name=op.f("ck_batch_event_kind_known")),
        sa.CheckConstraint("seq > 0", name=op.f("ck_batch_event_seq_positive")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "batch_id"],
            ["batch.tenant_id", "batch.id"],
            name=op.f("fk_batch_event_tenant_id_batch_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_batch_event")),
        sa.UniqueConstraint("tenant_id", "batch_id", "seq", name=op.f("uq_batch_event_tenant_id_batch_id_seq")),
    )
    op.create_table(
        "batch_item",
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("target_type", sa.Text(), nullable=False),
        sa.Column("target_id", sa.Uuid(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSONB(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("before", postgresql.JSONB(), nullable=True),
        sa.Column("after", postgresql.JSONB(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("warnings", postgresql.JSONB(), nullable=False),
        sa.Column("impact_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "action IN ('IMPORT_ROW','SEND_WARNING','SUSPEND_LISTING')", name=op.f("ck_batch_item_action_known")
        ),
        sa.CheckConstraint(
            "status IN ('PENDING','RUNNING','SUCCEEDED','RETRY_WAIT','FAILED','DEAD','SKIPPED','CANCELLED','COMPENSATED','COMPENSATION_FAILED')",
            name=op.f("ck_batch_item_status_known"),
        ),
        sa.CheckConstraint("attempt BETWEEN 0 AND 1000", name=op.f("ck_batch_item_attempt_bounded")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "batch_id"],
            ["batch.tenant_id", "batch.id"],
            name=op.f("fk_batch_item_tenant_id_batch_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_batch_item")),
        sa.UniqueConstraint("tenant_id", "batch_id", "n", name=op.f("uq_batch_item_tenant_id_batch_id_n")),
    )
    op.create_index("ix_batch_item_status", "batch_item", ["tenant_id", "batch_id", "status", "n"], unique=False)
    op.create_index(
        "ix_batch_item_target",
        "batch_item",
        ["tenant_id", "target_id"],
        unique=False,
        postgresql_where=sa.text("target_id IS NOT NULL"),
    )
    op.create_table(
        "batch_log",
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("level IN ('INFO','WARNING','ERROR')", name=op.f("ck_batch_log_level_known")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "batch_id"],
            ["batch.tenant_id", "batch.id"],
            name=op.f("fk_batch_log_tenant_id_batch_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_batch_log")),
        sa.UniqueConstraint("tenant_id", "batch_id", "n", name=op.f("uq_batch_log_tenant_id_batch_id_n")),
    )
    op.create_table(
        "evidence_sale_row",
        sa.Column("alert_id", sa.Uuid(), nullable=False),
        sa.Column("dealer_id", sa.Uuid(), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("unit_price_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("external_ref", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("source IN ('LISTING','UPLOAD','FEED')", name=op.f("ck_evidence_sale_row_source_known")),
        sa.CheckConstraint("units > 0", name=op.f("ck_evidence_sale_row_units_positive")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "alert_id"],
            ["alert.tenant_id", "alert.id"],
            name=op.f("fk_evidence_sale_row_tenant_id_alert_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "dealer_id"],
            ["dealer.tenant_id", "dealer.id"],
            name=op.f("fk_evidence_sale_row_tenant_id_dealer_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_evidence_sale_row")),
        sa.UniqueConstraint(
            "tenant_id", "alert_id", "external_ref", name=op.f("uq_evidence_sale_row_tenant_id_alert_id_external_ref")
        ),
    )
    op.create_index(
        "ix_evidence_sale_row_alert", "evidence_sale_row", ["tenant_id", "alert_id", "occurred_at", "id"], unique=False
    )
    op.create_table(
        "evidence_snapshot",
        sa.Column("alert_id", sa.Uuid(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("captured_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("listing_id", sa.Uuid(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("prev_hash", sa.LargeBinary(), nullable=True),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(outcome = 'FOUND') = (price_minor IS NOT NULL)", name=op.f("ck_evidence_snapshot_found_has_price")
        ),
        sa.CheckConstraint(
            "outcome IN ('FOUND','INSUFFICIENT','ACCESS_LIMITED','PARSE_FAILED')",
            name=op.f("ck_evidence_snapshot_outcome_known"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "alert_id"],
            ["alert.tenant_id", "alert.id"],
            name=op.f("fk_evidence_snapshot_tenant_id_alert_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "listing_id"],
            ["listing.tenant_id", "listing.id"],
            name=op.f("fk_evidence_snapshot_tenant_id_listing_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_evidence_snapshot")),
        sa.UniqueConstraint("tenant_id", "alert_id", "n", name=op.f("uq_evidence_snapshot_tenant_id_alert_id_n")),
    )
    op.create_index(
        "ix_evidence_snapshot_alert", "evidence_snapshot", ["tenant_id", "alert_id", "captured_at", "id"], unique=False
    )
    op.create_table(
        "task",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_order", sa.DateTime(timezone=True), nullable=False),
        sa.Column("assignee_id", sa.Uuid(), nullable=True),
        sa.Column("alert_id", sa.Uuid(), nullable=True),
        sa.Column("batch_id", sa.Uuid(), nullable=True),
        sa.Column("ticket_id", sa.Uuid(), nullable=True),
        sa.Column("lead_id", sa.Uuid(), nullable=True),
        sa.Column("dealer_id", sa.Uuid(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(status = 'DONE') = (outcome IS NOT NULL)", name=op.f("ck_task_done_has_outcome")),
        sa.CheckConstraint("kind IN ('FOLLOW_UP','REVIEW','ENFORCE','VERIFY')", name=op.f("ck_task_kind_known")),
        sa.CheckConstraint(
            "outcome IN ('PRICE_FIXED','PROMISED','REFUSED','NO_CONTACT','WRONG_DATA')",
            name=op.f("ck_task_outcome_known"),
        ),
        sa.CheckConstraint(
            "status IN ('TODO','IN_PROGRESS','BLOCKED','DONE','CANCELLED')", name=op.f("ck_task_status_known")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "alert_id"], ["alert.tenant_id", "alert.id"], name=op.f("fk_task_tenant_id_alert_id")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "assignee_id"],
            ["app_user.tenant_id", "app_user.id"],
            name=op.f("fk_task_tenant_id_assignee_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "batch_id"], ["batch.tenant_id", "batch.id"], name=op.f("fk_task_tenant_id_batch_id")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "dealer_id"], ["dealer.tenant_id", "dealer.id"], name=op.f("fk_task_tenant_id_dealer_id")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "lead_id"], ["lead.tenant_id", "lead.id"], name=op.f("fk_task_tenant_id_lead_id")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "ticket_id"], ["ticket.tenant_id", "ticket.id"], name=op.f("fk_task_tenant_id_ticket_id")
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_task_tenant_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_task")),
    )
    op.create_index("ix_task_alert", "task", ["tenant_id", "alert_id", "created_at", "id"], unique=False)
    op.create_index("ix_task_assignee", "task", ["tenant_id", "assignee_id", "created_at", "id"], unique=False)
    op.create_index("ix_task_batch", "task", ["tenant_id", "batch_id", "created_at", "id"], unique=False)
    op.create_index("ix_task_dealer", "task", ["tenant_id", "dealer_id", "created_at", "id"], unique=False)
    op.create_index("ix_task_due", "task", ["tenant_id", "due_order", "id"], unique=False)
    op.create_index("ix_task_lead", "task", ["tenant_id", "lead_id", "created_at", "id"], unique=False)
    op.create_index("ix_task_newest", "task", ["tenant_id", "created_at", "id"], unique=False)
    op.create_index("ix_task_status", "task", ["tenant_id", "status", "created_at", "id"], unique=False)
    op.create_index("ix_task_ticket", "task", ["tenant_id", "ticket_id", "created_at", "id"], unique=False)
    op.create_index("ix_task_updated", "task", ["tenant_id", "updated_at", "id"], unique=False)
    op.create_table(
        "batch_item_attempt",
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("result", postgresql.JSONB(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status IN ('PENDING','RUNNING','SUCCEEDED','RETRY_WAIT','FAILED','DEAD','SKIPPED','CANCELLED','COMPENSATED','COMPENSATION_FAILED')",
            name=op.f("ck_batch_item_attempt_status_known"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "item_id"],
            ["batch_item.tenant_id", "batch_item.id"],
            name=op.f("fk_batch_item_attempt_tenant_id_item_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_batch_item_attempt")),
        sa.UniqueConstraint("tenant_id", "item_id", "n", name=op.f("uq_batch_item_attempt_tenant_id_item_id_n")),
    )


def downgrade() -> None:
    op.drop_table("batch_item_attempt")
    op.drop_index("ix_task_updated", table_name="task")
    op.drop_index("ix_task_ticket", table_name="task")
    op.drop_index("ix_task_status", table_name="task")
    op.drop_index("ix_task_newest", table_name="task")
    op.drop_index("ix_task_lead", table_name="task")
    op.drop_index("ix_task_due", table_name="task")
    op.drop_index("ix_task_dealer", table_name="task")
    op.drop_index("ix_task_batch", table_name="task")
    op.drop_index("ix_task_assignee", table_name="task")
    op.drop_index("ix_task_alert", table_name="task")
    op.drop_table("task")
    op.drop_index("ix_evidence_snapshot_alert", table_name="evidence_snapshot")
    op.drop_table("evidence_snapshot")
    op.drop_index("ix_evidence_sale_row_alert", table_name="evidence_sale_row")
    op.drop_table("evidence_sale_row")
    op.drop_table("batch_log")
    op.drop_index("ix_batch_item_target", table_name="batch_item", postgresql_where=sa.text("target_id IS NOT NULL"))
    op.drop_index("ix_batch_item_status", table_name="batch_item")
    op.drop_table("batch_item")
    op.drop_table("batch_event")
    op.drop_table("price_exception_dealer")
    op.drop_table("offer_revision")
    op.drop_index("ix_lead_unlock_dealer", table_name="lead_unlock")
    op.drop_table("lead_unlock")
    op.drop_index(
        "uq_deal_open_vehicle",
        table_name="deal",
        postgresql_where=sa.text("exclusive AND status NOT IN ('CANCELLED','REFUNDED')"),
    )
    op.drop_index("ix_deal_updated", table_name="deal")
    op.drop_index("ix_deal_status", table_name="deal")
    op.drop_index("ix_deal_payer_dealer", table_name="deal")
    op.drop_index("ix_deal_payer", table_name="deal")
    op.drop_index("ix_deal_payee_user", table_name="deal")
    op.drop_index("ix_deal_payee", table_name="deal")
    op.drop_index("ix_deal_newest", table_name="deal")
    op.drop_index("ix_deal_listing", table_name="deal")
    op.drop_index("ix_deal_kind", table_name="deal")
    op.drop_table("deal")
    op.drop_table("batch_preview_item")
    op.drop_index("ix_batch_updated", table_name="batch")
    op.drop_index("ix_batch_status", table_name="batch")
    op.drop_index("ix_batch_newest", table_name="batch")
    op.drop_index("ix_batch_kind", table_name="batch")
    op.drop_index("ix_batch_creator", table_name="batch")
    op.drop_table("batch")
    op.drop_index(
        "uq_alert_live",
        table_name="alert",
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("status NOT IN ('RESOLVED','DISMISSED')"),
    )
    op.drop_index("ix_alert_updated", table_name="alert")
    op.drop_index("ix_alert_status", table_name="alert")
    op.drop_index("ix_alert_sku", table_name="alert")
    op.drop_index("ix_alert_severity", table_name="alert")
    op.drop_index("ix_alert_score", table_name="alert")
    op.drop_index("ix_alert_newest", table_name="alert")
    op.drop_index("ix_alert_kind", table_name="alert")
    op.drop_index("ix_alert_dealer", table_name="alert")
    op.drop_table("alert")
    op.drop_index("ix_vehicle_detail_year", table_name="vehicle_detail")
    op.drop_index("ix_vehicle_detail_model", table_name="vehicle_detail")
    op.drop_table("vehicle_detail")
    op.drop_index("ix_ticket_comment_ticket", table_name="ticket_comment")
    op.drop_table("ticket_comment")
    op.drop_index("ix_ticket_cc_user", table_name="ticket_cc")
    op.drop_table("ticket_cc")
    op.drop_index("ix_session_membership", table_name="session")
    op.drop_table("session")
    op.drop_table("product_detail")
    op.drop_table("price_policy_version")
    op.drop_index("ix_price_exception_policy", table_name="price_exception")
    op.drop_table("price_exception")
    op.drop_index(
        "uq_offer_open",
        table_name="offer",
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("status IN ('PENDING','COUNTERED')"),
    )
    op.drop_index("ix_offer_updated", table_name="offer")
    op.drop_index("ix_offer_status", table_name="offer")
    op.drop_index("ix_offer_proposer_dealer", table_name="offer")
    op.drop_index("ix_offer_proposer", table_name="offer")
    op.drop_index("ix_offer_owner", table_name="offer")
    op.drop_index("ix_offer_newest", table_name="offer")
    op.drop_index("ix_offer_listing", table_name="offer")
    op.drop_index("ix_offer_highest", table_name="offer")
    op.drop_index("ix_offer_direction", table_name="offer")
    op.drop_index("ix_offer_amount", table_name="offer")
    op.drop_table("offer")
    op.drop_table("membership_team")
    op.drop_index("ix_listing_audience_user", table_name="listing_audience")
    op.drop_index("ix_listing_audience_dealer", table_name="listing_audience")
    op.drop_table("listing_audience")
    op.drop_index("ix_lead_user", table_name="lead")
    op.drop_index("ix_lead_updated", table_name="lead")
    op.drop_index("ix_lead_status", table_name="lead")
    op.drop_index("ix_lead_source", table_name="lead")
    op.drop_index("ix_lead_phone", table_name="lead", postgresql_where=sa.text("phone_hash IS NOT NULL"))
    op.drop_index("ix_lead_newest", table_name="lead")
    op.drop_index("ix_lead_listing", table_name="lead")
    op.drop_index("ix_lead_email", table_name="lead", postgresql_where=sa.text("email_hash IS NOT NULL"))
    op.drop_index("ix_lead_dealer", table_name="lead")
    op.drop_index("ix_lead_assignee", table_name="lead")
    op.drop_table("lead")
    op.drop_table("casting_detail")
    op.drop_index("ix_batch_preview_newest", table_name="batch_preview")
    op.drop_table("batch_preview")
    op.drop_index("ix_upload_newest", table_name="upload")
    op.drop_table("upload")
    op.drop_index("ix_ticket_updated", table_name="ticket")
    op.drop_index("ix_ticket_team", table_name="ticket")
    op.drop_index("ix_ticket_subject", table_name="ticket")
    op.drop_index("ix_ticket_status", table_name="ticket")
    op.drop_index("ix_ticket_requester", table_name="ticket")
    op.drop_index("ix_ticket_priority", table_name="ticket")
    op.drop_index("ix_ticket_newest", table_name="ticket")
    op.drop_index("ix_ticket_dealer", table_name="ticket")
    op.drop_index("ix_ticket_assignee", table_name="ticket")
    op.drop_table("ticket")
    op.drop_index("ix_service_token_newest", table_name="service_token")
    op.drop_table("service_token")
    op.drop_index("ix_price_policy_updated", table_name="price_policy")
    op.drop_index("ix_price_policy_sku", table_name="price_policy")
    op.drop_index("ix_price_policy_newest", table_name="price_policy")
    op.drop_index("ix_price_policy_kind", table_name="price_policy")
    op.drop_table("price_policy")
    op.drop_index("ix_note_subject", table_name="note")
    op.drop_table("note")
    op.drop_index("ix_membership_dealer", table_name="membership")
    op.drop_table("membership")
    op.drop_index("ix_listing_updated", table_name="listing")
    op.drop_index("ix_listing_title", table_name="listing")
    op.drop_index("ix_listing_status", table_name="listing")
    op.drop_index("ix_listing_sku", table_name="listing", postgresql_where=sa.text("sku_id IS NOT NULL"))
    op.drop_index("ix_listing_price", table_name="listing")
    op.drop_index("ix_listing_newest", table_name="listing")
    op.drop_index("ix_listing_kind", table_name="listing")
    op.drop_index("ix_listing_dealer", table_name="listing")
    op.drop_index("ix_listing_city", table_name="listing")
    op.drop_index("ix_listing_category", table_name="listing")
    op.drop_table("listing")
    op.drop_index("ix_competitor_snapshot_latest", table_name="competitor_snapshot")
    op.drop_table("competitor_snapshot")
    op.drop_index("uq_tenant_settings_current", table_name="tenant_settings", postgresql_where=sa.text("current"))
    op.drop_table("tenant_settings")
    op.drop_table("tenant_host")
    op.drop_table("team")
    op.drop_index("ix_work_due", table_name="work", schema="souk")
    op.drop_table("work", schema="souk")
    op.drop_index("ix_sku_updated", table_name="sku")
    op.drop_index("ix_sku_newest", table_name="sku")
    op.drop_table("sku")
    op.drop_index("ix_search_document_words", table_name="search_document", postgresql_using="gin")
    op.drop_table("search_document")
    op.drop_index("ix_idempotency_record_expires", table_name="idempotency_record")
    op.drop_table("idempotency_record")
    op.drop_index("ix_external_ref_subject", table_name="external_ref")
    op.drop_table("external_ref")
    op.drop_table("event_stream")
    op.drop_index("ix_domain_event_at", table_name="domain_event")
    op.drop_table("domain_event")
    op.drop_index("ix_dealer_verification", table_name="dealer")
    op.drop_index("ix_dealer_updated", table_name="dealer")
    op.drop_index("ix_dealer_standing", table_name="dealer")
    op.drop_index("ix_dealer_newest", table_name="dealer")
    op.drop_index("ix_dealer_name", table_name="dealer")
    op.drop_index("ix_dealer_city", table_name="dealer")
    op.drop_table("dealer")
    op.drop_index("ix_competitor_updated", table_name="competitor")
    op.drop_index("ix_competitor_newest", table_name="competitor")
    op.drop_table("competitor")
    op.drop_index("ix_category_updated", table_name="category")
    op.drop_index("ix_category_order", table_name="category")
    op.drop_index("ix_category_name", table_name="category")
    op.drop_table("category")
    op.drop_table("audit_head")
    op.drop_index("ix_audit_event_subject", table_name="audit_event")
    op.drop_index("ix_audit_event_op", table_name="audit_event")
    op.drop_index("ix_audit_event_newest", table_name="audit_event")
    op.drop_index("ix_audit_event_dealer", table_name="audit_event")
    op.drop_index("ix_audit_event_actor", table_name="audit_event")
    op.drop_table("audit_event")
    op.drop_index(
        "uq_app_user_account", table_name="app_user", postgresql_where=sa.text("status NOT IN ('CANCELLED','ERASED')")
    )
    op.drop_index("ix_app_user_updated", table_name="app_user")
    op.drop_index("ix_app_user_status", table_name="app_user")
    op.drop_index("ix_app_user_newest", table_name="app_user")
    op.drop_table("app_user")
    op.drop_index("ix_access_refusal_at", table_name="access_refusal")
    op.drop_table("access_refusal")
    op.drop_table("tenant")
    op.drop_table("account")
