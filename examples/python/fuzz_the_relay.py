"""A fuzzer that believes the description of the Graph API asks a relay for everything that stands in it.

The description is `crates/bulla-graph/openapi.json`; the fuzzer is schemathesis as published. It makes requests that keep to the
description, and others that break it in one place; ids in them are mostly such as the relay has given, so that they lead
somewhere. Each answer must come in time, be no failure of the relay, and be as described: its status, its headers, its body.

    python fuzz_the_relay.py --relay target/release/embedded_relay --requests 2000
"""

import argparse
import collections
import contextlib
import json
import pathlib
import random
import socket
import sys
import time
from collections.abc import Iterator

import hypothesis
import requests
import schemathesis
from relay_process import BUSINESS_ACCOUNT_ID, DEADLINE_S, PHONE_NUMBER_ID, TOKEN, USER, Relay
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

DESCRIPTION = pathlib.Path(__file__).parents[2] / "crates/bulla-graph/openapi.json"
PIN = "271828"
APP = "1"
APP_SECRET = "a-secret-of-the-app"
SEED = 1
# So many in a row of one operation; then the next one has its turn.
AT_ONCE = 10
# How many of a hundred ids are left as they were made up.
MADE_UP_PERCENT = 10
LONGEST_LIST = 2
LONGEST_QUERY = 64
# What ends all sending stands at the end, and what takes away what others need.
LAST = {"deregister", "giveUpUpload"}
# What cannot be had here: nobody sends a code, and when it is asked last, the tries of a day are used up; no callback is taken.
NEVER = {"deregister", "requestCode", "subscribeApp", "verifyCode"}
# What is the app's own, and asked for with its token.
OF_APP = {"endAppSubscription", "readAppSubscription", "subscribeApp"}
# How it is told which one it is.
WHO = {"client_id": APP, "client_secret": APP_SECRET}
# What is answered with a file.
FILES = {"readContent", "readPicture", "readQrPicture"}
PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010804000000b51c0c020000000b4944415478da6364f80f00010501012718e366"
    "0000000049454e44ae426082"
)
# What nobody makes up who does not know what it means, put into every second body.
WHOLE = {
    "beginUpload": {"file_length": len(PICTURE), "file_type": "image/png"},
    "createFlow": {"flow_json": "{}"},
    "createTemplate": {"category": "UTILITY", "language": "en", "components": [{"type": "BODY", "text": "hello"}]},
    "putAsset": {"file": "{}"},
    "requestAppToken": WHO,
    "uploadMedia": {"file": PICTURE, "type": "image/png"},
    "upsertTemplates": {
        "category": "AUTHENTICATION", "languages": ["en_US", "es"], "name": "login",
        "components": [{"type": "BODY"}, {"type": "BUTTONS", "buttons": [{"type": "OTP", "otp_type": "COPY_CODE"}]}],
    },
}  # fmt: skip
# By what figures can be asked, in the place of most words that are made up.
FIGURES = {
    "country_codes": '["US","FR"]',
    "dimensions": '["COUNTRY","PHONE","PRICING_CATEGORY"]',
    "metric_types": "VOLUME",
    "phone_numbers": "[]",
    "pricing_categories": "",
    "pricing_types": "[]",
}
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


def described() -> dict:
    """The description; lists in requests are short in it, since lists in lists in lists would take most of the time."""

    def shorten(schema: object) -> None:
        if isinstance(schema, list):
            for item in schema:
                shorten(item)
        elif isinstance(schema, dict):
            name = schema.get("$ref", "").rpartition("/")[2]
            if name and name not in shortened:
                shortened.add(name)
                shorten(description["components"]["schemas"][name])
            if schema.get("type") == "array":
                schema["maxItems"] = min(schema.get("maxItems", LONGEST_LIST), LONGEST_LIST)
            for part in schema.values():
                shorten(part)

    description, shortened = json.loads(DESCRIPTION.read_bytes()), set()
    for path in description["paths"].values():
        for operation in path.values():
            if isinstance(operation, dict):
                shorten(operation.get("requestBody"))
                for parameter in operation.get("parameters", []):
                    # The head of a request takes sixteen KiB in all, and each letter may take nine bytes.
                    if (length := parameter.get("schema", {}).get("maxLength")) is not None:
                        parameter["schema"]["maxLength"] = min(length, LONGEST_QUERY)
    return description


class Known:
    """The ids that the relay has given, by what they are of."""

    KINDS = {
        "beginUpload": "upload", "createFlow": "flow", "createTemplate": "template", "putQrCode": "code",
        "uploadMedia": "media",
    }  # fmt: skip

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._ids: dict[str, list[str]] = collections.defaultdict(list)
        self._ids["number"].append(PHONE_NUMBER_ID)
        self._ids["account"].append(BUSINESS_ACCOUNT_ID)
        self._ids["app"].append(APP)

    def learn(self, operation: str, told: object, body: object) -> None:
        if not isinstance(told, dict):
            return
        if operation == "sendMessage":
            for message in told.get("messages", []):
                self._add("message", message["id"])
        elif operation in self.KINDS and isinstance(name := told.get("id", told.get("code")), str):
            self._add(self.KINDS[operation], name.removeprefix("upload:"))
        if operation == "continueUpload" and "h" in told:
            self._add("handle", told["h"])
        if operation == "createFlow" and isinstance(body, dict) and "flow_json" in body:
            self._add("draft", told["id"])
        if operation == "createTemplate" and isinstance(body, dict):
            self._add("name", body["name"])

    def published(self, flow: str) -> None:
        """This flow can be deprecated, which hardly any other can, and not be published again."""
        self._add("published", flow)
        self._ids["draft"] = [draft for draft in self._ids["draft"] if draft != flow]

    def _add(self, kind: str, name: str) -> None:
        ids = self._ids[kind]
        ids.append(name)
        # The latest ones: what was deleted passes.
        del ids[:-20]

    def one(self, *kinds: str, instead: object) -> object:
        """One of these kinds, or what was made up."""
        kinds = [kind for kind in kinds if self._ids[kind]]
        if not kinds or self._chance.randrange(100) < MADE_UP_PERCENT:
            return instead
        return self._chance.choice(self._ids[self._chance.choice(kinds)])

    def of_path(self, name: str, made_up: object) -> object:
        kinds = {
            "account_id": ["account"],
            "app_id": ["app"],
            "code": ["code"],
            "flow_id": ["flow"],
            "id": ["account", "flow", "media", "number", "template"],
            "media_id": ["media"],
            "phone_number_id": ["number"],
            "template_id": ["template"],
            "upload_id": ["upload"],
        }
        return self.one(*kinds[name], instead=made_up)

    def of_query(self, operation: str, name: str, made_up: object) -> object:
        kinds = {"code": ["code"], "hsm_id": ["template"], "ids": ["account", "flow", "number", "template"]}
        if operation == "deleteTemplates":
            kinds["name"] = ["name"]
        if operation == "readPricing" and self._chance.randrange(100) >= MADE_UP_PERCENT:
            now = int(time.time())
            return {**FIGURES, "start": now - 86_400, "end": now + 3600}.get(name, made_up)
        if name in WHO and self._chance.randrange(100) >= MADE_UP_PERCENT:
            return WHO[name]
        return self.one(*kinds.get(name, []), instead=made_up)

    def put_into(self, body: object) -> object:
        """The body, with ids that lead somewhere."""
        if isinstance(body, list):
            return [self.put_into(item) for item in body]
        if not isinstance(body, dict):
            return body
        body = {name: self.put_into(value) for name, value in body.items()}
        if isinstance(body.get("to"), str):
            body["to"] = USER if self._chance.randrange(4) else body["to"]
        if isinstance(body.get("message_id"), str):
            body["message_id"] = self.one("message", instead=body["message_id"])
        if isinstance(body.get("emoji"), str):
            body["emoji"] = self._chance.choice([body["emoji"], "", "\N{THUMBS UP SIGN}"])
        if isinstance(body.get("profile_picture_handle"), str):
            body["profile_picture_handle"] = self.one("handle", instead=body["profile_picture_handle"])
        if isinstance(body.get("pin"), str):
            body["pin"] = PIN
        for kind in ("audio", "document", "image", "sticker", "video"):
            if isinstance(file := body.get(kind), dict):
                body[kind] = self._file(file)
        if isinstance(template := body.get("template"), dict) and "name" in template:
            template["name"] = self.one("name", instead=template["name"])
        if isinstance(body.get("code"), str):
            body["code"] = self.one("code", instead=body["code"])
        if isinstance(body.get("relative_url"), str):
            body["relative_url"] = self.one("flow", "number", "template", instead=body["relative_url"])
        return body

    def _file(self, file: dict) -> dict:
        if isinstance(file.get("link"), str):
            # No stranger is asked for a file.
            file["link"] = f"http://127.0.0.1:9/{len(file['link'])}"
        media = self.one("media", instead=None)
        return file if media is None else {**file, "id": media}


class Fuzzer:
    """Makes requests, and counts what is wrong with the answers."""

    def __init__(self, relay: Relay, base: str, most: int) -> None:
        self.relay = relay
        self.base = base
        self.most = most
        self.made = 0
        self.statuses: collections.Counter[int] = collections.Counter()
        self.answered: dict[str, collections.Counter[int]] = collections.defaultdict(collections.Counter)
        self.failures: list[str] = []
        self.slowest = (0.0, "")
        self._chance = random.Random(SEED)
        self._known = Known(self._chance)
        self._session = requests.Session()

    def run(self) -> None:
        config = SchemathesisConfig.from_dict({"generation": {"with-security-parameters": False}})
        schema = schemathesis.openapi.from_dict(described(), config=config)
        operations = [found.ok() for found in schema.get_all_operations()]
        usual = [operation for operation in operations if operation.definition.raw["operationId"] not in LAST]
        last = [operation for operation in operations if operation not in usual]
        turn = 0
        # Of one that has ended nothing more is to be heard.
        while self.made < self.most - AT_ONCE * len(last) and self.relay.is_there():
            for operation in usual:
                self._ask(operation, self.most - AT_ONCE * len(last), turn)
            turn += 1
        for operation in last:
            self._ask(operation, self.most, 0)
        asked = {operation.definition.raw["operationId"] for operation in operations}
        self.failures += [f"{name}: it was never asked" for name in asked - set(self.answered)]

    def _ask(self, operation: object, most: int, turn: int) -> None:
        """Asks for one operation so many times in a row, but no more than `most` requests in all."""
        if self.made >= most or not self.relay.is_there():
            return
        mode = GenerationMode.NEGATIVE if turn % 3 == 2 else GenerationMode.POSITIVE
        settings = hypothesis.settings(
            max_examples=min(AT_ONCE, most - self.made),
            deadline=None,
            database=None,
            phases=[hypothesis.Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck),
        )

        @hypothesis.seed(SEED + turn)
        @settings
        @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
        def asks(case: object) -> None:
            if self.made < most:
                self._make(case)

        with contextlib.suppress(hypothesis.errors.Unsatisfiable):
            asks()

    def _make(self, case: object) -> None:
        name = case.operation.definition.raw["operationId"]
        made_up = dict(case.path_parameters or {})
        case.path_parameters = {key: self._known.of_path(key, value) for key, value in made_up.items()}
        if name == "deleteQrCode" and self._chance.randrange(3):
            # Or there would be none left to read.
            case.path_parameters["code"] = made_up["code"]
        case.query = {key: self._known.of_query(name, key, value) for key, value in (case.query or {}).items()}
        if (state := {"publishFlow": "draft", "deprecateFlow": "published"}.get(name)) and self._chance.randrange(4):
            flow = self._known.one(state, instead=case.path_parameters["flow_id"])
            case.path_parameters["flow_id"] = flow
        if name == "deleteQrCodeNamed" and self._chance.randrange(4):
            # The one by which it is named.
            case.query["code"] = self._known.one("code", instead="A")
        if self._chance.randrange(4):
            # Of most messages there is nothing to try.
            case.query.pop("dry_run", None)
        case.body = self._known.put_into(case.body)
        if name == "continueUpload" and self._chance.randrange(2):
            # All that was said to come, from the first byte on.
            case.body, case.headers = PICTURE, {"file_offset": "0"}
        if name == "changeProfile" and self._chance.randrange(2):
            # Or hardly any number would have a picture.
            if handle := self._known.one("handle", instead=None):
                case.body = {"messaging_product": "whatsapp", "profile_picture_handle": handle}
        if name in WHOLE and isinstance(case.body, dict) and self._chance.randrange(2):
            case.body |= WHOLE[name]
        self.made += 1
        # Now and then with a token that opens nothing; and a version makes no difference.
        token = f"{APP}|{APP_SECRET}" if name in OF_APP else TOKEN
        token = "another" if self._chance.randrange(50) == 0 else token
        base = self.base + self._chance.choice(["", "/v19.0", "/v23.0"])
        began = time.monotonic()
        try:
            response = case.call(
                base_url=base, session=self._session, timeout=DEADLINE_S, headers={"Authorization": f"Bearer {token}"}
            )
        except requests.RequestException as error:
            self.failures.append(f"{name}: {error!r}: {case.as_curl_command()}"[:2000])
            return
        self.slowest = max(self.slowest, (time.monotonic() - began, name))
        self.statuses[response.status_code] += 1
        self.answered[name][response.status_code] += 1
        try:
            case.validate_response(response, checks=CHECKS)
        except FailureGroup as group:
            for failure in group.exceptions:
                self.failures.append(f"{name}: {failure}\n{case.as_curl_command()}"[:3000])
        if response.status_code == 200 and name == "publishFlow":
            self._known.published(case.path_parameters["flow_id"])
        if response.status_code == 200 and name not in FILES:
            self._known.learn(name, json.loads(response.content), case.body)


@contextlib.contextmanager
def served(binary: pathlib.Path) -> Iterator[tuple[Relay, str]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    relay = Relay(binary, port, "--metrics", "127.0.0.1:0", "--app-owner-secret", APP_SECRET)
    try:
        relay.wait_until_ready()
        yield relay, f"http://127.0.0.1:{port}"
    finally:
        relay.end()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--relay", type=pathlib.Path, required=True, help="the program embedded_relay")
    parser.add_argument("--requests", type=int, default=2000, help="how many are made")
    options = parser.parse_args()
    began = time.monotonic()
    with served(options.relay) as (relay, base):
        fuzzer = Fuzzer(relay, base, options.requests)
        fuzzer.run()
        if not relay.is_there():
            fuzzer.failures.append(f"the relay has ended; it said {relay.lines[-50:]}")
        elif (code := relay.interrupt()) != 0:
            fuzzer.failures.append(f"the relay ended with {code}; it said {relay.lines[-50:]}")
    never = sorted(name for name, answers in fuzzer.answered.items() if 200 not in answers)
    # Refusals are described, too: where nothing works all would be well.
    fuzzer.failures += [f"{name}: it was never answered with 200" for name in never if name not in NEVER]
    for failure in fuzzer.failures[:50]:
        print(failure, "\n")
    answers = ", ".join(f"{count} with {status}" for status, count in sorted(fuzzer.statuses.items()))
    print(f"of {len(fuzzer.answered)} operations never with 200: {', '.join(never) or 'none'}")
    slowest, of = fuzzer.slowest
    print(f"answered: {answers}; the slowest in {slowest:.1f} s ({of}); {time.monotonic() - began:.0f} s in all")
    print(f"{fuzzer.made} requests, {len(fuzzer.failures)} failures")
    return 1 if fuzzer.failures or fuzzer.made < options.requests else 0


if __name__ == "__main__":
    sys.exit(main())
