"""Other people's clients against Souk: installs them, starts a development server as the README says and one in production
mode beside it, runs each suite, and ends what it started. `make conformance`; `--only NAME` for single suites.
"""

import argparse
import contextlib
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from souk.documents.shipped import shipped

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
OUT, VENVS = HERE / ".out", HERE / ".venvs"
BEGIN = 240  # seconds in which the demo is filled and both servers are ready
SUITE = 300
SEED = "7"
# What graphql-http's audits send, as far as it can be registered: they look at transport, not at documents.
AUDITED = ("{ __typename }", "query Query { __typename }", "mutation { __typename }")
APOLLO = "query FromApollo {\n  viewer {\n    role\n    __typename\n  }\n}"
NODE = ("audits", "sockets", "apollo", "relay", "codegen", "lint", "attacks")
PYTHON = ("ariadne", "schemathesis")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", choices=(*NODE, *PYTHON), help="a suite; may be repeated")
    asked = parser.parse_args().only or [*NODE, *PYTHON]
    OUT.mkdir(exist_ok=True)
    install()
    (OUT / "schema.graphql").write_text((ROOT / "schema.graphql").read_text(encoding="utf-8"), encoding="utf-8")
    with servers() as environment:
        found = [result for name in asked for result in run(name, environment)]
    (OUT / "report.json").write_text(json.dumps(found, indent=2), encoding="utf-8")
    return told(found)


def install() -> None:
    """The clients as they are pinned; nothing to do where that was done."""
    done = OUT / "installed"
    pins = [HERE / "package-lock.json", *sorted((HERE / "python").glob("*.txt"))]
    wanted = hashlib.sha256(b"".join(each.read_bytes() for each in pins)).hexdigest()
    if done.is_file() and done.read_text() == wanted:
        return
    print("installing the clients …", flush=True)
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=HERE, check=True)
    for name in PYTHON:
        venv = VENVS / name
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(venv)], check=True)
        requirements = HERE / "python" / f"{name}.txt"
        subprocess.run(
            [str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
             "--require-hashes", "-r", str(requirements)], check=True,
        )  # fmt: skip
    done.write_text(wanted)


@contextlib.contextmanager
def servers() -> Iterator[dict[str, str]]:
    """Both servers over one demo; what the suites must know of them, as their environment."""
    with (
        tempfile.TemporaryDirectory(prefix="souk-", ignore_cleanup_errors=True) as directory,
        contextlib.ExitStack() as stack,
    ):
        plain = {name: value for name, value in os.environ.items() if not name.startswith("SOUK_")}
        # the limits of use are another test's subject: here one person asks as fast as several suites can
        plain |= {"SOUK_DATA_DIR": directory, "SOUK_LOG_FORMAT": "json", "SOUK_LIMIT_SCALE": "1000"}
        port, other = free_port(), free_port()
        print("starting the servers …", flush=True)
        stack.enter_context(process("run", plain | {"SOUK_PORT": str(port)}))
        ready(port)
        production = plain | {
            "SOUK_ENV": "production",
            "SOUK_PORT": str(other),
            "SOUK_ALLOWED_HOSTS": "127.0.0.1",
            "SOUK_DATABASE_URL": souk(plain, "db", "url"),
            "SOUK_ENCRYPTION_KEYS": (Path(directory) / "encryption-keys").read_text().strip(),
        }
        manifest = Path(directory) / "audited.json"
        manifest.write_text(
            json.dumps({hashlib.sha256(each.encode()).hexdigest(): each for each in (*AUDITED, APOLLO)})
        )
        souk(plain, "documents", "push", str(manifest), "--tenant", "pharos", "--app", "audits", "--version", "1")
        scopes = [word for scope in ("listing:read", "alert:read", "offer:read") for word in ("--scope", scope)]
        service = souk(plain, "token", "create", "--tenant", "pharos", "--service", "conformance", *scopes)
        stack.enter_context(process("serve", production))
        ready(other)
        yield plain | {
            "SOUK_DEVELOPMENT": f"http://127.0.0.1:{port}/graphql",
            "SOUK_PRODUCTION": f"http://127.0.0.1:{other}/graphql",
            "SOUK_PEOPLE": souk(plain, "demo", "token", "--json"),
            "SOUK_SERVICE_TOKEN": service,
            "SOUK_REGISTERED": json.dumps(AUDITED),
            "SOUK_APOLLO_DOCUMENT": APOLLO,
            "SOUK_SHIPPED": json.dumps({each.name: {"text": each.text, "id": each.id} for each in shipped().values()}),
        }


@contextlib.contextmanager
def process(command: str, environment: dict[str, str]) -> Iterator[None]:
    """One of the program's commands, until the end of the block; what it logs is kept beside the report."""
    with (OUT / f"{command}.log").open("wb") as log:
        started = subprocess.Popen(
            [sys.executable, "-m", "souk", command], cwd=ROOT, env=environment, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            yield
        finally:
            started.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                started.wait(40)
            if started.poll() is None:
                started.kill()
                started.wait()


def souk(environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "souk", *arguments], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip()


def ready(port: int) -> None:
    end = time.monotonic() + BEGIN
    while time.monotonic() < end:
        with contextlib.suppress(urllib.error.URLError, OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2).close()
            return
        time.sleep(0.2)
    raise SystemExit(f"the server on port {port} does not get ready; see {OUT}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def run(name: str, environment: dict[str, str]) -> list[dict[str, Any]]:
    """The results of one suite; a suite that tells none has failed as a whole."""
    print(f"{name} …", flush=True)
    if name == "schemathesis":
        return [schemathesis(environment)]
    if name == "ariadne":
        binaries = VENVS / "ariadne" / "bin"
        generated = execute(
            [str(binaries / "ariadne-codegen"), "client", "--config", "python/ariadne.toml"], environment
        )
        case = {
            "name": "the typed client is generated",
            "passed": generated.returncode == 0,
            "reason": generated.stderr[-400:],
        }
        told_ = read(execute([str(binaries / "python"), "python/client.py"], environment), "ariadne-codegen")
        return [{**each, "results": [case, *each["results"]]} for each in told_]
    return read(execute(["node", f"suites/{name}.mjs"], environment), name)


def execute(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command, cwd=HERE, env=environment, capture_output=True, text=True, timeout=SUITE, check=False
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", f"did not end within {SUITE} s")


def read(done: subprocess.CompletedProcess[str], name: str) -> list[dict[str, Any]]:
    found = [json.loads(line[2:]) for line in done.stdout.splitlines() if line.startswith("@@")]
    return found or [{"suite": name, "results": [{"name": "runs", "passed": False, "reason": done.stderr[-400:]}]}]


def schemathesis(environment: dict[str, str]) -> dict[str, Any]:
    """Ten generated documents for each root field, as the owner of the tenant that nothing else looks at."""
    people = json.loads(environment["SOUK_PEOPLE"])
    token = next(each["token"] for each in people if (each["tenant"], each["role"]) == ("twin", "OWNER"))
    report = OUT / "schemathesis.json"
    report.unlink(missing_ok=True)
    done = execute(
        [str(VENVS / "schemathesis" / "bin" / "schemathesis"), "run", environment["SOUK_DEVELOPMENT"],
         "-H", f"Authorization: Bearer {token}", "--phases", "fuzzing", "-n", "10", "--seed", SEED, "--no-shrink",
         "--continue-on-failure", "--no-color", "--checks", "typed_refusals", "--report", "json",
         "--report-json-path", str(report)],
        environment | {"PYTHONPATH": "python", "SCHEMATHESIS_HOOKS": "hooks"},
    )  # fmt: skip
    if not report.is_file():
        return {"suite": "schemathesis", "results": [{"name": "runs", "passed": False, "reason": done.stdout[-400:]}]}
    counts = json.loads(report.read_text())["test_cases"]
    failed = counts["with_failures"] + counts["errored"]
    results = [{"name": f"document {n}", "passed": True} for n in range(counts["generated"] - failed)]
    results += [{"name": "generated documents", "passed": False, "reason": done.stdout[-1500:]}] * failed
    return {"suite": "schemathesis", "results": results}


def told(found: list[dict[str, Any]]) -> int:
    """A line for each suite, and one for each case that failed."""
    failed = 0
    for each in found:
        wrong = [case for case in each["results"] if not case["passed"]]
        failed += len(wrong)
        print(f"{each['suite']:<28}{len(each['results']) - len(wrong):>6} passed{len(wrong):>5} failed")
        for case in wrong:
            print(f"  {case['name']}: {' '.join(str(case.get('reason', '')).split())[:300]}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
