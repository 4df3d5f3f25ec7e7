"""What `souk run` says once everything is up."""

from souk.cli.console import out
from souk.settings import Settings


def welcome(address: str, settings: Settings) -> None:
    """The address and how to ask it something."""
    out.print(f"\nSouk serves {address}/graphql", markup=False)
    if settings.development:
        out.print(f"Open {address} in a browser for GraphiQL. Ctrl-C stops everything.\n", markup=False)
