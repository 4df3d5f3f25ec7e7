"""`python -m souk`."""

from souk.cli import app

app(prog_name="souk")
