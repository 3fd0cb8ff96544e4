"""Strangers at both ends: a user whose device is the official library in Node, and a business that uses pywa.

Ours is everything between, each party a process of its own: the carrier, the relay, and the Rust device as another user. All of
it over TLS with the certificate that the carrier makes.

Prints a line per check, and fails on whatever is lost, doubled, out of order or not confirmed.

    python strangers.py --programs target/release --node node --user examples/node/user.mjs
"""

import argparse
import base64
import json
import os
import pathlib
import re
import secrets
import signal
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable

from pywa.types import MessageType

from talk_to_the_relay import (
    APP_SECRET, BUSINESS_ACCOUNT_ID, ENDPOINT, OF_A_REACTION, PHONE_NUMBER_ID, TO_THE_END, TOKEN, VERIFY_TOKEN, Business,
    attempt, expect, free_port,
)

USER = "16505551234"
RUST_USER = "442079460958"
DEADLINE_S = 60.0
# Messages each way while things break, so 500 in all, unless it is said.
EACH_WAY = 250
# What is told of everything the carrier does.
TRACES = "trace"


class Program:
    """A child process whose lines are remembered."""

    def __init__(self, name: str, command: list[str], **environment: str) -> None:
        self.name, self.command, self.environment = name, command, os.environ | environment
        self.lines: list[str] = []
        self.news = threading.Condition()
        self.start()

    def start(self) -> None:
        self.child = subprocess.Popen(
            self.command, env=self.environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8",
        )
        self.reader = threading.Thread(target=self._read, args=(self.child,), daemon=True)
        self.reader.start()

    def _read(self, child: subprocess.Popen) -> None:
        for line in child.stdout:
            with self.news:
                self.lines.append(line.rstrip("\n"))
                self.news.notify_all()

    def wait_for(self, holds: Callable[[], object], what: str) -> object:
        with self.news:
            gone = lambda: self.child.poll() is not None
            self.news.wait_for(lambda: holds() or gone(), DEADLINE_S)
            found = holds()
            expect(found, f"{self.name}: {what}; it said {self.lines[-8:]}")
            return found

    def line(self, pattern: str, after: int = 0) -> re.Match:
        find = lambda: next(filter(None, (re.search(pattern, line) for line in self.lines[after:])), None)
        return self.wait_for(find, f"no line says {pattern}")

    def say(self, line: str) -> None:
        self.child.stdin.write(f"{line}\n")
        self.child.stdin.flush()

    def stop(self, how: signal.Signals) -> int:
        self.child.send_signal(how)
        code = self.child.wait(DEADLINE_S)
        self.reader.join(DEADLINE_S)
        return code

    def end(self) -> None:
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()


class NodeUser(Program):
    """A device of the official library; it is told and tells in JSON."""

    def order(self, **what: object) -> None:
        self.say(json.dumps(what))

    def told(self, key: str, after: int = 0) -> list[dict]:
        return [news for news in map(as_json, self.lines[after:]) if news and key in news]

    def next(self, key: str, count: int, after: int = 0) -> dict:
        """The news number `count` of those with `key`."""
        self.wait_for(lambda: len(self.told(key, after)) > count, f"there are not {count + 1} of {key}")
        return self.told(key, after)[count]

    def says(self, text: str, **context: str) -> None:
        self.order(text=text, **context)

    def texts(self) -> list[str]:
        return [news["text"] for news in self.told("got") if "text" in news]


def memory_of(process: int) -> bytes:
    """Everything the process can write to."""
    held = []
    with open(f"/proc/{process}/maps") as maps, open(f"/proc/{process}/mem", "rb", buffering=0) as memory:
        for line in maps:
            span, rights = line.split()[:2]
            begin, end = (int(place, 16) for place in span.split("-"))
            if rights.startswith("rw"):
                try:
                    memory.seek(begin)
                    held.append(memory.read(end - begin))
                except OSError:
                    continue
    return b"".join(held)


def canaries_in(held: bytes, canaries: list[str]) -> list[str]:
    """Which of them are there, as they are, in UTF-16, in base64 or in hexadecimal."""
    half = len(canaries[0]) // 2

    def words(text: bytes, size: int) -> set[bytes]:
        return {text[at : at + size] for at in range(len(text) - size + 1)}

    # One pass for all: a canary is 24 digits, so each run of them that is long enough is looked up.
    said = set(canaries)
    runs = [match[0].decode() for match in re.finditer(rb"[0-9a-f]{24,}", held)]
    runs += [match[0].decode("utf-16-le") for match in re.finditer(rb"(?:[0-9a-f]\0){24,}", held)]
    found = {run[at : at + 24] for run in runs for at in range(len(run) - 23)} & said
    # What does not change with what stands beside it: whole groups of three bytes, at each of three places.
    groups = {}
    for canary in canaries:
        for lead in range(3):
            coded = base64.b64encode(b"\0" * lead + canary.encode())[4 if lead else 0 :]
            groups[coded[:20]] = canary
    for match in re.finditer(rb"[0-9A-Za-z+/]{20,}", held):
        if len(match[0]) < 4096:
            found |= {groups[word] for word in words(match[0], 20) if word in groups}
    hexadecimal = {canary.encode().hex()[: 2 * half]: canary for canary in canaries}
    for run in runs:
        found |= {hexadecimal[word] for word in (run[at : at + 2 * half] for at in range(len(run) - 2 * half + 1)) if word in hexadecimal}
    return sorted(found)


def as_json(line: str) -> dict | None:
    return json.loads(line) if line.startswith("{") else None


class Strangers:
    """Everybody, and the checks in the order in which they are made."""

    def __init__(self, programs: pathlib.Path, node: str, user: pathlib.Path, folder: pathlib.Path, each_way: int) -> None:
        self.programs, self.node, self.user, self.folder, self.each_way = programs, node, user, folder, each_way
        # What everybody says ends with a word that nobody else ever said.
        self.canaries: list[str] = []
        self.business = Business(relay_port=free_port(), webhook_port=free_port())
        self.business.serve()
        self.ports = [free_port(), free_port()]
        self.children: list[Program] = []
        self.expected_messages = 0

    def run(self, name: str, kind: type[Program], *command: str, **environment: str) -> Program:
        program = kind(name, [str(part) for part in command], **environment)
        self.children.append(program)
        return program

    def checks(self) -> list[Callable[[], None]]:
        return [
            self.the_carrier_and_the_relay_get_ready,
            self.a_user_with_the_official_library_registers,
            self.a_text_arrives_and_is_answered_in_context,
            self.reactions_go_both_ways,
            self.a_device_of_ours_talks_to_the_same_business,
            self.a_message_that_does_not_open_is_asked_for_again,
            self.a_second_device_of_the_user_hears_the_business,
            self.nothing_is_lost_while_the_carrier_restarts_and_the_relay_is_killed,
            self.the_carrier_has_nothing_of_what_was_said,
            self.a_device_that_is_set_up_anew_hears_and_is_heard,
            self.the_counts_agree,
            self.everybody_ends_in_peace,
            self.pywa_finds_nothing_wrong,
        ]

    def the_carrier_and_the_relay_get_ready(self) -> None:
        address = f"127.0.0.1:{self.ports[0]}"
        # fmt: off
        self.carrier = self.run(
            "carrier", Program, self.programs / "carrier",
            "--listen", address, "--metrics", f"127.0.0.1:{self.ports[1]}", "--data", self.folder / "carrier",
            RUST_LOG=TRACES,
        )
        # fmt: on
        self.carrier.line("^ready on localhost")
        self.authority = self.folder / "carrier" / "tls" / "authority.pem"
        self.start_relay()

    def start_relay(self) -> None:
        grant = self.grant()
        # fmt: off
        self.relay = self.run(
            "relay", Program, self.programs / "relay",
            "--carrier", f"localhost:{self.ports[0]}", "--authority", self.authority, *grant,
            "--listen", f"127.0.0.1:{self.business.relay_port}", "--data", self.folder / "relay",
            "--token", TOKEN, "--phone-number-id", PHONE_NUMBER_ID, "--business-account-id", BUSINESS_ACCOUNT_ID,
            "--webhook", f"http://127.0.0.1:{self.business.webhook_port}{ENDPOINT}",
            "--verify-token", VERIFY_TOKEN, "--app-secret", APP_SECRET,
        )
        # fmt: on
        self.relay.line("^ready on http")

    def grant(self) -> list[str]:
        """What the carrier's operator has given the business's relay."""
        file = self.folder / "grant"
        if not file.exists():
            # fmt: off
            given = subprocess.run(
                [self.programs / "carrier", "--data", self.folder / "carrier", "--grant", PHONE_NUMBER_ID],
                check=True, capture_output=True, text=True, timeout=DEADLINE_S,
            )
            # fmt: on
            file.write_text(given.stdout)
        return ["--grant", str(file)]

    def start_user(self, device: int, state: str) -> NodeUser:
        # fmt: off
        return self.run(
            f"user's device {device}", NodeUser, self.node, self.user,
            "--carrier", f"localhost:{self.ports[0]}", "--authority", self.authority, "--user", USER,
            "--device", str(device), "--business", PHONE_NUMBER_ID, "--state", self.folder / state,
        )
        # fmt: on

    def register(self, program: Program, number: str, codes_before: int, tell: Callable[[str], None]) -> None:
        code = self.carrier.line(rf"code for \+{number}: (\d+)", codes_before)[1]
        tell(code)

    def a_user_with_the_official_library_registers(self) -> None:
        before = len(self.carrier.lines)
        self.node_user = self.start_user(1, "user.json")
        self.node_user.next("wants", 0)
        self.node_user.order(code="000000")
        self.node_user.next("wants", 1)
        self.register(self.node_user, USER, before, lambda code: self.node_user.order(code=code))
        self.node_user.next("is", 0)

    def hears(self, text: str) -> object:
        """The next message to the business, which must say `text`."""
        message = self.business.next_message(self.expected_messages)
        self.expected_messages += 1
        expect(message.type == MessageType.TEXT and message.text == text, f"{message.type} {message.text!r} instead of {text!r}")
        expect(message.from_user.wa_id == USER, f"from {message.from_user.wa_id}")
        return message

    def a_text_arrives_and_is_answered_in_context(self) -> None:
        user = self.node_user
        user.says("hello, שלום 👩🏽‍🚀")
        self.first = self.hears("hello, שלום 👩🏽‍🚀")
        sent = user.next("sent", 0)["sent"]
        reply = self.first.reply("hello, stranger", quote=True)
        self.business.sends(reply.id, TO_THE_END)
        got = user.next("got", 0)
        expect(got["text"] == "hello, stranger" and got["reply_to"] == sent, f"{got}, after {sent}")
        self.business.wait_for_statuses(reply.id, TO_THE_END)
        expect(sent in user.next("progress", 0)["ids"], "the business has not confirmed it")
        user.says("and an answer", reply_to=got["got"])
        answer = self.hears("and an answer")
        expect(answer.reply_to_message.id == reply.id, f"it answers {answer.reply_to_message}")
        self.got = got["got"]

    def reactions_go_both_ways(self) -> None:
        reaction = self.first.react("👍")
        self.business.sends(reaction.id, OF_A_REACTION)
        got = self.node_user.next("got", 1)
        expect(got["emoji"] == "👍" and got["on"] == self.node_user.told("sent")[0]["sent"], f"{got}")
        self.business.wait_for_statuses(reaction.id, OF_A_REACTION)
        self.node_user.order(emoji="🎉", on=self.got)
        message = self.business.next_message(self.expected_messages)
        self.expected_messages += 1
        expect(message.type == MessageType.REACTION and message.reaction.emoji == "🎉", f"{message}")

    def a_device_of_ours_talks_to_the_same_business(self) -> None:
        before = len(self.carrier.lines)
        # fmt: off
        self.rust_user = self.run(
            "device", Program, self.programs / "device",
            "--carrier", f"localhost:{self.ports[0]}", "--authority", self.authority, "--user", f"+{RUST_USER}",
            "--business", PHONE_NUMBER_ID, "--data", self.folder / "device",
        )
        # fmt: on
        self.rust_user.line("type it$")
        self.register(self.rust_user, RUST_USER, before, self.rust_user.say)
        self.rust_user.line("^ready as")
        self.rust_user.say("from a device of ours")
        message = self.business.next_message(self.expected_messages)
        self.expected_messages += 1
        expect(message.text == "from a device of ours" and message.from_user.wa_id == RUST_USER, f"{message}")
        sent = self.business.wa.send_message(to=RUST_USER, text="to a device of ours")
        self.business.sends(sent.id, TO_THE_END)
        self.rust_user.line("to a device of ours")
        self.business.wait_for_statuses(sent.id, TO_THE_END)

    def sends(self, text: str, end: list[str] = TO_THE_END) -> str:
        message_id = self.business.wa.send_message(to=USER, text=text).id
        self.business.sends(message_id, end)
        return message_id

    def a_message_that_does_not_open_is_asked_for_again(self) -> None:
        user, before = self.node_user, len(self.node_user.texts())
        user.order(forget_session=True)
        sent = self.sends("asked for again")
        user.next("asked_for", 0)
        user.wait_for(lambda: user.texts()[before:] == ["asked for again"], "it does not come")
        self.business.wait_for_statuses(sent, TO_THE_END)

    def a_second_device_of_the_user_hears_the_business(self) -> None:
        before = len(self.carrier.lines)
        self.second = self.start_user(2, "second.json")
        self.second.next("wants", 0)
        self.register(self.second, USER, before, lambda code: self.second.order(code=code))
        identity = self.second.next("is", 0)["identity"]
        # Nothing is sealed for it before the first has listed it.
        sent = self.sends("to the first alone")
        self.node_user.wait_for(lambda: self.node_user.texts()[-1:] == ["to the first alone"], "it does not come")
        self.business.wait_for_statuses(sent, TO_THE_END)
        expect(not self.second.texts(), f"{self.second.texts()} was sealed for it")
        self.node_user.order(approve=2, identity=identity)
        self.node_user.next("listed", 0)
        sent = self.sends("to both of them")
        for user in (self.node_user, self.second):
            user.wait_for(lambda: user.texts()[-1:] == ["to both of them"], "it does not come")
        self.business.wait_for_statuses(sent, TO_THE_END)
        self.second.says("from the second")
        self.hears("from the second")

    def nothing_is_lost_while_the_carrier_restarts_and_the_relay_is_killed(self) -> None:
        user, business = self.node_user, self.business
        heard, read = self.expected_messages, len(user.texts())
        wanted_out = [self.text(f"to the user {count}") for count in range(self.each_way)]
        wanted_in = [self.text(f"to the business {count}") for count in range(self.each_way)]
        ids = []
        for count, (to_user, to_business) in enumerate(zip(wanted_out, wanted_in, strict=True)):
            user.says(to_business)
            ids.append(self.sends(to_user))
            if count == self.each_way // 3:
                expect(self.carrier.stop(signal.SIGTERM) == 0, "the carrier did not end in peace")
                self.carrier.start()
                self.carrier.line("^ready on localhost", len(self.carrier.lines))
            if count == 2 * self.each_way // 3:
                # No request is under way: what the user has sent meanwhile is.
                self.relay.stop(signal.SIGKILL)
                self.start_relay()
        until = time.monotonic() + self.each_way / 10
        while time.monotonic() < until and any(len(one.texts()) < self.each_way for one in (user, self.second)):
            time.sleep(0.1)
        for one in (user, self.second):
            one.wait_for(lambda: len(one.texts()) >= self.each_way, "not all have come")
            one.wait_for(lambda: one.texts()[-self.each_way:] == wanted_out, f"others have come: {one.texts()[-4:]}")
        expect(user.texts()[read:] == wanted_out, "something came twice, or in another order")
        business.wait_for(
            lambda: len(self.distinct(heard)) >= self.each_way, lambda: f"{len(self.distinct(heard))} of {self.each_way} have come"
        )
        expect(self.distinct(heard) == wanted_in, "something came twice, or in another order")
        self.expected_messages = len(business.messages)
        for message_id in ids:
            business.wait_for(lambda: set(business.statuses_of(message_id)) == set(TO_THE_END), lambda: f"{message_id}: {business.statuses_of(message_id)}")

    def text(self, text: str) -> str:
        self.canaries.append(secrets.token_hex(12))
        return f"{text} {self.canaries[-1]}"

    def the_carrier_has_nothing_of_what_was_said(self) -> None:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[1]}/metrics", timeout=DEADLINE_S) as page:
            counters = page.read()
        places = {
            "its memory": memory_of(self.carrier.child.pid),
            "its files": b"".join(file.read_bytes() for file in (self.folder / "carrier").rglob("*") if file.is_file()),
            "its traces": "\n".join(self.carrier.lines).encode(),
            "its counters": counters,
        }
        # Guards the guard: what it knows is found.
        expect(USER.encode() in places["its memory"], "its memory was not read")
        expect(b" TRACE " in places["its traces"] and b"bulla_carrier" in counters, "nothing is traced or counted")
        for place, held in places.items():
            found = canaries_in(held, self.canaries)
            expect(not found, f"{len(found)} of {len(self.canaries)} words are in {place}: {found[:3]}")
        sizes = ", ".join(f"{place} {len(held) / 2**20:.1f} MiB" for place, held in places.items())
        print(f"     {len(self.canaries)} words searched for in {sizes}")

    def distinct(self, since: int) -> list[str]:
        """What came to the business, each message once: a webhook whose answer was lost with the relay comes again."""
        messages = {message.id: message.text for message in self.business.messages[since:]}
        return list(messages.values())

    def a_device_that_is_set_up_anew_hears_and_is_heard(self) -> None:
        self.second.end()
        self.node_user.end()
        sent = self.sends("while nobody was there")
        before = len(self.carrier.lines)
        self.node_user = self.start_user(1, "anew.json")
        self.node_user.next("wants", 0)
        self.register(self.node_user, USER, before, lambda code: self.node_user.order(code=code))
        self.node_user.next("is", 0)
        self.node_user.wait_for(lambda: self.node_user.texts() == ["while nobody was there"], "it does not come")
        self.business.wait_for_statuses(sent, TO_THE_END)
        self.node_user.says("it is me, with a new phone")
        self.hears("it is me, with a new phone")
        sent = self.sends("so it is")
        self.node_user.wait_for(lambda: self.node_user.texts()[-1:] == ["so it is"], "it does not come")
        self.business.wait_for_statuses(sent, TO_THE_END)

    def the_counts_agree(self) -> None:
        """Each message has all its statuses, in order, and none is told that nobody sent."""
        business = self.business
        for message_id, expected in business.sent.items():
            found = business.statuses_of(message_id)
            # After the kill the relay tells once more what it had told and not yet noted.
            expect(list(dict.fromkeys(found)) == expected, f"{message_id}: {found} instead of {expected}")
        strange = {status.id for status in business.statuses} - set(business.sent)
        expect(not strange, f"statuses of messages nobody sent: {strange}")
        ids = [message.id for message in business.messages]
        twice = len(ids) - len(set(ids))
        expect(twice <= 64, f"{twice} messages were told twice")
        print(f"     {len(business.sent)} messages to users, {len(set(ids))} from users, {twice} of them told twice after the kill")

    def everybody_ends_in_peace(self) -> None:
        for program in (self.rust_user, self.relay, self.carrier):
            code = program.stop(signal.SIGTERM)
            expect(code == 0, f"{program.name} ended with {code}: {program.lines[-3:]}")
            panics = [line for line in program.lines if "panicked" in line]
            expect(not panics, f"{program.name} panicked: {panics}")

    def pywa_finds_nothing_wrong(self) -> None:
        expect(not self.business.complaints.found, "; ".join(self.business.complaints.found))

    def end(self) -> None:
        for child in self.children:
            child.end()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=pathlib.Path, required=True, help="the folder of carrier, relay and device")
    parser.add_argument("--node", default="node", help="the Node that runs the user's device")
    parser.add_argument("--user", type=pathlib.Path, required=True, help="the user's device, user.mjs")
    parser.add_argument("--each-way", type=int, default=EACH_WAY, help="how many messages each way while things break")
    asked = parser.parse_args()
    # Guards the guard: each shape is found.
    word = secrets.token_hex(12)
    shapes = [word.encode(), word.encode("utf-16-le"), base64.b64encode(b"x" + word.encode()), word.encode().hex().encode()]
    expect(all(canaries_in(b"\1" + shape + b"\1", [word]) for shape in shapes), "a word is not found in every shape")
    with tempfile.TemporaryDirectory(prefix="bulla-") as folder:
        strangers = Strangers(asked.programs, asked.node, asked.user, pathlib.Path(folder), asked.each_way)
        results = []
        try:
            for check in strangers.checks():
                results.append(attempt(check.__name__.replace("_", " "), check))
                # Each stands on those before it.
                if not results[-1]:
                    break
        finally:
            strangers.end()
        if not all(results):
            for child in strangers.children:
                print(f"-- {child.name}:", *child.lines[-20:], sep="\n   ")
    print(f"{results.count(True)} passed, {results.count(False)} failed")
    return 0 if all(results) else 1


if __name__ == "__main__":
    raise SystemExit(main())
