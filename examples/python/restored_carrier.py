"""A carrier that is put back from a backup, between a relay and a device that went on.

Three programs of ours over TLS. The carrier's database is copied while it is stopped, messages go on, the carrier is killed, the
copy takes the database's place, and it is started again. Its keys are no part of the backup, as the guide's page `backups` says.

    python restored_carrier.py --programs target/release
"""

import argparse
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable

from strangers import DEADLINE_S, Program
from talk_to_the_relay import (
    APP_SECRET, BUSINESS_ACCOUNT_ID, ENDPOINT, PHONE_NUMBER_ID, TO_THE_END, TOKEN, VERIFY_TOKEN, Business, attempt, expect, free_port,
)

USER = "16505551234"
NEWCOMER = "16505550199"
# Messages of each sort, unless it is said: those that everybody has, those that wait in the backup, and those that came after it.
COUNT = 40
HEARTBEAT_S = 2


class Restored:
    """Everybody, and the checks in the order in which they are made."""

    def __init__(self, programs: pathlib.Path, folder: pathlib.Path, count: int) -> None:
        self.programs, self.folder, self.count = programs, folder, count
        self.business = Business(relay_port=free_port(), webhook_port=free_port())
        self.business.serve()
        self.port, self.metrics = free_port(), free_port()
        self.data, self.backup = folder / "carrier", folder / "backup"
        self.children: list[Program] = []
        self.devices: list[Program] = []
        # What was said and has to arrive, each way.
        self.to_user: list[str] = []
        self.to_business: list[str] = []
        # What was said to the user and lost by the carrier.
        self.late: list[str] = []

    def checks(self) -> list[Callable[[], None]]:
        return [
            self.everybody_gets_ready,
            self.what_is_said_arrives,
            self.a_backup_is_made_while_messages_wait_and_they_arrive_after_it,
            self.what_comes_again_from_the_backup_is_known,
            self.what_was_taken_after_the_backup_is_sent_again,
            self.what_the_user_had_said_after_the_backup_is_sent_again,
            self.each_party_says_what_is_wrong,
            self.the_log_of_keys_goes_on_from_the_checkpoint_that_the_relay_has_kept,
            self.another_log_of_keys_begins_under_another_key,
            self.everything_was_shown_once_and_told,
            self.everybody_ends_in_peace,
        ]

    def run(self, name: str, *command: object) -> Program:
        program = Program(name, [str(part) for part in command])
        self.children.append(program)
        return program

    def start_carrier(self, *options: object) -> None:
        # fmt: off
        self.carrier = self.run(
            "carrier", self.programs / "carrier", "--listen", f"127.0.0.1:{self.port}",
            "--metrics", f"127.0.0.1:{self.metrics}", "--data", self.data, "--heartbeat", HEARTBEAT_S,
            *options,
        )
        # fmt: on
        self.carrier.line("^ready on localhost")

    def put_back(self) -> None:
        """The carrier loses all that came after the backup."""
        self.carrier.stop(signal.SIGKILL)
        shutil.rmtree(self.data / "carrier")
        shutil.copytree(self.backup, self.data / "carrier")
        self.start_carrier()
        for what in ("the carrier's store was put back from a backup", "the log of keys stands still"):
            self.carrier.line(what)

    def start_device(self) -> None:
        # fmt: off
        self.device = self.run(
            "device", self.programs / "device", "--carrier", f"localhost:{self.port}",
            "--authority", self.data / "tls" / "authority.pem", "--user", f"+{USER}", "--business", PHONE_NUMBER_ID,
            "--data", self.folder / "device",
        )
        # fmt: on
        self.devices.append(self.device)

    def everybody_gets_ready(self) -> None:
        self.start_carrier()
        grant = self.folder / "grant"
        # fmt: off
        given = subprocess.run(
            [self.programs / "carrier", "--data", self.data, "--grant", PHONE_NUMBER_ID],
            check=True, capture_output=True, text=True, timeout=DEADLINE_S,
        )
        grant.write_text(given.stdout)
        self.relay = self.run(
            "relay", self.programs / "relay", "--carrier", f"localhost:{self.port}",
            "--authority", self.data / "tls" / "authority.pem", "--grant", grant, "--data", self.folder / "relay",
            "--log-key", self.carrier.line(r"^key log +(\S+)")[1],
            "--listen", f"127.0.0.1:{self.business.relay_port}", "--token", TOKEN,
            "--phone-number-id", PHONE_NUMBER_ID, "--business-account-id", BUSINESS_ACCOUNT_ID,
            "--webhook", f"http://127.0.0.1:{self.business.webhook_port}{ENDPOINT}",
            "--verify-token", VERIFY_TOKEN, "--app-secret", APP_SECRET,
        )
        # fmt: on
        self.relay.line("^ready on http")
        self.start_device()
        self.device.line("type it$")
        self.device.say(self.carrier.line(rf"code for \+{USER}: (\d+)")[1])
        self.device.line("^ready as")

    def sends(self, what: str) -> list[tuple[str, str]]:
        """Texts to the user, and their ids."""
        said = []
        for at in range(self.count):
            text = f"to the user, {what} {at}"
            said.append((text, self.business.sends(self.business.wa.send_message(to=USER, text=text).id, TO_THE_END)))
        return said

    def shown(self) -> list[str]:
        lines = (line for device in self.devices for line in device.lines)
        found = (re.search(r'<- \d+ [0-9a-f]{32} "(to the user, [^"]*)"$', line) for line in lines)
        return [match[1] for match in found if match]

    def are_shown(self, texts: list[str]) -> None:
        self.to_user += texts
        self.device.wait_for(lambda: texts[-1] in self.shown(), f"{texts[-1]!r} does not come")

    def are_read(self, said: list[tuple[str, str]]) -> None:
        for _, message_id in said:
            self.business.wait_for_statuses(message_id, TO_THE_END)

    def arrives_both_ways(self, what: str) -> None:
        for at in range(self.count):
            self.to_business.append(f"to the business, {what} {at}")
            self.device.say(self.to_business[-1])
        said = self.sends(what)
        self.are_shown([text for text, _ in said])
        self.are_read(said)
        business = self.business
        business.wait_for(
            lambda: len(business.messages) >= len(self.to_business), lambda: f"{len(business.messages)} of {len(self.to_business)} came"
        )

    def what_is_said_arrives(self) -> None:
        self.arrives_both_ways("at first")

    def a_backup_is_made_while_messages_wait_and_they_arrive_after_it(self) -> None:
        self.device.stop(signal.SIGKILL)
        waiting = self.sends("in the backup")
        for _, message_id in waiting:
            self.business.wait_for_statuses(message_id, ["sent"])
        expect(self.carrier.stop(signal.SIGTERM) == 0, f"{self.carrier.lines[-3:]}")
        shutil.copytree(self.data / "carrier", self.backup)
        self.start_carrier()
        self.start_device()
        self.are_shown([text for text, _ in waiting])
        self.are_read(waiting)

    def counter(self, name: str) -> float:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics}/metrics", timeout=DEADLINE_S) as page:
            lines = page.read().decode().splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if re.match(rf"{name}[ {{]", line))

    def counts(self, name: str, enough: float) -> float:
        """What a counter of the carrier has come to once it is enough, or there was no more time."""
        until = time.monotonic() + DEADLINE_S
        while (counted := self.counter(name)) < enough and time.monotonic() < until:
            time.sleep(0.1)
        return counted

    def what_comes_again_from_the_backup_is_known(self) -> None:
        self.put_back()
        # They stand in the queue before what is said now, so they have come when that has.
        self.arrives_both_ways("after the first restore")
        enough = 2 * self.count
        acknowledged = self.counts("bulla_carrier_acknowledged_total", enough)
        expect(acknowledged >= enough, f"{acknowledged} are acknowledged, of {self.count} that came again and {self.count} new ones")
        # A storm would be seen here: a message and two receipts for each is what there may be, and two receipts for what comes again.
        queued = self.counter("bulla_carrier_enqueued_total")
        expect(queued <= 8 * self.count + 8, f"{queued} envelopes were queued for {2 * self.count} messages")

    def what_was_taken_after_the_backup_is_sent_again(self) -> None:
        """The carrier has taken it, delivered none of it, and forgets it: who has sent it sends it again."""
        self.device.stop(signal.SIGKILL)
        lost = self.sends("after the backup")
        for _, message_id in lost:
            self.business.wait_for_statuses(message_id, ["sent"])
        self.put_back()
        self.start_device()
        self.late += [text for text, _ in lost]
        self.device.wait_for(lambda: all(text in self.shown() for text, _ in lost), "what was lost does not come again")
        self.are_read(lost)
        self.arrives_both_ways("after the second restore")
        print(f"     {len(lost)} messages that the carrier had taken after the backup have come, and their business knows it")

    def what_the_user_had_said_after_the_backup_is_sent_again(self) -> None:
        self.relay.child.send_signal(signal.SIGSTOP)
        queued = self.counter("bulla_carrier_enqueued_total")
        lost = [f"to the business, after the backup {at}" for at in range(self.count)]
        for text in lost:
            self.device.say(text)
        taken = self.counts("bulla_carrier_enqueued_total", queued + self.count)
        expect(taken == queued + self.count, f"the carrier has taken {taken - queued} of the {self.count} that the user has said")
        self.put_back()
        self.relay.child.send_signal(signal.SIGCONT)
        self.to_business += lost
        business = self.business
        business.wait_for(
            lambda: len(business.messages) >= len(self.to_business), lambda: f"{len(business.messages)} of {len(self.to_business)} came"
        )
        self.arrives_both_ways("after the third restore")
        print(f"     {len(lost)} messages that the carrier had taken from the user have come to the business")

    def each_party_says_what_is_wrong(self) -> None:
        for program in (self.relay, self.device):
            said = [line for line in program.lines if "the carrier was put back from a backup" in line]
            expect(said, f"{program.name} does not say that the carrier was put back: {program.lines[-5:]}")

    def the_log_of_keys_goes_on_from_the_checkpoint_that_the_relay_has_kept(self) -> None:
        """Nothing of it was lost: all keys were there before the backup."""
        checkpoint = self.folder / "relay" / "checkpoint.txt"
        expect(self.carrier.stop(signal.SIGTERM) == 0, f"{self.carrier.lines[-3:]}")
        self.start_carrier("--resume-key-log", checkpoint)
        self.carrier.line("^the log of keys goes on$")
        # Who checks the log takes the keys of the business now, with the proof.
        # fmt: off
        newcomer = self.run(
            "newcomer", self.programs / "device", "--carrier", f"localhost:{self.port}",
            "--authority", self.data / "tls" / "authority.pem", "--user", f"+{NEWCOMER}", "--business", PHONE_NUMBER_ID,
            "--data", self.folder / "newcomer", "--log-key", self.carrier.line(r"^key log +(\S+)")[1],
        )
        # fmt: on
        newcomer.line("type it$")
        newcomer.say(self.carrier.line(rf"code for \+{NEWCOMER}: (\d+)")[1])
        newcomer.line("^ready as")
        newcomer.say("from somebody who checks")
        newcomer.line("-> sent [0-9a-f]{32}$")
        self.to_business.append("from somebody who checks")
        business = self.business
        business.wait_for(lambda: len(business.messages) >= len(self.to_business), lambda: "it does not come")
        expect(newcomer.stop(signal.SIGTERM) == 0, f"{newcomer.lines[-3:]}")
        self.arrives_both_ways("after the log goes on")

    def another_log_of_keys_begins_under_another_key(self) -> None:
        """As if what the log had signed after the backup was lost, so that it is not to go on."""
        before = self.carrier.line(r"^key log +(\S+)")[1]
        expect(self.carrier.stop(signal.SIGTERM) == 0, f"{self.carrier.lines[-3:]}")
        (self.data / "keys" / "key_log.key").rename(self.folder / "old key")
        self.start_carrier("--begin-anew", "keys", "--resume-key-log", "new")
        self.carrier.line("^the log of keys goes on$")
        expect(self.carrier.line(r"^key log +(\S+)")[1] != before, "it is the same key")
        self.arrives_both_ways("under another log")

    def everything_was_shown_once_and_told(self) -> None:
        """What was lost comes late; all else keeps its order."""
        shown = self.shown()
        in_time = [text for text in shown if text not in self.late]
        expect(in_time == self.to_user, f"{len(in_time)} were shown of {len(self.to_user)}, or in another order")
        again = [text for text in shown if text in self.late]
        expect(again == self.late, f"{len(again)} came again of {len(self.late)}, or in another order")
        heard = [message.text for message in self.business.messages]
        expect(heard == self.to_business, f"{len(heard)} came to the business of {len(self.to_business)}, or in another order: {heard}")
        for message_id, expected in self.business.sent.items():
            found = self.business.statuses_of(message_id)
            expect(found == expected, f"{message_id}: {found} instead of {expected}")
        print(f"     {len(shown)} messages to the user and {len(self.to_business)} from them, over three restores")

    def everybody_ends_in_peace(self) -> None:
        for program in (self.device, self.relay, self.carrier):
            code = program.stop(signal.SIGTERM)
            expect(code == 0, f"{program.name} ended with {code}: {program.lines[-3:]}")
        panics = [line for program in self.children for line in program.lines if "panicked" in line]
        expect(not panics, f"{panics}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=pathlib.Path, required=True, help="the folder of carrier, relay and device")
    parser.add_argument("--count", type=int, default=COUNT, help="how many messages of each sort")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bulla-") as folder:
        restored = Restored(asked.programs.absolute(), pathlib.Path(folder), asked.count)
        results = []
        try:
            for check in restored.checks():
                results.append(attempt(check.__name__.replace("_", " "), check))
                # Each stands on those before it.
                if not results[-1]:
                    break
        finally:
            for child in restored.children:
                child.end()
        if not all(results):
            for child in restored.children:
                print(f"-- {child.name}:", *child.lines[-20:], sep="\n   ")
    print(f"{results.count(True)} passed, {results.count(False)} failed")
    return 0 if all(results) else 1


if __name__ == "__main__":
    raise SystemExit(main())
