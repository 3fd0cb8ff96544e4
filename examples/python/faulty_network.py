"""Three programs of ours with everything between them going wrong, and nothing lost, doubled or out of order.

A proxy stands between the carrier and the others: it delays what passes, cuts connections, closes one half of them, and lets
some fall silent. The clocks of the relay and of the device are an hour ahead of the carrier's and an hour behind. In the middle
the carrier's disk is full.

    python faulty_network.py --programs target/release

Needs root, for a small disk, and Debian's `libfaketime`.
"""

import argparse
import asyncio
import contextlib
import os
import pathlib
import random
import re
import signal
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator

from strangers import DEADLINE_S, Program
from talk_to_the_relay import (
    APP_SECRET, BUSINESS_ACCOUNT_ID, ENDPOINT, PHONE_NUMBER_ID, TO_THE_END, TOKEN, VERIFY_TOKEN, Business, attempt, expect, free_port,
)

USER = "16505551234"
# Messages each way, half of them before the disk is full, unless it is said.
EACH_WAY = 1000
DISK_MIB = 96
# So often the carrier shows that it is there, so that a connection that fell silent is noticed within the test.
HEARTBEAT_S = 2
# How long everything may take to arrive after the last fault.
PATIENCE_S = 240.0
AHEAD, BEHIND = "+3600s", "-3600s"
FAKETIME = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), pathlib.Path("libfaketime.so.1"))


class FaultyProxy:
    """Passes on what comes to its port, as badly as a network may."""

    def __init__(self, to: int, seed: int) -> None:
        self.to, self.random, self.faults = to, random.Random(seed), Counter()
        self.port = free_port()
        self.well_behaved = False
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(asyncio.start_server(self._accept, "127.0.0.1", self.port))
        self.loop.run_forever()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Some wait, so that they get there in another order than they came.
        await asyncio.sleep(0 if self.well_behaved else self.random.choice([0, 0, 0.05, 0.3]))
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self.to)
        except OSError:
            writer.close()
            return
        self.faults["connections"] += 1
        ways = [
            asyncio.ensure_future(self._pass(reader, there_writer)),
            asyncio.ensure_future(self._pass(there_reader, writer)),
        ]
        await asyncio.wait([*ways, asyncio.ensure_future(self._fate(ways, writer, there_writer))], return_when=asyncio.ALL_COMPLETED)
        for one in (writer, there_writer):
            with contextlib.suppress(Exception):
                one.close()

    async def _fate(self, ways: list, *ends: asyncio.StreamWriter) -> None:
        """What becomes of a connection after a while."""
        while True:
            await asyncio.sleep(self.random.uniform(0.1, 1.5))
            if all(way.done() for way in ways):
                return
            if self.well_behaved:
                continue
            fault = self.random.choice(["cut", "reset", "half closed", "silent", "none"])
            self.faults[fault] += 1
            if fault == "cut":
                for way in ways:
                    way.cancel()
                return
            if fault == "reset":
                for end in ends:
                    end.transport.abort()
                return
            if fault == "half closed":
                ways[self.random.randrange(2)].cancel()
                with contextlib.suppress(Exception):
                    ends[self.random.randrange(2)].write_eof()
                await asyncio.sleep(1)
                for way in ways:
                    way.cancel()
                return
            if fault == "silent":
                # Nothing passes, and nobody is told; at last both ends are.
                for way in ways:
                    way.cancel()
                await asyncio.sleep(self.random.uniform(0.5, 4.0))
                return

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.CancelledError):
            while some := await reader.read(self.random.choice([1 << 16, 1 << 16, 100])):
                if not self.well_behaved and self.random.random() < 0.02:
                    self.faults["delays"] += 1
                    await asyncio.sleep(self.random.uniform(0, 0.1))
                writer.write(some)
                await writer.drain()


@contextlib.contextmanager
def small_disk(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "bulla-carrier", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def skewed(by: str) -> dict[str, str]:
    """The environment of a program whose clock is off; how fast its time goes stays as it is."""
    return {"LD_PRELOAD": str(FAKETIME), "FAKETIME": by, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


class Faults:
    """Everybody, and what is done to them."""

    def __init__(self, programs: pathlib.Path, folder: pathlib.Path, disk: pathlib.Path, each_way: int, seed: int) -> None:
        self.programs, self.folder, self.disk, self.each_way = programs, folder, disk, each_way
        self.business = Business(relay_port=free_port(), webhook_port=free_port())
        self.business.serve()
        self.port, self.metrics = free_port(), free_port()
        self.proxy = FaultyProxy(self.port, seed)
        self.said: tuple[list[str], list[str]] = ([], [])
        self.ids: list[str] = []
        self.children: list[Program] = []

    def run(self, name: str, *command: object, **environment: str) -> Program:
        program = Program(name, [str(part) for part in command], **environment)
        self.children.append(program)
        return program

    def checks(self) -> list[Callable[[], None]]:
        return [
            self.everybody_gets_ready_with_clocks_that_disagree,
            self.half_of_it_is_said_over_a_faulty_network,
            self.the_carrier_says_that_its_disk_is_full_and_ends,
            self.the_rest_is_said_when_it_is_back,
            self.everything_arrives_once_and_in_order,
            self.every_message_is_told_as_read,
            self.nobody_panicked,
        ]

    def start_carrier(self) -> None:
        # fmt: off
        self.carrier = self.run(
            "carrier", self.programs / "carrier", "--listen", f"127.0.0.1:{self.port}",
            "--metrics", f"127.0.0.1:{self.metrics}", "--data", self.disk / "data",
            "--heartbeat", HEARTBEAT_S,
        )
        # fmt: on
        self.carrier.line("^ready on localhost")

    def everybody_gets_ready_with_clocks_that_disagree(self) -> None:
        self.start_carrier()
        authority = self.disk / "data" / "tls" / "authority.pem"
        grant = self.folder / "grant"
        # fmt: off
        given = subprocess.run(
            [self.programs / "carrier", "--data", self.disk / "data", "--grant", PHONE_NUMBER_ID],
            check=True, capture_output=True, text=True, timeout=DEADLINE_S,
        )
        grant.write_text(given.stdout)
        self.relay = self.run(
            "relay", self.programs / "relay", "--carrier", f"localhost:{self.proxy.port}",
            "--authority", authority, "--grant", grant, "--data", self.folder / "relay",
            "--listen", f"127.0.0.1:{self.business.relay_port}", "--token", TOKEN,
            "--phone-number-id", PHONE_NUMBER_ID, "--business-account-id", BUSINESS_ACCOUNT_ID,
            "--webhook", f"http://127.0.0.1:{self.business.webhook_port}{ENDPOINT}",
            "--verify-token", VERIFY_TOKEN, "--app-secret", APP_SECRET,
            **skewed(AHEAD),
        )
        self.relay.line("^ready on http")
        self.device = self.run(
            "device", self.programs / "device", "--carrier", f"localhost:{self.proxy.port}",
            "--authority", authority, "--user", f"+{USER}", "--business", PHONE_NUMBER_ID, "--data", self.folder / "device",
            **skewed(BEHIND),
        )
        # fmt: on
        self.device.line("type it$")
        self.device.say(self.carrier.line(rf"code for \+{USER}: (\d+)")[1])
        self.device.line("^ready as")

    def talk(self, count: int) -> None:
        to_user, to_business = self.said
        for _ in range(count):
            to_business.append(f"to the business {len(to_business)}")
            self.device.say(to_business[-1])
            to_user.append(f"to the user {len(to_user)}")
            message_id = self.business.wa.send_message(to=USER, text=to_user[-1]).id
            self.business.sends(message_id, TO_THE_END)
            self.ids.append(message_id)

    def half_of_it_is_said_over_a_faulty_network(self) -> None:
        self.talk(self.each_way // 2)

    def the_carrier_says_that_its_disk_is_full_and_ends(self) -> None:
        filler = self.disk / "filler"
        with contextlib.suppress(OSError), filler.open("wb") as file:
            while True:
                file.write(b"x" * 4096)
        # What is said now stays with who says it.
        self.talk(min(50, self.each_way // 10))
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.carrier.child.wait(DEADLINE_S)
        expect(self.carrier.child.poll(), f"the carrier goes on with a disk that is full: {self.carrier.lines[-5:]}")
        self.carrier.reader.join(DEADLINE_S)
        said = "\n".join(self.carrier.lines)
        expect(re.search(r"(?i)no space|full|storage", said), f"it does not say what is wrong: {self.carrier.lines[-5:]}")
        filler.unlink()

    def the_rest_is_said_when_it_is_back(self) -> None:
        self.start_carrier()
        self.talk(self.each_way - len(self.said[0]))
        self.proxy.well_behaved = True

    def shown(self) -> list[str]:
        found = (re.search(r'<- \d+ [0-9a-f]{32} "(to the user \d+)"$', line) for line in self.device.lines)
        return [match[1] for match in found if match]

    def everything_arrives_once_and_in_order(self) -> None:
        to_user, to_business = self.said
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until and (len(self.shown()) < len(to_user) or len(self.business.messages) < len(to_business)):
            time.sleep(0.2)
        expect(self.shown() == to_user, difference(self.shown(), to_user))
        heard = [message.text for message in self.business.messages]
        expect(heard == to_business, difference(heard, to_business))
        faults = ", ".join(f"{count} {fault}" for fault, count in sorted(self.proxy.faults.items()))
        print(f"     {len(to_user) + len(to_business)} messages over {faults}")

    def every_message_is_told_as_read(self) -> None:
        until = time.monotonic() + PATIENCE_S
        by_id: dict[str, list[str]] = {}
        while time.monotonic() < until:
            by_id = {}
            for status in list(self.business.statuses):
                by_id.setdefault(status.id, []).append(status.status.value)
            if all(by_id.get(message_id) == TO_THE_END for message_id in self.ids):
                return
            time.sleep(0.2)
        wrong = {message_id: by_id.get(message_id) for message_id in self.ids if by_id.get(message_id) != TO_THE_END}
        expect(not wrong, f"{len(wrong)} have other statuses, such as {next(iter(wrong.items()), None)}")

    def nobody_panicked(self) -> None:
        for program in (self.device, self.relay, self.carrier):
            program.stop(signal.SIGTERM)
        panics = [line for program in self.children for line in program.lines if "panicked" in line]
        expect(not panics, f"{panics}")


def difference(found: list[str], expected: list[str]) -> str:
    at = next((at for at, pair in enumerate(zip(found, expected)) if pair[0] != pair[1]), min(len(found), len(expected)))
    return f"{len(found)} instead of {len(expected)}; from number {at} on {found[at : at + 3]} instead of {expected[at : at + 3]}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=pathlib.Path, required=True, help="the folder of carrier, relay and device")
    parser.add_argument("--each-way", type=int, default=EACH_WAY, help="how many messages each way")
    parser.add_argument("--seed", type=int, default=1, help="the proxy's chance")
    asked = parser.parse_args()
    if os.geteuid() != 0 or not FAKETIME.exists():
        print(f"it needs root, and {FAKETIME}")
        return 1
    with tempfile.TemporaryDirectory(prefix="bulla-") as folder, small_disk(pathlib.Path(folder) / "disk") as disk:
        faults = Faults(asked.programs.absolute(), pathlib.Path(folder), disk, asked.each_way, asked.seed)
        results = []
        try:
            for check in faults.checks():
                results.append(attempt(check.__name__.replace("_", " "), check))
                # Each stands on those before it.
                if not results[-1]:
                    break
        finally:
            for child in faults.children:
                child.end()
        if not all(results):
            for child in faults.children:
                print(f"-- {child.name}:", *child.lines[-20:], sep="\n   ")
    print(f"{results.count(True)} passed, {results.count(False)} failed")
    return 0 if all(results) else 1


if __name__ == "__main__":
    raise SystemExit(main())
