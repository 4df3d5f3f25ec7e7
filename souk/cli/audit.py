"""Commands about the audit."""

from souk.cli.console import failed, out
from souk.cli.work import Slug, done
from souk.db.journal import verify_audit


def verify(tenant: Slug) -> None:
    """Recompute the tenant's chain of audit events. Ends with 1 where it is broken, and says at which event."""
    verdict = done(
        "auditVerify",
        lambda tx: verify_audit(tx.session, tx.actor.tenant_id),
        tenant=tenant,
        role="souk_auditor",
        patience=600,
    )
    if verdict.broken_at is not None:
        failed(f"the audit of {tenant} is broken at event {verdict.broken_at}")
    out.print(f"{verdict.checked} events, unbroken", markup=False)
