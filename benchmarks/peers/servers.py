"""One process a server, on a core of its own; PostgreSQL and the load are on the other."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from .data import HERE, ROOT, Tenant, environment
from .documents import DOCUMENTS, POSTGRAPHILE, sha256

NODE = HERE / "node"
OUT = HERE / ".out"
SERVER_CORE, OTHER_CORE = 0, 1
READY = 60
MEDIA = "application/graphql-response+json"
UVICORN = ("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--no-server-header", "--log-level", "warning")
# Each is told of in README.md. What ends in -rls is the same server with row-level security on;
# souk-counting is Souk without the counts that its writes keep.
NAMES = (
    "souk", "souk-counting", "limit", "postgraphile", "postgraphile-rls", "mercurius", "mercurius-rls", "strawberry", "strawberry-rls",
    "apollo", "apollo-rls",
)  # fmt: skip
JAVASCRIPT = ("postgraphile", "mercurius", "apollo")
PYTHON = {"limit": "limit", "strawberry": "plain"}
IDS = {name: f"sha256:{sha256(text)}" for name, text in DOCUMENTS.items()}

Body = dict[str, Any]


def by_id(document: str, variables: dict[str, Any]) -> Body:
    return {"documentId": IDS[document], "variables": variables}


def by_apollo(document: str, variables: dict[str, Any]) -> Body:
    persisted = {"version": 1, "sha256Hash": IDS[document].removeprefix("sha256:")}
    return {"extensions": {"persistedQuery": persisted}, "variables": variables}


@dataclass
class Server:
    """One that runs. `opaque_cursors`: its cursors are its own, and are compared by where they lead."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    body: Callable[[str, dict[str, Any]], Body] = by_id
    opaque_cursors: bool = False
    client: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30)

    def headers(self, token: str) -> dict[str, str]:
        return {"authorization": f"Bearer {token}", "accept": MEDIA, "content-type": "application/json"}

    def content(self, document: str, variables: dict[str, Any]) -> str:
        return json.dumps(self.body(document, variables), separators=(",", ":"))

    def ask(self, token: str, document: str, variables: dict[str, Any]) -> httpx.Response:
        content = self.content(document, variables)
        return self.client.post("/graphql", content=content, headers=self.headers(token))

    def cpu(self) -> float:
        """Seconds of CPU that the process has used, with all its threads."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def on_core(core: int, realtime: bool = False) -> Callable[[], None]:
    """For a child: stay on this core, before what else the machine does if `realtime`."""

    def act() -> None:
        place(0, core, realtime)

    return act


def place(pid: int, core: int, realtime: bool) -> None:
    os.sched_setaffinity(pid, {core})
    os.sched_setscheduler(pid, os.SCHED_RR if realtime else os.SCHED_OTHER, os.sched_param(10 if realtime else 0))


def place_postgres(directory: Path, realtime: bool) -> None:
    """Move the server in `directory`, and so every connection it opens from now on, to the other core."""
    postmaster = int((directory / "postmaster.pid").read_text().split()[0])
    for pid in [postmaster, *_children(postmaster)]:
        with contextlib.suppress(ProcessLookupError):
            place(pid, OTHER_CORE, realtime)


def _children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def node() -> str:
    """The Node that is pinned beside the servers that need it."""
    return str(NODE / "node_modules" / "node" / "bin" / "node")


def node_version() -> str:
    said = subprocess.run([node(), "--version"], capture_output=True, text=True, check=True).stdout
    return said.strip().lstrip("v")


def install() -> None:
    """The servers in JavaScript as they are pinned; nothing to do where that was done."""
    OUT.mkdir(exist_ok=True)
    wanted, done = sha256((NODE / "package-lock.json").read_text(encoding="utf-8")), OUT / "installed"
    if done.is_file() and done.read_text() == wanted and Path(node()).exists():
        return
    print("installing the servers in JavaScript …", flush=True)
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=NODE, check=True)
    done.write_text(wanted)


def command(name: str, port: int) -> list[str]:
    kind = name.removesuffix("-rls").removesuffix("-counting")
    if kind == "souk":
        return [sys.executable, "-m", "souk", "serve"]
    if kind in JAVASCRIPT:
        return [node(), str(NODE / f"{kind}.mjs")]
    return [sys.executable, "-m", "uvicorn", f"benchmarks.peers.{PYTHON[kind]}.app:app", "--port", str(port), *UVICORN]


def surroundings(name: str, port: int, url: str, tenants: list[Tenant], tag: str) -> dict[str, str]:
    if name.startswith("souk"):
        counters = int(not name.endswith("-counting"))
        own = {
            "COUNTERS": counters,
            "PORT": port,
            "ALLOWED_HOSTS": "127.0.0.1",
            "LIMIT_SCALE": 1_000_000,
            "LOG_FORMAT": "json",
        }
        return environment(url) | {f"SOUK_{key}": str(value) for key, value in own.items()}
    texts = POSTGRAPHILE if name.startswith("postgraphile") else DOCUMENTS
    documents = {IDS[key]: key if name == "limit" else text for key, text in texts.items()}
    return os.environ | {
        "NODE_ENV": "production",
        "GRAPHILE_ENV": "production",
        "PEERS_DATABASE_URL": url,
        "PEERS_PORT": str(port),
        "PEERS_RLS": str(int(name.endswith("-rls"))),
        "PEERS_TENANTS": json.dumps([(each.token, str(each.id)) for each in tenants]),
        "PEERS_DOCUMENTS": json.dumps(documents),
        "PEERS_CURSOR_TAG": tag,
    }


@contextlib.contextmanager
def serving(name: str, url: str, tenants: list[Tenant], tag: str, realtime: bool = False) -> Iterator[Server]:
    """The server by that name until the end of the block; what it says is kept in `.out`."""
    OUT.mkdir(exist_ok=True)
    port = free_port()
    with (OUT / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            command(name, port), cwd=ROOT, env=surroundings(name, port, url, tenants, tag), stdout=log, stderr=log,
            preexec_fn=on_core(SERVER_CORE, realtime),
        )  # fmt: skip
        try:
            server = Server(
                name, port, process, by_apollo if name.startswith("apollo") else by_id, name.startswith("postgraphile")
            )
            _wait(server, tenants[0].token)
            yield server
        finally:
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            if process.poll() is None:
                process.kill()
                process.wait()


def _wait(server: Server, token: str) -> None:
    end = time.monotonic() + READY
    while time.monotonic() < end and server.process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            if server.ask(token, "page", {}).status_code == 200:
                return
        time.sleep(0.2)
    raise SystemExit(f"{server.name} does not answer; see {(OUT / f'{server.name}.log').relative_to(ROOT)}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
