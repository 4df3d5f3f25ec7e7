"""Commands that bring files in."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy import select

from souk.cli.console import err, failed, out, settings
from souk.cli.doors import doors, tenant_named
from souk.db.session import Database, system_actor
from souk.gateways.storage import TooLarge
from souk.models import Dealer
from souk.rules.errors import InvalidInput, Refused, Required
from souk.settings import Settings
from souk.worker import bringing

File = Annotated[Path, typer.Argument(help="The file: separated values with a header.", exists=True, dir_okay=False)]
Tenant = Annotated[str, typer.Option("--tenant", help="The tenant's short name.")]
Mapping = Annotated[str, typer.Option("--mapping", help="A mapping that comes with Souk, or the path of a TOML file.")]
Whose = Annotated[str | None, typer.Option("--dealer", help="Id or name of the dealer of rows that name none.")]
Report = Annotated[Path | None, typer.Option("--report", help="Where to write every lost cell as CSV.")]


def listings(file: File, tenant: Tenant, mapping: Mapping, dealer: Whose = None, report: Report = None) -> None:
    """Bring the rows of a file in as listings; the same file again changes nothing."""
    given = settings()
    try:
        text = Path(mapping).read_text(encoding="utf-8") if Path(mapping).suffix == ".toml" else mapping
        done = asyncio.run(_bring(given, file, tenant, text, dealer, report))
    except InvalidInput as problem:
        failed("; ".join(f"{each.message}" for each in problem.problems))
    except Required as problem:
        failed(problem.message + (" Name one with --dealer." if "dealerId" in (problem.field or ()) else ""))
    except Refused as problem:
        failed(problem.message)
    except TooLarge as problem:
        failed(str(problem))
    out.print(
        f"{done.status}: {done.imported} imported + {done.updated} updated + {done.unchanged} unchanged"
        f" + {done.refused} refused = {done.rows} rows; {done.warnings} cells left empty;"
        f" {done.rows / max(done.seconds, 0.001):.0f} rows/s",
        markup=False,
    )
    if done.status not in ("COMPLETED", "COMPLETED_WITH_ERRORS"):
        raise typer.Exit(1)


async def _bring(
    given: Settings, file: Path, slug: str, mapping: str, whose: str | None, report: Path | None
) -> bringing.Brought:
    async with doors(given) as opened:
        tenant, now = await tenant_named(opened.app, slug), datetime.now(UTC)
        dealer = await _dealer(opened.app, tenant, whose) if whose else None
        upload = await bringing.upload_file(
            opened.app, opened.files, tenant, file, now=now, limit=given.upload_limit, days=given.upload_days
        )
        batch = await bringing.begin(opened.app, tenant, upload, mapping, now=now, dealer_id=dealer)
        total = (await bringing.outcome(opened.worker, tenant, batch)).rows
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=err) as bar:
            task = bar.add_task(file.name, total=total)
            done = await bringing.to_the_end(
                opened.worker, tenant, batch, progress=lambda items: bar.advance(task, items)
            )
        if report is not None:
            with report.open("w", encoding="utf-8", newline="") as lines:
                await bringing.write_report(opened.worker, tenant, batch, lines)
        return done


async def _dealer(app: Database, tenant: UUID, whose: str) -> UUID:
    async with app.transaction(system_actor(tenant), "import", system=True) as tx:
        asked = select(Dealer.id).where(Dealer.tenant_id == tenant, Dealer.deleted_at.is_(None))
        try:
            asked = asked.where(Dealer.id == UUID(whose))
        except ValueError:
            asked = asked.where(Dealer.name == whose)
        found = (await tx.session.execute(asked)).scalars().all()
    return found[0] if len(found) == 1 else failed(f"{len(found)} dealers are called {whose}")
