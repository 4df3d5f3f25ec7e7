"""Commands about the demo: its tenants, and how to sign in as its people."""

import asyncio
import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from souk.cli.console import err, failed, out, settings
from souk.cli.doors import doors
from souk.settings import Settings
from souk.worker import demo

Tenant = Annotated[str | None, typer.Option("--tenant", help="The tenant's short name.")]
Json = Annotated[
    bool, typer.Option("--json", help="Print everybody (of the tenant, of the role) with their tokens as JSON.")
]
Role = Annotated[str | None, typer.Option("--role", help="The role, such as OPS.")]


def seed() -> None:
    """Fill the demo tenants, where they are not there yet."""
    asyncio.run(_seed(_allowed()))


def reset() -> None:
    """Wipe the demo tenants and fill them again."""
    asyncio.run(_reset(_allowed()))


def token(tenant: Tenant = None, role: Role = None, json_: Json = False) -> None:
    """Print the bearer token of a demo user; the same one each time."""
    shown = asyncio.run(_tokens(_allowed(), tenant, role))
    if not shown:
        failed("the demo has nobody like that; `souk demo seed` fills it")
    if json_:
        out.print(json.dumps([asdict(one) for one in shown], indent=2), markup=False)
    elif tenant is None or role is None:
        failed("say --tenant and --role, or --json for all of them")
    else:
        out.print(shown[0].token, markup=False)


def _allowed() -> Settings:
    given = settings()
    if not given.development:
        failed("the demo belongs to development installations")
    return given


async def _seed(given: Settings) -> None:
    async with doors(given) as opened:
        try:
            made = await demo.seed(opened, datetime.now(UTC))
        except LookupError as problem:
            failed(str(problem))
        await _sessions(opened, None)
    err.print(f"The demo has {', '.join(demo.TENANTS)}{f'; {len(made)} of them are new' if made else ''}.")


async def _reset(given: Settings) -> None:
    async with doors(given) as opened:
        try:
            await demo.reset(opened, datetime.now(UTC))
        except LookupError as problem:
            failed(str(problem))
        await _sessions(opened, None)
    err.print("The demo is as it was.")


async def _tokens(given: Settings, tenant: str | None, role: str | None) -> list[demo.Shown]:
    if tenant is not None and tenant not in demo.TENANTS:
        failed(f"the demo's tenants are {', '.join(demo.TENANTS)}")
    async with doors(given) as opened:
        shown = await _sessions(opened, tenant)
    return [one for one in shown if role is None or one.role == role.upper()]


async def _sessions(opened: demo.Doors, tenant: str | None) -> list[demo.Shown]:
    now = datetime.now(UTC)
    shown: list[demo.Shown] = []
    for slug in demo.TENANTS if tenant is None else (tenant,):
        shown += await demo.tokens(opened, slug, now)
    return shown
