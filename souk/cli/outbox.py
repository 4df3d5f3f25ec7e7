"""The letters of a tenant, as far as they are kept."""

from typing import Annotated

import typer
from rich.table import Table
from sqlalchemy import select

from souk.cli.console import out
from souk.cli.work import Slug, done
from souk.db.session import Transaction
from souk.models import Letter
from souk.resolvers.letter import opened


def show(
    tenant: Slug, limit: Annotated[int, typer.Option(min=1, max=500, help="How many, the newest first.")] = 20
) -> None:
    """Print the newest letters: to whom, what became of them, and the text of those that no gateway was set for."""

    async def letters(tx: Transaction) -> list[tuple[str, ...]]:
        asked = select(Letter).order_by(Letter.created_at.desc(), Letter.id.desc()).limit(limit)
        found: list[tuple[str, ...]] = []
        for each in (await tx.session.execute(asked)).scalars():
            to, body = opened(tx, each)
            shown = (
                body if body is not None and each.status in ("KEPT", "WAITING") else f"({each.error or 'handed on'})"
            )
            found.append((f"{each.created_at:%Y-%m-%d %H:%M:%S}", each.channel, each.status, to, each.subject, shown))
        return found

    rows = done("outbox", letters, tenant=tenant)
    table = Table(show_lines=False, box=None)
    for name in ("at (UTC)", "by", "status", "to", "subject", "text"):
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*row)
    out.print(table if rows else "no letters", markup=False)
