"""Runs a command beside a sandbox, which it finds at $SANDBOX, and ends as the command does.

    python in_a_sandbox.py target/release/sandbox python sandbox_test.py
"""

import os
import subprocess
import sys

READY = "ready on "


def main(program: str, *command: str) -> int:
    sandbox = subprocess.Popen([program, "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True)
    try:
        ready = next(line for line in sandbox.stdout if line.startswith(READY))
        origin = ready.removeprefix(READY).split(",")[0]
        return subprocess.run(command, env=os.environ | {"SANDBOX": origin}, timeout=120).returncode
    finally:
        sandbox.terminate()
        sandbox.wait(timeout=20)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
