"""What rows lack that were there before: a dealer on WATCH its timer, a tenant the category of its appeals.

Revision ID: 0020
Revises: 0016
"""

from alembic import op

revision: str = "0020"
down_revision: str | None = "0016"
branch_labels = None
depends_on = None

# The timer: ninety days from the event that put the dealer there, or from now; it looks whether a breach came since, and
# sets itself again. The category: 0018 looked for the tenants behind the wall of none, and found none.
BRING = """
DO $$
DECLARE
  before text := coalesce(current_setting('souk.tenant_id', true), '');
  of uuid;
BEGIN
  FOR of IN SELECT id FROM tenant LOOP
    PERFORM set_config('souk.tenant_id', of::text, true);
    INSERT INTO souk.work (tenant_id, kind, ref, due_at)
      SELECT d.tenant_id, 'dealer.calm', d.id, coalesce((SELECT max(e.at) FROM domain_event e
          WHERE e.tenant_id = d.tenant_id AND e.subject_id = d.id AND e.type = 'dealer.standing_changed'
            AND e.to_status = 'WATCH'), now()) + interval '90 days'
      FROM dealer d WHERE d.tenant_id = of AND d.standing = 'WATCH'
    ON CONFLICT DO NOTHING;
    IF NOT EXISTS (SELECT FROM category c WHERE c.tenant_id = of AND c.purpose = 'APPEAL') THEN
      UPDATE category SET purpose = 'APPEAL' WHERE tenant_id = of AND kind = 'TICKET' AND parent_id IS NULL
        AND name = 'Appeal' AND archived_at IS NULL;
      IF NOT FOUND THEN
        INSERT INTO category (tenant_id, id, created_at, updated_at, version, kind, name, purpose)
          VALUES (of, gen_random_uuid(), now(), now(), 1, 'TICKET', 'Appeal', 'APPEAL') ON CONFLICT DO NOTHING;
      END IF;
    END IF;
  END LOOP;
  PERFORM set_config('souk.tenant_id', before, true);
END $$
"""


def upgrade() -> None:
    op.execute("ALTER TABLE tenant NO FORCE ROW LEVEL SECURITY")  # which tenants there are stands behind the wall too
    op.execute(BRING)
    op.execute("ALTER TABLE tenant FORCE ROW LEVEL SECURITY")


def downgrade() -> None:
    pass  # what was brought along does no harm
