"""The relay that programs here talk to: `embedded_relay --serve` as a child process."""

import pathlib
import re
import signal
import subprocess
import threading

PHONE_NUMBER_ID = "106540352242922"
BUSINESS_ACCOUNT_ID = "102290129340398"
USER = "16505551234"
TOKEN = "a-token-of-the-business"
DEADLINE_S = 20.0
READY = re.compile(r"\b(ready|listening|serving)\b", re.IGNORECASE)


class Unmet(AssertionError):
    """What a check expected and did not find."""


def expect(holds: object, why: str) -> None:
    if not holds:
        raise Unmet(why)


class Relay:
    """The example program as a child process, with these options more; its user speaks through standard input."""

    def __init__(self, binary: pathlib.Path, port: int, *options: str) -> None:
        self.port = port
        self.lines: list[str] = []
        self._news = threading.Condition()
        # fmt: off
        self._child = subprocess.Popen(
            [
                str(binary.resolve()), "--serve",
                "--listen", f"127.0.0.1:{port}",
                "--token", TOKEN,
                "--phone-number-id", PHONE_NUMBER_ID,
                "--business-account-id", BUSINESS_ACCOUNT_ID,
                "--user", f"+{USER}",
                *options,
            ],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8",
        )
        # fmt: on
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self._child.stdout:
            with self._news:
                self.lines.append(line.rstrip("\n"))
                self._news.notify_all()

    def wait_until_ready(self) -> str:
        def spoken() -> str | None:
            return next((line for line in self.lines if READY.search(line)), None)

        with self._news:
            self._news.wait_for(lambda: spoken() or self._child.poll() is not None, DEADLINE_S)
            expect(spoken(), f"no line says that it is ready; it said {self.lines}")
            return spoken()

    def wait_for_line(self, start: str, part: str) -> None:
        def spoken() -> bool:
            return any(line.startswith(start) and part in line for line in self.lines)

        with self._news:
            expect(self._news.wait_for(spoken, DEADLINE_S), f"no line has {part!r}; it said {self.lines[-10:]}")

    def user_writes(self, text: str) -> None:
        self._child.stdin.write(f"{USER} {text}\n")
        self._child.stdin.flush()

    def is_there(self) -> bool:
        return self._child.poll() is None

    def interrupt(self) -> int:
        """Ends it as its operator would, and says with which code it has ended."""
        self._child.send_signal(signal.SIGINT)
        code = self._child.wait(DEADLINE_S)
        self._reader.join(DEADLINE_S)
        return code

    def end(self) -> None:
        if self.is_there():
            self._child.kill()
            self._child.wait()
