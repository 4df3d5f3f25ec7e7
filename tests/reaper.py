"""Ends an embedded server when the tests that use it are over, however they ended: its standard input closes."""

import shutil
import sys
from pathlib import Path

from souk.db.embedded import Embedded

if __name__ == "__main__":
    directory = Path(sys.argv[1])
    sys.stdin.buffer.read()
    Embedded(directory).stop("immediate")
    shutil.rmtree(directory, ignore_errors=True)
