"""The description that the original's owner has published of its API judges a relay.

Every path and method in it is served here or not, and stands in one of the two lists below; a new one fails until it does.
Of what is served each example is sent, with ids that there are and uploads in the place of links, and the answer is held
against its schema; what is refused or told otherwise is listed with the reason. What is not served is answered with an error
as clients know it.

    python judge_by_the_original.py --relay target/release/embedded_relay --description business-messaging-api_v23.0.yaml
"""

import argparse
import json
import pathlib
import sys

import jsonschema_rs
import requests
import yaml
from fuzz_the_relay import PICTURE, PIN, served
from relay_process import BUSINESS_ACCOUNT_ID, PHONE_NUMBER_ID, TOKEN, USER

METHODS = ("get", "post", "delete")

# Where it stands here.
SERVED = {
    "/{Media-ID}": "{media}",
    "/{Media-URL}": "{media}/content",
    "/{Flow-ID}": "{flow}",
    "/{Flow-ID}/assets": "{flow}/assets",
    "/{Flow-ID}/publish": "{flow}/publish",
    "/{Flow-ID}/deprecate": "{published}/deprecate",
    "/{Phone-Number-ID}": "{number}",
    "/{Phone-Number-ID}/message_qrdls/{QR-Code-ID}": "{number}/message_qrdls/{code}",
    "/{TEMPLATE_ID}": "{template}",
    "/{WABA-ID}": "{account}",
    "/{WhatsApp-Account-Number-ID}": "{number}",
    **{
        f"/{{Phone-Number-ID}}/{edge}": f"{{number}}/{edge}"
        for edge in (
            "block_users", "conversational_automation", "deregister", "media", "message_qrdls", "messages", "register",
            "request_code", "settings", "verify_code", "whatsapp_business_profile", "whatsapp_commerce_settings",
        )
    },
    **{
        f"/{{WABA-ID}}/{edge}": f"{{account}}/{edge}"
        for edge in ("flows", "message_templates", "phone_numbers", "subscribed_apps")
    },
}  # fmt: skip

# Why it is not served.
PARTNERS = "partners share businesses there; a relay has one operator"
PORTFOLIOS = "a portfolio owns accounts there; here the operator says which there are"
MOVES = "accounts and numbers move between owners there"
NOT_SERVED = {
    "get /{Phone-Number-ID}/call_permissions": "calls are not carried",
    "post /{Phone-Number-ID}/calls": "calls are not carried",
    "get /{Phone-Number-ID}/groups": "there are no groups",
    "post /{Phone-Number-ID}/groups": "there are no groups",
    "/{group_id}": "there are no groups",
    "/{group_id}/invite_link": "there are no groups",
    "/{group_id}/join_requests": "there are no groups",
    "/{group_id}/participants": "there are no groups",
    "/{Phone-Number-ID}/marketing_messages": "what is for sale is a message like others",
    "/{Phone-Number-ID}/messages_encrypted": "messages are encrypted between relay and device",
    "/{Phone-Number-ID}/message_history": "what was delivered is not kept",
    "/{Message-History-ID}/events": "what was delivered is not kept",
    "/{Phone-Number-ID}/official_business_account": "nobody is official here",
    "/{Phone-Number-ID}/whatsapp_business_encryption": "flows are not run",
    "/{Phone-Number-ID}/business_compliance_info": "what a country asks of a business its operator knows",
    "/{WhatsApp-Business-Profile-ID}": "a profile has no id of its own",
    "/{WABA-Bot-ID}": "a bot is what stands in conversational_automation",
    "/{WABA-ID}/activities": "who did what stands in the operator's logs",
    "/{WABA-ID}/schedules": "who is there when is not kept",
    "/{WABA-ID}/migrate_flows": MOVES,
    "/{Migration-Intent-ID}": MOVES,
    "/{OBO-Mobility-Intent-ID}": MOVES,
    "/{WABA-ID}/in_progress_onbehalf_request": MOVES,
    "/{WABA-ID}/obo_mobility_intent": MOVES,
    "/{WABA-ID}/set_obo_mobility_intent": MOVES,
    "/{WABA-ID}/set_solution_migration_intent": MOVES,
    "post /{WABA-ID}": "the operator names accounts",
    "post /{WABA-ID}/phone_numbers": "the operator adds numbers",
    "/whatsapp/webhooks": "it is the business that is asked there",
    **{
        f"/{path}": PARTNERS
        for path in (
            "{Application-ID}/connected_client_businesses", "{Application-ID}/whatsapp_business_solution",
            "{Application-ID}/whatsapp_business_solutions", "{Business-ID}/onboard_partners_to_mm_lite",
            "{Business-ID}/share_preverified_numbers", "{Pre-Verified-Phone-Number-ID}/partners", "{Solution-ID}",
            "{Solution-ID}/accept", "{Solution-ID}/accept_deactivation_request", "{Solution-ID}/access_token",
            "{Solution-ID}/reject", "{Solution-ID}/reject_deactivation_request", "{Solution-ID}/send_deactivation_request",
            "{WABA-ID}/solutions",
        )
    },
    **{
        f"/{path}": PORTFOLIOS
        for path in (
            "{Business-ID}", "{Business-ID}/add_phone_numbers", "{Business-ID}/client_whatsapp_business_accounts",
            "{Business-ID}/extendedcredits", "{Business-ID}/owned_whatsapp_business_accounts",
            "{Business-ID}/preverified_numbers", "{Pre-Verified-Phone-Number-ID}",
            "{Pre-Verified-Phone-Number-ID}/request_code", "{Pre-Verified-Phone-Number-ID}/verify_code",
            "{User-ID}/assigned_whatsapp_business_accounts", "{WhatsApp-Business-Account-ID}/assigned_users",
        )
    },
}  # fmt: skip

# Examples that are refused: with which code, and why.
MESSAGES = "post /{Phone-Number-ID}/messages Send"
NUMBER = "post /{Phone-Number-ID}"
TEMPLATES = "post /{WABA-ID}/message_templates Create"
REFUSED = {
    **dict.fromkeys(
        (f"{MESSAGES} {what}" for what in ("Catalog Template Message", "Flow Template Message", "Test Message")),
        (132001, "the template is not there"),
    ),
    **dict.fromkeys(
        (
            f"{MESSAGES} {what}"
            for what in (
                "Message Template Interactive", "Message Template Media", "Message Template Text",
                "Sample Shipping Confirmation Template", "Sample Text Message",
            )
        ),
        (100, "in the place of a language stand words in brackets"),
    ),
    f"{MESSAGES} Multi-Product Message": (100, "in the place of a type stand words in brackets"),
    f"{MESSAGES} Order Details Message": (100, "there are no payments"),
    f"{MESSAGES} Order Status Message": (100, "there are no payments"),
    f"{MESSAGES} Reply to List Message": (100, "it names no type, which is text by the same description"),
    f"{MESSAGES} Sample Issue Resolution Template": (100, "its text is no text"),
    f"{MESSAGES} typing indicator and read receipt": (131009, "no user has written such a message"),
    **dict.fromkeys(
        (f"{NUMBER} {what}" for what in ("comprehensive_update", "configure_webhook")),
        (100, "who is called stands in the host's webhooks"),
    ),
    **dict.fromkeys(
        (f"{NUMBER} {what}" for what in ("set_username", "update_connection_status", "update_security_settings")),
        (100, "there is nothing in it that can be set here"),
    ),
    f"{NUMBER}/request_code sms_verification": (100, "the example relay sends no codes"),
    f"{NUMBER}/request_code voice_verification": (100, "the example relay sends no codes"),
    f"{NUMBER}/verify_code verify_code": (131009, "no such code was sent"),
    **dict.fromkeys(
        (f"{NUMBER}/settings {what}" for what in ("Enable SIP calling", "Enable calling with video")),
        (100, "calls are not carried"),
    ),
    **dict.fromkeys(
        (f"{NUMBER}/settings {what}" for what in ("Disable payload encryption", "Enable payload encryption")),
        (100, "messages are encrypted between relay and device"),
    ),
    f"{NUMBER}/whatsapp_business_profile complete_profile_update": (131009, "its handle is of no upload"),
    **dict.fromkeys(
        (
            f"{NUMBER}/conversational_automation {what}"
            for what in ("enable_welcome_with_prompts", "full_automation_setup")
        ),
        (100, "nothing tells that a user begins"),
    ),
    "post /{WABA-ID}/subscribed_apps custom_callback": (100, "who is called stands in the host's webhooks"),
    f"{TEMPLATES} Flow Template Message by Flow JSON": (100, "a flow is named by its id"),
    f"{TEMPLATES} Flow Template Message by ID": (100, "in the place of a name stand words in brackets"),
    f"{TEMPLATES} Flow Template Message by Name": (100, "a flow is named by its id"),
    f"{TEMPLATES} catalog template": (100, "there is no such button in a template"),
    f"{TEMPLATES} multi-product message template": (100, "there is no such button in a template"),
}  # fmt: skip

# Answers that do not fit: where, or in which words the judge says so; and why it is told so.
QUALITY = "quality_rating"
OTHERWISE = {
    "get /{Media-ID}": (("file_size",), "a number there is: chat-adapter and elizaos read one"),
    "get /{Phone-Number-ID}": ((QUALITY,), "it is UNKNOWN, as real answers have it"),
    "get /{WhatsApp-Account-Number-ID}": ((QUALITY,), "it is UNKNOWN, as real answers have it"),
    "get /{WABA-ID}/phone_numbers": (
        (f"data/0/{QUALITY}", "data/0/status"), "CONNECTED it is in the same description of a number alone"),
    "get /{Phone-Number-ID}/message_qrdls/{QR-Code-ID}": (
        (": \"",), "it is a list of one: pywa reads its first"),
    "get /{Phone-Number-ID}/settings": (
        ("calling", "storage_configuration"), "there are no calls; the words are in capitals as pywa reads them"),
}  # fmt: skip

# Of each kind a file, by its first bytes.
FILES = {
    "audio": ("audio/amr", b"#!AMR\n" + bytes(26)),
    "document": ("image/png", PICTURE),
    "image": ("image/png", PICTURE),
    "sticker": ("image/webp", b"RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0\x2f" + bytes(12)),
    "video": ("video/mp4", b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(8)),
}


class Judge:
    def __init__(self, base: str, description: dict) -> None:
        self.base = base
        self.description = description
        self.failures: list[str] = []
        # What of the lists there was a use for: an exception from nothing is a fault, too.
        self.used: set[str] = set()
        self.listed: list[str] = []
        self.counts = {"served": 0, "not served": 0, "accepted": 0, "refused as listed": 0, "otherwise as listed": 0}
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {TOKEN}"
        self.ids: dict[str, str] = {"number": PHONE_NUMBER_ID, "account": BUSINESS_ACCOUNT_ID}

    def ask(self, method: str, path: str, **said: object) -> requests.Response:
        return self.session.request(method, f"{self.base}/{path}", timeout=20, **said)

    def judge(self) -> None:
        self.go_through()
        rows = {"served": SERVED, "not served": NOT_SERVED, "refused": REFUSED, "otherwise": OTHERWISE}
        for list_name, names in rows.items():
            self.failures += [f"{name}: listed as {list_name} for nothing" for name in names if name not in self.used]

    def go_through(self) -> None:
        for path, item in self.description["paths"].items():
            path = path.removeprefix("/{Version}")
            for method in METHODS:
                if method not in item:
                    continue
                name = f"{method} {path}"
                why = NOT_SERVED.get(name, NOT_SERVED.get(path))
                self.used |= {name if name in NOT_SERVED else path}
                if why is None and path in SERVED:
                    self.counts["served"] += 1
                    self.make()
                    self.served(name, method, SERVED[path], item[method])
                elif why is not None and (name in NOT_SERVED or path not in SERVED):
                    self.counts["not served"] += 1
                    self.listed.append(f"{name}: not served: {why}")
                    self.not_served(name, method, path)
                else:
                    self.failures.append(f"{name}: it stands in neither list, or in both")

    def make(self) -> None:
        """What examples lead to, afresh: some delete it."""

        def made(path: str, name: str = "id", **said: object) -> str:
            response = self.ask("post", path, **said)
            if response.status_code != 200:
                raise SystemExit(f"{path}: {response.status_code} {response.text}")
            return response.json()[name]

        flow = {"name": "a flow", "flow_json": "{}"}
        text = {"messaging_product": "whatsapp", "to": USER, "text": {"body": "hello"}}
        template = {"name": f"made_{self.counts['served']}", "language": "en", "category": "UTILITY"}
        template["components"] = [{"type": "BODY", "text": "hello"}]
        for kind, (media_type, content) in FILES.items():
            form = {"messaging_product": "whatsapp", "type": media_type}
            file = {"file": (f"a {kind}", content, media_type)}
            self.ids[kind] = made("{number}/media".format(**self.ids), data=form, files=file)
        self.ids["media"] = self.ids["image"]
        self.ids["flow"] = made("{account}/flows".format(**self.ids), json=flow)
        self.ids["published"] = made("{account}/flows".format(**self.ids), json={**flow, "publish": True})
        self.ids["code"] = made("{number}/message_qrdls".format(**self.ids), "code", json={"prefilled_message": "hello"})
        self.ids["template"] = made("{account}/message_templates".format(**self.ids), json=template)
        self.ids["message"] = made("{number}/messages".format(**self.ids), "messages", json=text)[0]["id"]

    def not_served(self, name: str, method: str, path: str) -> None:
        kept = {"{Phone-Number-ID}": PHONE_NUMBER_ID, "{WABA-ID}": BUSINESS_ACCOUNT_ID}
        first, *others = path.removeprefix("/").split("/")
        response = self.ask(method, "/".join([kept.get(first, "1"), *others]), json={} if method == "post" else None)
        error = response.json().get("error", {})
        if response.status_code not in (400, 405) or error.get("code") != 100 or error.get("type") != "GraphMethodException":
            self.failures.append(f"{name}: answered with {response.status_code} {response.text}")

    def served(self, name: str, method: str, target: str, operation: dict) -> None:
        content = operation.get("requestBody", {}).get("content", {})
        examples = content.get("application/json", {}).get("examples", {})
        if target.endswith("/media"):
            # What it says is JSON there is a form.
            examples = {}
        for title, example in (examples or {"": {"value": None}}).items():
            body = self.filled(example["value"])
            said = {"json": body} if body is not None else self.form(name)
            response = self.ask(method, target.format(**self.ids) + self.query(name), **said)
            self.hold(f"{name} {title}".strip(), operation, response)
        if target.endswith("/deregister"):
            self.ask("post", target.format(**self.ids).removesuffix("deregister") + "register", json={"pin": PIN})

    def form(self, name: str) -> dict:
        """What is said where there is no example."""
        return {
            "post /{Phone-Number-ID}/media": {
                "data": {"messaging_product": "whatsapp"}, "files": {"file": ("a.png", PICTURE, "image/png")},
            },
            "post /{WABA-ID}/flows": {"data": {"name": "another", "categories": '["OTHER"]'}},
            "post /{Flow-ID}": {"data": {"name": "another"}},
            "post /{Flow-ID}/assets": {
                "data": {"name": "flow.json", "asset_type": "FLOW_JSON"}, "files": {"file": ("flow.json", b"{}", "application/json")},
            },
            "post /{Phone-Number-ID}/whatsapp_commerce_settings": {"params": {"is_cart_enabled": "true"}},
        }.get(name, {})  # fmt: skip

    def query(self, name: str) -> str:
        return f"?name=made_{self.counts['served']}" if name == "delete /{WABA-ID}/message_templates" else ""

    def filled(self, value: object) -> object:
        """An example with what there is in the places of what there is not."""
        if isinstance(value, list):
            return [self.filled(item) for item in value]
        if not isinstance(value, dict):
            return value
        value = {name: self.filled(part) for name, part in value.items()}
        for name in ("to", "user"):
            if isinstance(value.get(name), str):
                value[name] = USER if name == "to" else "16505550000"
        if "message_id" in value:
            value["message_id"] = self.ids["message"]
        if "pin" in value:
            value["pin"] = PIN
        if "prefilled_message" in value and "code" in value:
            value["code"] = self.ids["code"]
        for kind in FILES:
            if isinstance(file := value.get(kind), dict):
                file.pop("link", None)
                file["id"] = self.ids[kind]
        return value

    def hold(self, name: str, operation: dict, response: requests.Response) -> None:
        """Holds an answer against the description."""
        if response.status_code != 200:
            code = response.json()["error"]["code"]
            expected, why = REFUSED.get(name, (None, ""))
            if code == expected:
                self.used |= {name}
                self.counts["refused as listed"] += 1
                self.listed.append(f"{name}: refused with {code}: {why}")
            else:
                self.failures.append(f"{name}: {response.status_code} {response.text}")
            return
        self.counts["accepted"] += 1
        told = next((answer for status, answer in operation["responses"].items() if str(status) == "200"), {})
        schema = told.get("content", {}).get("application/json", {}).get("schema")
        if schema is None:
            return
        whole = {**schema, "components": self.description["components"]}
        found = jsonschema_rs.validator_for(whole).iter_errors(response.json())
        problems = [f"{'/'.join(map(str, problem.instance_path))}: {problem.message}" for problem in found]
        begins, why = OTHERWISE.get(name, (None, ""))
        if problems and begins and all(problem.startswith(begins) for problem in problems):
            self.counts["otherwise as listed"] += 1
            self.used |= {name}
            self.listed.append(f"{name}: {', '.join(begins)}: {why}")
        elif problems or begins:
            self.failures.append(f"{name}: {problems} {response.text[:500]}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--relay", type=pathlib.Path, required=True, help="the program embedded_relay")
    parser.add_argument("--description", type=pathlib.Path, required=True, help="the published description")
    options = parser.parse_args()
    description = yaml.safe_load(options.description.read_text())
    with served(options.relay) as (_, base):
        judge = Judge(f"{base}/v23.0", description)
        judge.judge()
    for line in judge.listed:
        print(line)
    for line in judge.failures:
        print("failure:", line)
    counts = ", ".join(f"{count} {what}" for what, count in judge.counts.items())
    print(f"{len(description['paths'])} paths: {counts}; {len(judge.failures)} failures")
    return 1 if judge.failures else 0


if __name__ == "__main__":
    sys.exit(main())
