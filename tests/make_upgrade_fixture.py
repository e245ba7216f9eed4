#!/usr/bin/env python3
"""Writes a data directory with the program of MAILROOT_BUILD, for later ones to read.

    MAILROOT_BUILD=.../build/release tests/make_upgrade_fixture.py NAME

To be run with the program of each release, and of each commit that is the last to write some form;
the file tests/fixtures/NAME.tar.xz is then committed, and upgrade_test.py reads it for ever. The
server is killed, so that a log has to be replayed.
"""

import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "system"))
from upgrade import look, pack, server_in, write  # noqa: E402


def main():
    server = server_in(None)
    try:
        server.start()
        write(server)
        seen = look(server)
        server.kill()
        pack(server, seen, sys.argv[1])
    finally:
        server.kill()
        shutil.rmtree(server.directory, ignore_errors=True)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main()
