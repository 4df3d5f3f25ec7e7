"""Commands about the audit."""

import sys
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from souk.cli.console import err, failed, out
from souk.cli.work import Slug, done
from souk.db.proof import Head, export_audit, verify_audit
from souk.db.session import Transaction

PATIENCE = 600  # seconds that the transaction may be open; each statement is short


def verify(
    tenant: Slug,
    head: Annotated[
        str | None,
        typer.Option(metavar="SEQ:HASH", help="An event of an earlier export: it must be there, with this hash."),
    ] = None,
) -> None:
    """Recompute the tenant's chain of audit events. Ends with 1 where it is broken, and says at which event."""
    known = None if head is None else _head(head)

    async def work(tx: Transaction) -> int:
        if known is not None:
            kept = await verify_audit(tx.session, tx.actor.tenant_id, known, at_most=0)
            if kept.broken_at == known.seq:
                failed(f"the audit of {tenant} is not the one of that head: event {known.seq} differs")
        verdict = await verify_audit(tx.session, tx.actor.tenant_id)
        if verdict.broken_at is not None:
            failed(f"the audit of {tenant} is broken at event {verdict.broken_at}")
        out.print(f"{verdict.checked} events, unbroken", markup=False)
        err.print(f"head {verdict.head.seq}:{verdict.head.hash.hex()}", markup=False)
        return verdict.checked

    done("auditVerify", work, tenant=tenant, role="souk_auditor", patience=PATIENCE)


def export(
    tenant: Slug,
    output: Annotated[Path | None, typer.Argument(help="The file; standard output without one.")] = None,
) -> None:
    """Write the tenant's chain of audit events as lines of JSON, its head last, for anybody to recompute."""

    async def write(tx: Transaction, file: BinaryIO) -> None:
        async for line in export_audit(tx.session, tx.actor.tenant_id):
            file.write(line)

    async def work(tx: Transaction) -> None:
        if output is None:
            await write(tx, sys.stdout.buffer)
            return
        with output.open("xb") as file:
            await write(tx, file)

    try:
        done("auditExport", work, tenant=tenant, role="souk_auditor", patience=PATIENCE)
    except FileExistsError:
        failed(f"{output} is there already")


def _head(text: str) -> Head:
    seq, _, hashed = text.partition(":")
    try:
        return Head(int(seq), bytes.fromhex(hashed))
    except ValueError:
        failed("a head is SEQ:HASH, as `souk audit verify` prints it")
