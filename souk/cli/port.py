"""Whether the API may listen where the settings say."""

import contextlib
import socket

from souk.cli.console import failed
from souk.settings import Settings


def check_port(given: Settings) -> None:
    """End the command with one line when the port is taken, or may not be used."""
    with socket.socket() as probe, contextlib.suppress(socket.gaierror):
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((given.host, given.port))
        except OSError as error:
            failed(f"{given.host}:{given.port} cannot be used ({error.strerror}); set SOUK_PORT to another one")
