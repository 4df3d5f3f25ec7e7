"""What `souk run` says once everything is up."""

import json
import sys
from pathlib import Path

from souk.cli.console import out
from souk.settings import Settings

PEOPLE = "demo-people.json"
SHOWN = 3  # people of one role that are named
QUERY = "{ viewer { user { name } role } alerts(first: 2) { totalCount nodes { kind status } } }"


def remember(directory: Path, printed: bytes) -> None:
    """Keep who may sign in to the demo, without the tokens, so that a warm start need not ask the database."""
    people = [{name: each[name] for name in ("tenant", "role", "user")} for each in json.loads(printed)]
    (directory / PEOPLE).write_text(json.dumps(people), encoding="utf-8")


def welcome(address: str, settings: Settings, *, generous: bool = False) -> None:
    """The address, how to sign in as whom, and what to ask."""
    out.print(f"\nSouk serves {address}/graphql", markup=False)
    if not settings.development:
        return
    program = sys.argv[0] if sys.argv[0].endswith("/souk") else "souk"
    people = settings.data_dir / PEOPLE
    if settings.database_url is None and people.is_file():
        out.print(f"\nSign in with a bearer token: {program} demo token --tenant TENANT --role ROLE", markup=False)
        groups: dict[tuple[str, str], list[str]] = {}
        for each in json.loads(people.read_text(encoding="utf-8")):
            groups.setdefault((each["tenant"], each["role"]), []).append(each["user"])
        for (tenant, role), names in groups.items():
            more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            out.print(f"  {tenant:<8} {role:<9} {', '.join(names[:SHOWN])}{more}", markup=False)
        out.print(
            f"\nAsk something:\n  curl -s {address}/graphql -H 'content-type: application/json' \\\n"
            f'    -H "authorization: Bearer $({program} demo token --tenant pharos --role OPS)" \\\n'
            f"    -d '{json.dumps({'query': QUERY})}'",
            markup=False,
        )
    if generous:
        out.print(
            "\nRequests cost points as in production; here the bucket does not empty (SOUK_LIMIT_SCALE).", markup=False
        )
    out.print(f"\nOpen {address} in a browser for GraphiQL. Ctrl-C stops everything.\n", markup=False)
