"""Worker processes of the tests: the real one, with the bench's kind, forked from a parent that has imported everything.

Commands on standard input, each answered by a line: `start` by the process id, `wait PID` by its exit code.
"""

import asyncio
import os
import signal
import sys

from souk.settings import Settings
from souk.web.logging import configure
from souk.worker.process import work
from tests.worker import bench


def main() -> None:
    bench.install()
    configure(
        Settings()
    )  # on standard error: standard output is for the answers, and a full pipe would hold a worker up
    children: set[int] = set()
    for line in sys.stdin:
        match line.split():
            case ["start"]:
                pid = os.fork()
                if pid == 0:
                    asyncio.run(work(Settings()))
                    os._exit(0)
                children.add(pid)
                print(pid, flush=True)
            case ["wait", known]:
                _, status = os.waitpid(int(known), 0)
                children.discard(int(known))
                print(os.waitstatus_to_exitcode(status), flush=True)
    for pid in children:
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
