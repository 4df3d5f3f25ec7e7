"""`python -m souk`."""

from souk.cli import app

if __name__ == "__main__":
    app(prog_name="souk")
