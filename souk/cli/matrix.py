"""The permission matrix, for people."""

from itertools import groupby

from souk.cli.console import out
from souk.permissions.roles import MATRIX
from souk.rules.actor import Role


def matrix() -> None:
    """Print who may do what, as Markdown tables."""
    for group, rows in groupby(MATRIX.values(), key=lambda row: row.group):
        lines = [["permission", "covers", *(role.value for role in Role)], ["---"] * (2 + len(Role))]
        lines += [[row.name, row.covers, *(str(row.cells[role]) for role in Role)] for row in rows]
        out.out(f"**{group}**\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n", highlight=False)
