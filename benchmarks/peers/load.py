"""wrk keeps the connections busy; beside its speed what the server's process used is looked up."""

import shutil
import subprocess
from math import ceil
from pathlib import Path
from typing import NamedTuple

from .documents import Request
from .servers import OTHER_CORE, OUT, Server, on_core

TRIES = 4
LEAST, LONGEST = 20, 12


class Measured(NamedTuple):
    """Requests a second, and milliseconds of the server's CPU for each."""

    speed: float
    cpu: float


class Disturbed(Exception):
    """An answer was not 200, or did not come: what was measured is not what was meant."""


def check_wrk() -> None:
    if shutil.which("wrk") is None:
        raise SystemExit("the load needs wrk (Debian's package wrk)")


def script(server: Server, document: str, requests: list[Request]) -> Path:
    """A file for wrk with all requests for a document, ready to be sent one after the other."""
    lines = ["local requests, at = {}, 0", "function init()"]
    for each in requests:
        headers = ", ".join(f'["{name}"] = "{value}"' for name, value in server.headers(each.token).items())
        body = server.content(document, each.variables)
        lines.append(f'  requests[#requests + 1] = wrk.format("POST", "/graphql", {{{headers}}}, [=[{body}]=])')
    lines += ["end", "function request()", "  at = at % #requests + 1", "  return requests[at]", "end", ""]
    path = OUT / f"{server.name}-{document}.lua"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def measure(server: Server, path: Path, connections: int, seconds: int, realtime: bool = False) -> Measured:
    """One run of `seconds`, longer for a server that is slow.

    Raises Disturbed when an answer was not 200 or a connection failed, several times in a row.
    """
    tries = 0
    while True:
        before = server.cpu()
        said = subprocess.run(
            ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", str(path), f"http://127.0.0.1:{server.port}"],
            capture_output=True, text=True, check=True, preexec_fn=on_core(OTHER_CORE, realtime),
        ).stdout  # fmt: skip
        used = server.cpu() - before
        found = dict(_figures(said))
        answers = found["answers"]
        if not answers and seconds < LONGEST:
            seconds = LONGEST
        elif not answers or {"Non-2xx", "Socket errors"} & found.keys():
            tries += 1
            if tries == TRIES:
                raise Disturbed(f"{server.name}: {said}")
        elif answers < LEAST * connections and seconds < LONGEST:
            # what is under way at the end is not counted, one request a connection: it must not weigh
            seconds = min(LONGEST, ceil(seconds * LEAST * connections / answers * 1.1))
        else:
            return Measured(found["speed"], used / answers * 1000)


def _figures(said: str) -> list[tuple[str, float]]:
    found = []
    for line in map(str.strip, said.splitlines()):
        if " requests in " in line:
            found.append(("answers", float(line.split()[0])))
        elif line.startswith("Requests/sec:"):
            found.append(("speed", float(line.split()[1])))
        elif line.startswith(("Non-2xx", "Socket errors")):
            found.append((line.split(" or ")[0].split(":")[0], 1.0))
    return found
