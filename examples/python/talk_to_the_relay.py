"""A business that knows nothing of Bulla talks to its relay.

The business is pywa as published: its client, its webhook server, its signature check. Only the address of the Graph API is
another. The relay is `embedded_relay --serve`, with one user on the far side of the Signal protocol who reads whatever comes.

Prints a line per check and fails on anything pywa would complain of: a warning in its log, an update it cannot place, an
exception in a handler, a status out of order, a deadline missed.

    python talk_to_the_relay.py --relay target/release/embedded_relay
"""

import argparse
import base64
import contextlib
import hashlib
import hmac
import http.client
import http.server
import logging
import pathlib
import queue
import socket
import ssl
import struct
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Iterator

import pywa.server
import zxingcpp
from pywa import WhatsApp, errors
from pywa.types import (
    Button,
    CallbackButton,
    CallbackSelection,
    Contact,
    Message,
    MessageStatus,
    MessageType,
    RawUpdate,
    Section,
    SectionList,
    SectionRow,
)
from pywa.types.templates import (
    BodyText,
    Buttons,
    CopyCodeOTPButton,
    QuickReplyButton,
    Template,
    TemplateCategory,
    TemplateLanguage,
    TemplateStatusUpdate,
)
from pywa.utils import CallbackURLScope
from relay_process import BUSINESS_ACCOUNT_ID, DEADLINE_S, PHONE_NUMBER_ID, TOKEN, USER, Relay, Unmet, expect

VERIFY_TOKEN = "a-word-agreed-on"
APP = "1"
APP_SECRET = "a-secret-of-the-app"
OWNER_SECRET = "a-secret-of-its-owner"
ENDPOINT = "/webhook"
GREETING = "hello from the user"

# What follows a message that reaches its reader. A reaction is only ever reported as sent.
TO_THE_END = ["sent", "delivered", "read"]
OF_A_REACTION = ["sent"]


class Complaints(logging.Handler):
    """Everything logged at WARNING or above, by pywa, its server or Python, that nobody provoked."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.found: list[str] = []
        self._provoked: str | None = None

    def emit(self, record: logging.LogRecord) -> None:
        line = f"{record.name}: {record.getMessage()}"
        if record.exc_info:
            line += f": {record.exc_info[1]!r}"
        if self._provoked and self._provoked in line:
            self._provoked = None
            return
        self.found.append(line)

    @contextlib.contextmanager
    def provoke(self, part: str) -> Iterator[None]:
        """Demands, once, a complaint with `part` in it, and lets that one pass."""
        self._provoked = part
        yield
        expect(self._provoked is None, f"pywa did not complain of {part!r}")


class Business:
    """pywa's client and webhook server, with a journal of what came in."""

    def __init__(self, relay_port: int, webhook_port: int) -> None:
        self.complaints = Complaints()
        logging.getLogger().addHandler(self.complaints)
        self.messages: list[Message] = []
        self.taps: list[CallbackButton | CallbackSelection] = []
        self.statuses: list[MessageStatus] = []
        self.reviews: list[TemplateStatusUpdate] = []
        self.raw: list[RawUpdate] = []
        self.sent: dict[str, list[str]] = {}
        self.webhook_port = webhook_port
        self.relay_port = relay_port
        self._news = threading.Condition()
        # A duplicate is to be seen, not swallowed: nothing here fails, so nothing is to be delivered twice.
        self.wa = self.client(
            TOKEN,
            webhook_endpoint=ENDPOINT,
            verify_token=VERIFY_TOKEN,
            app_secret=APP_SECRET,
            skip_duplicate_updates=False,
        )
        self.wa.on_message(lambda _, message: self._note(self.messages, message))
        self.wa.on_callback_button(lambda _, tap: self._note(self.taps, tap))
        self.wa.on_callback_selection(lambda _, tap: self._note(self.taps, tap))
        self.wa.on_message_status(lambda _, status: self._note(self.statuses, status))
        self.wa.on_template_status_update(lambda _, update: self._note(self.reviews, update))
        self.wa.on_raw_update(lambda _, update: self._note(self.raw, update))

    def client(self, token: str, **options: object) -> WhatsApp:
        wa = WhatsApp(phone_id=PHONE_NUMBER_ID, waba_id=BUSINESS_ACCOUNT_ID, token=token, **options)
        session = wa.api._session
        session.base_url = f"http://127.0.0.1:{self.relay_port}{session.base_url.path}"
        return wa

    def serve(self) -> None:
        # pywa answers a delivery first and handles it in a pool of threads afterwards. One thread keeps the order of arrival.
        pywa.server.ANYIO_THREADS_LIMIT = 1
        options = {"host": "127.0.0.1", "port": self.webhook_port, "log_level": "warning"}
        threading.Thread(target=self.wa.run, kwargs=options, daemon=True).start()
        until = time.monotonic() + DEADLINE_S
        while not answers(self.webhook_port):
            expect(time.monotonic() < until, "pywa's server does not answer")
            time.sleep(0.05)

    def _note(self, journal: list, update: object) -> None:
        with self._news:
            journal.append(update)
            self._news.notify_all()

    def wait_for(self, holds: Callable[[], object], what: Callable[[], str]) -> None:
        with self._news:
            expect(self._news.wait_for(holds, DEADLINE_S), f"within {DEADLINE_S:.0f} s: {what()}")

    def next_message(self, seen: int) -> Message:
        self.wait_for(lambda: len(self.messages) > seen, lambda: f"{len(self.messages)} messages came")
        return self.messages[seen]

    def next_tap(self, seen: int) -> CallbackButton | CallbackSelection:
        self.wait_for(lambda: len(self.taps) > seen, lambda: f"{len(self.taps)} taps came")
        return self.taps[seen]

    def sends(self, message_id: str, expected: list[str]) -> str:
        expect(message_id.startswith("wamid."), f"an id that is no wamid: {message_id}")
        expect(message_id not in self.sent, f"the id {message_id} was given twice")
        self.sent[message_id] = expected
        return message_id

    def statuses_of(self, message_id: str) -> list[str]:
        return [status.status.value for status in self.statuses if status.id == message_id]

    def wait_for_statuses(self, message_id: str, expected: list[str]) -> None:
        self.wait_for(
            lambda: len(self.statuses_of(message_id)) >= len(expected),
            lambda: f"only {self.statuses_of(message_id)} came for {message_id}",
        )
        found = self.statuses_of(message_id)[: len(expected)]
        expect(found == expected, f"{found} instead of {expected}")

    def wait_for_quiet(self, span_s: float) -> None:
        """Waits until nothing more has come for `span_s`."""
        until = time.monotonic() + DEADLINE_S
        with self._news:
            while self._news.wait(span_s):
                expect(time.monotonic() < until, "updates do not end")


class Conversation:
    """The checks, in the order in which they are made."""

    def __init__(self, relay: Relay, business: Business, certified: pathlib.Path) -> None:
        self.relay = relay
        self.certified = certified
        self.business = business
        self.wa = business.wa
        self.began = time.time()
        self.first: Message | None = None

    def checks(self) -> list[Callable[[], None]]:
        return [
            self.the_users_first_message_arrives,
            self.a_tampered_delivery_is_refused,
            self.a_reply_in_context_is_sent_delivered_and_read,
            self.a_reaction_is_sent,
            self.the_message_is_marked_as_read,
            self.a_text_with_a_link_preview_is_sent_delivered_and_read,
            self.the_user_writes_emoji_and_right_to_left_text,
            self.ten_texts_in_a_row_are_delivered,
            self.a_place_and_a_contact_are_shown_and_a_place_comes_back,
            self.the_user_taps_a_button_and_a_row_of_a_list,
            self.a_picture_is_uploaded_sent_downloaded_and_deleted,
            self.a_file_comes_in_parts_and_goes_on_where_the_line_was_cut,
            self.a_picture_of_the_user_is_told_of_and_downloaded_byte_for_byte,
            self.a_file_that_is_not_what_it_says_is_refused,
            self.a_picture_behind_a_link_is_fetched_once_and_sent_twice,
            self.what_is_configured_is_told_as_it_was_said,
            self.a_blocked_user_is_not_heard_until_the_block_is_lifted,
            self.codes_and_flows_come_and_go,
            self.pywa_registers_its_own_server_and_gets_messages_over_it,
            self.a_number_that_is_not_registered_sends_nothing,
            self.a_template_is_created_listed_sent_tapped_and_deleted,
            self.a_button_too_many_is_refused_by_name,
            self.a_bad_token_is_an_expired_access_token,
            self.an_unknown_phone_number_id_is_error_100,
            self.a_body_may_have_4096_characters_and_no_more,
            self.every_update_was_expected,
            self.figures_are_those_of_what_was_sent,
            self.an_interrupt_ends_the_relay_in_peace,
            self.pywa_finds_nothing_wrong,
        ]

    def the_users_first_message_arrives(self) -> None:
        message = self.business.next_message(0)
        self._expect_from_the_user(message, GREETING)
        self.first = message

    def _expect_from_the_user(self, message: Message, text: str) -> None:
        expect(message.type == MessageType.TEXT, f"type {message.type}")
        expect(message.text == text, f"text {message.text!r} instead of {text!r}")
        expect(message.id.startswith("wamid."), f"id {message.id}")
        expect(message.from_user.wa_id == USER, f"from {message.from_user.wa_id}")
        expect(message.from_user.bsuid, "no user_id")
        expect(message.metadata.phone_number_id == PHONE_NUMBER_ID, f"for {message.metadata.phone_number_id}")
        expect(message.waba_id == BUSINESS_ACCOUNT_ID, f"in the account {message.waba_id}")
        at = message.timestamp.timestamp()
        expect(self.began - 60 <= at <= time.time() + 1, f"timestamp {message.timestamp}")
        expect(message.error is None and not message.forwarded, "it claims to be forwarded or in error")

    def a_tampered_delivery_is_refused(self) -> None:
        genuine = self.business.raw[0].raw
        signature = "sha256=" + hmac.new(APP_SECRET.encode(), genuine, hashlib.sha256).hexdigest()
        altered = genuine.replace(GREETING.encode(), GREETING.upper().encode())
        expect(altered != genuine, "the delivery does not hold the user's text as it is")
        with self.business.complaints.provoke("unmatching signature"):
            status = post(self.business.webhook_port, altered, signature)
            expect(status == 403, f"an altered body was answered with {status}")
        with self.business.complaints.provoke("without a signature"):
            status = post(self.business.webhook_port, genuine, None)
            expect(status == 401, f"a body without a signature was answered with {status}")

    def a_reply_in_context_is_sent_delivered_and_read(self) -> None:
        reply = self.first.reply("hello, user", quote=True)
        expect(reply.chat.id in (USER, self.first.from_user.bsuid), f"it went to {reply.chat.id}")
        self.business.sends(reply.id, TO_THE_END)
        self.business.wait_for_statuses(reply.id, TO_THE_END)

    def a_reaction_is_sent(self) -> None:
        reaction = self.first.react("👍")
        self.business.sends(reaction.id, OF_A_REACTION)
        self.business.wait_for_statuses(reaction.id, OF_A_REACTION)

    def the_message_is_marked_as_read(self) -> None:
        expect(self.first.mark_as_read(), "no success")
        expect(self.first.indicate_typing(), "no success")
        self._is_shown(f"{PHONE_NUMBER_ID} is typing")

    def a_text_with_a_link_preview_is_sent_delivered_and_read(self) -> None:
        sent = self.wa.send_message(to=USER, text="see https://example.com/", preview_url=True, tracker="order 7")
        expect(sent.input == USER and sent.chat.id == USER, f"it went to {sent.input}, {sent.chat.id}")
        self.business.sends(sent.id, TO_THE_END)
        self.business.wait_for_statuses(sent.id, TO_THE_END)
        for status in (status for status in self.business.statuses if status.id == sent.id):
            expect(status.tracker == "order 7", f"the status {status.status} carries {status.tracker!r}")
            expect(status.from_user.wa_id == USER, f"the status {status.status} is about {status.from_user.wa_id}")
            expect(status.error is None, f"the status {status.status} carries an error")

    def the_user_writes_emoji_and_right_to_left_text(self) -> None:
        for text in ("שלום, מה שלומך? 👩🏽‍🚀🇺🇳", "مرحبا \"بالعالم\" \\ </script> \u200f✓"):
            seen = len(self.business.messages)
            self.relay.user_writes(text)
            self._expect_from_the_user(self.business.next_message(seen), text)

    def ten_texts_in_a_row_are_delivered(self) -> None:
        ids = [self.wa.send_message(to=USER, text=f"number {count}").id for count in range(1, 11)]
        for message_id in ids:
            self.business.sends(message_id, TO_THE_END)
        for message_id in ids:
            self.business.wait_for_statuses(message_id, TO_THE_END[:2])

    def _is_shown(self, part: str) -> None:
        self.relay.wait_for_line(f"{USER} <- ", part)

    def a_place_and_a_contact_are_shown_and_a_place_comes_back(self) -> None:
        place = self.wa.send_location(to=USER, latitude=52.52, longitude=13.405, name="Berlin")
        contact = Contact(name=Contact.Name(formatted_name="Ada L", first_name="Ada"))
        contact = self.wa.send_contact(to=USER, contact=contact)
        for sent in (place, contact):
            self.business.sends(sent.id, TO_THE_END)
            self.business.wait_for_statuses(sent.id, TO_THE_END)
        self._is_shown('place 52.52 13.405 "Berlin"')
        self._is_shown('contact "Ada L"')
        seen = len(self.business.messages)
        self.relay.user_writes("/place -33.5 151.25 Sydney, harbour")
        message = self.business.next_message(seen)
        expect(message.type == MessageType.LOCATION, f"type {message.type}")
        found = (message.location.latitude, message.location.longitude, message.location.name)
        expect(found == (-33.5, 151.25, "Sydney, harbour"), f"{found}")

    def the_user_taps_a_button_and_a_row_of_a_list(self) -> None:
        buttons = [Button(title="Yes, please", callback_data="y"), Button(title="No", callback_data="n")]
        asked = self.wa.send_message(to=USER, text="Coffee?", header="Now", footer="or never", buttons=buttons)
        self.business.sends(asked.id, TO_THE_END)
        self.business.wait_for_statuses(asked.id, TO_THE_END)
        self._is_shown('"Coffee?" ["Yes, please"] ["No"]')
        self.relay.user_writes("/tap Yes, please")
        tap = self.business.next_tap(0)
        expect((tap.data, tap.title) == ("y", "Yes, please"), f"{tap.data}, {tap.title}")
        expect(tap.reply_to_message.id == asked.id, f"a reply to {tap.reply_to_message}")

        row = SectionRow(title="Oat", callback_data="oat", description="without cow")
        rows = SectionList(button_title="Milk", sections=[Section(title="Kinds", rows=[row])])
        asked = self.wa.send_message(to=USER, text="Which?", buttons=rows)
        self.business.sends(asked.id, TO_THE_END)
        self.business.wait_for_statuses(asked.id, TO_THE_END)
        self.relay.user_writes("/tap Oat")
        tap = self.business.next_tap(1)
        expect((tap.data, tap.title, tap.description) == ("oat", "Oat", "without cow"), f"{tap}")

    def a_picture_is_uploaded_sent_downloaded_and_deleted(self) -> None:
        picture = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 3000
        media = self.wa.upload_media(media=picture, mime_type="image/png", filename="view.png")
        sent = self.wa.send_image(to=USER, image=media.id, caption="the view")
        self.business.sends(sent.id, TO_THE_END)
        self.business.wait_for_statuses(sent.id, TO_THE_END)
        self._is_shown(f'image of {len(picture)} bytes, "image/png": "the view"')
        told = self.wa.get_media_url(media.id)
        digest = hashlib.sha256(picture).hexdigest()
        found = (told.id, told.mime_type, told.file_size, told.sha256)
        expect(found == (media.id, "image/png", len(picture), digest), f"{found}")
        expect(self.wa.get_media_bytes(told.url) == picture, "other bytes came back")
        # pywa uploads what it is handed as bytes.
        sent = self.wa.send_document(to=USER, document=b"%PDF-1.7 the menu", filename="menu.pdf", mime_type="application/pdf")
        self.business.sends(sent.id, TO_THE_END)
        self.business.wait_for_statuses(sent.id, TO_THE_END)
        self._is_shown('document of 17 bytes, "application/pdf"')
        expect(self.wa.delete_media(media.id), "no success")
        error = refused(errors.WhatsAppError, lambda: self.wa.get_media_url(media.id))
        expect(error.code == 100 and error.subcode == 33, f"code {error.code}, subcode {error.subcode}")

    def a_file_comes_in_parts_and_goes_on_where_the_line_was_cut(self) -> None:
        picture = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 3000
        of = {"file_name": "view.png", "file_length": len(picture), "file_type": "image/png"}
        upload = self.wa.api.create_upload_session(app_id="1", **of)["id"]
        part = 600_000
        with socket.create_connection(("127.0.0.1", self.relay.port), timeout=DEADLINE_S) as line:
            head = f"POST /{upload} HTTP/1.1\r\nHost: relay\r\nAuthorization: OAuth {TOKEN}\r\nfile_offset: 0\r\n"
            line.sendall(f"{head}Content-Length: {len(picture)}\r\n\r\n".encode() + picture[:part])
        deadline = time.monotonic() + DEADLINE_S
        while (there := self.wa.api.get_upload_session(upload)["file_offset"]) == 0 and time.monotonic() < deadline:
            time.sleep(0.1)
        expect(0 < there <= part, f"{there} of {part} bytes are there")
        # Until the relay has seen that the line is cut, nobody else goes on.
        while True:
            try:
                there = self.wa.api.get_upload_session(upload)["file_offset"]
                handle = self.wa.api.upload_file(upload, picture[there:], file_offset=there)["h"]
                break
            except errors.WhatsAppError as error:
                expect(error.code in (131009, 131016) and time.monotonic() < deadline, f"{error}")
                time.sleep(0.1)
        told = self.wa.get_media_url(handle.removeprefix("4:"))
        expect(told.sha256 == hashlib.sha256(picture).hexdigest(), "another file came")

    def a_picture_of_the_user_is_told_of_and_downloaded_byte_for_byte(self) -> None:
        picture = b"\x89PNG\r\n\x1a\n" + bytes(range(255, -1, -1)) * 3000
        seen = len(self.business.messages)
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "mine.png"
            path.write_bytes(picture)
            self.relay.user_writes(f"/send {path}")
            message = self.business.next_message(seen)
        expect(message.type == MessageType.IMAGE, f"type {message.type}")
        expect(message.image.mime_type == "image/png", f"type {message.image.mime_type}")
        digest = hashlib.sha256(picture).digest()
        expect(message.image.sha256 == base64.b64encode(digest).decode(), f"digest {message.image.sha256}")
        told = self.wa.get_media_url(message.image.id)
        found = (told.id, told.mime_type, told.file_size, told.sha256)
        expect(found == (message.image.id, "image/png", len(picture), digest.hex()), f"{found}")
        expect(self.wa.get_media_bytes(told.url) == picture, "other bytes came")
        expect(self.wa.delete_media(message.image.id), "no success")
        error = refused(errors.WhatsAppError, lambda: self.wa.get_media_url(message.image.id))
        expect(error.code == 100 and error.subcode == 33, f"code {error.code}, subcode {error.subcode}")

    def a_file_that_is_not_what_it_says_is_refused(self) -> None:
        options = {"media": b"no picture", "mime_type": "image/png", "filename": "a.png"}
        error = refused(errors.MediaUploadError, lambda: self.wa.upload_media(**options))
        expect(error.code == 131053 and "image/png" in f"{error.details}", f"code {error.code}: {error.details}")

    def a_picture_behind_a_link_is_fetched_once_and_sent_twice(self) -> None:
        picture = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 1000
        asked: list[str] = []

        class Picture(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                self.send_response(200)
                self.send_header("Content-Type", "image/png")
                self.send_header("Content-Length", str(len(picture)))
                self.end_headers()
                self.wfile.write(picture)

            def log_message(self, *_: object) -> None:
                pass

        secure = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Picture)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certified / "certificate.pem", self.certified / "certificate.key")
        secure.socket = context.wrap_socket(secure.socket, server_side=True)
        with secure:
            threading.Thread(target=secure.serve_forever, daemon=True).start()
            link = f"https://localhost:{secure.server_address[1]}/view.png"
            sent = self.wa.send_image(to=USER, image=link, caption="by a secure way")
            self.business.sends(sent.id, TO_THE_END)
            self.business.wait_for_statuses(sent.id, TO_THE_END)
            # The certificate is not that of an address.
            elsewhere = f"https://127.0.0.1:{secure.server_address[1]}/view.png"
            refused(errors.MediaDownloadError, lambda: self.wa.send_image(to=USER, image=elsewhere))
            secure.shutdown()
        self._is_shown(f'image of {len(picture)} bytes, "image/png": "by a secure way"')
        expect(asked == ["/view.png"], f"{asked}")
        asked.clear()
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Picture) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            link = f"http://127.0.0.1:{server.server_address[1]}/view.png"
            for _ in range(2):
                sent = self.wa.send_image(to=USER, image=link, caption="from afar")
                self.business.sends(sent.id, TO_THE_END)
                self.business.wait_for_statuses(sent.id, TO_THE_END)
            gone = f"http://127.0.0.1:{server.server_address[1]}/gone.mp4"
            refused(errors.InvalidParameter, lambda: self.wa.send_video(to=USER, video=gone))
            server.shutdown()
        self._is_shown(f'image of {len(picture)} bytes, "image/png": "from afar"')
        expect(asked == ["/view.png", "/gone.mp4"], f"{asked}")

    def what_is_configured_is_told_as_it_was_said(self) -> None:
        expect(self.wa.update_business_profile(about="Bread", websites=["https://bakery.example"]), "no success")
        profile = self.wa.get_business_profile()
        expect(profile.about == "Bread" and list(profile.websites) == ["https://bakery.example"], f"{profile}")
        for picture in (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 2000, b"\xff\xd8\xff\xe0\0\x10JFIF\0 a loaf"):
            # pywa uploads it, and sets its handle.
            expect(self.wa.update_business_profile(profile_picture=picture, app_id="1"), "no success")
            profile = self.wa.get_business_profile()
            expect(profile.about == "Bread", f"{profile}")
            expect(self.wa.get_media_bytes(profile.profile_picture_url) == picture, "another picture came back")
        expect(self.wa.update_display_name("The Bakery"), "no success")
        number = self.wa.get_business_phone_number()
        expect(number.id == PHONE_NUMBER_ID and number.verified_name == "The Bakery", f"{number}")
        numbers = self.wa.get_business_phone_numbers()
        expect([one.id for one in numbers] == [PHONE_NUMBER_ID], f"{numbers}")
        account = self.wa.get_business_account()
        expect(account.id == BUSINESS_ACCOUNT_ID, f"{account}")
        expect(self.wa.update_commerce_settings(is_catalog_visible=True), "no success")
        commerce = self.wa.get_commerce_settings()
        expect(commerce.is_catalog_visible is True, f"{commerce}")

    def a_blocked_user_is_not_heard_until_the_block_is_lifted(self) -> None:
        seen = len(self.business.messages)
        blocked = self.wa.block_users([USER])
        expect([user.wa_id for user in blocked.added_users] == [USER], f"{blocked}")
        expect([user.wa_id for user in self.wa.get_blocked_users()] == [USER], "another list")
        refused(errors.MessageUndeliverable, lambda: self.wa.send_message(to=USER, text="not now"))
        self.relay.user_writes("not heard")
        # What was dropped does not come later either.
        time.sleep(2)
        freed = self.wa.unblock_users([USER])
        expect([user.wa_id for user in freed.removed_users] == [USER], f"{freed}")
        self.relay.user_writes("heard again")
        message = self.business.next_message(seen)
        expect(message.text == "heard again", f"text {message.text!r}")

    def codes_and_flows_come_and_go(self) -> None:
        code = self.wa.create_qr_code("Hello", image_type="PNG")
        picture = self.wa.get_media_bytes(code.qr_image_url)
        (read,) = zxingcpp.read_barcodes(pixels(picture))
        found = (read.format.name, read.text)
        expect(found == ("QRCode", code.deep_link_url), f"{found}, where the link is {code.deep_link_url}")
        expect([one.code for one in self.wa.get_qr_codes()] == [code.code], "another list")
        expect(self.wa.delete_qr_code(code.code), "no success")
        flow = self.wa.create_flow("survey", ["SURVEY"])
        self.wa.update_flow_json(flow.id, {"version": "7.0", "screens": []})
        expect(self.wa.publish_flow(flow.id), "no success")
        (listed,) = self.wa.get_flows()
        expect((listed.id, listed.name, listed.status) == (flow.id, "survey", "PUBLISHED"), f"{listed}")
        (asset,) = self.wa.get_flow_assets(flow.id)
        expect(asset.name == "flow.json", f"{asset}")

    def pywa_registers_its_own_server_and_gets_messages_over_it(self) -> None:
        # Each goes before those before it.
        for scope in (CallbackURLScope.APP, CallbackURLScope.WABA, CallbackURLScope.PHONE):
            # Each server registers itself a moment after it has started, as pywa does it.
            own, port, seen = f"to the server of {scope.name}", free_port(), len(self.business.messages)
            heard: queue.Queue[Message] = queue.Queue()
            # It has room for one: of who may act as the app, or what updates are signed with.
            owner = {"app_secret": OWNER_SECRET, "validate_updates": False}
            secret = owner if scope == CallbackURLScope.APP else {"app_secret": APP_SECRET}
            wa = self.business.client(
                TOKEN, callback_url=f"http://127.0.0.1:{port}", callback_url_scope=scope, verify_token="another word",
                app_id=APP, **secret, webhook_endpoint=ENDPOINT, webhook_challenge_delay=1,
            )  # fmt: skip
            wa.on_message(lambda _, message, heard=heard: heard.put(message))
            options = {"host": "127.0.0.1", "port": port, "log_level": "warning"}
            threading.Thread(target=wa.run, kwargs=options, daemon=True).start()
            uri, until = f"http://127.0.0.1:{port}{ENDPOINT}", time.monotonic() + DEADLINE_S
            while uri not in str(self.wa.api._request("GET", f"/{PHONE_NUMBER_ID}?fields=webhook_configuration")):
                expect(time.monotonic() < until, f"{scope.name} is not registered")
                time.sleep(0.1)
            self.relay.user_writes(own)
            message = heard.get(timeout=DEADLINE_S)
            expect(message.text == own, f"text {message.text!r}")
            expect(len(self.business.messages) == seen, "the host's webhook has it, too")
        with self.business.complaints.provoke("invalid verify token"):
            error = refused(
                errors.WhatsAppError,
                lambda: self.wa.override_phone_callback_url(f"http://127.0.0.1:{port}{ENDPOINT}", "a wrong word"),
            )
        expect(error.code == 2200, f"code {error.code}")
        for wrong in ("a wrong secret", APP_SECRET):
            error = refused(errors.WhatsAppError, lambda wrong=wrong: self.wa.api.get_app_access_token(int(APP), wrong))
            expect(error.code == 1, f"code {error.code}")
        expect(self.wa.delete_phone_callback_url() and self.wa.delete_waba_callback_url(), "no success")
        of_app = {"access_token": self.wa.api.get_app_access_token(int(APP), OWNER_SECRET)["access_token"]}
        (told,) = self.wa.api._request("GET", f"/{APP}/subscriptions", params=of_app)["data"]
        expect("messages" in [field["name"] for field in told["fields"]], f"{told}")
        # That of the app's own id and secret is one, too.
        of_app = {"access_token": f"{APP}|{OWNER_SECRET}"}
        expect(self.wa.api._request("DELETE", f"/{APP}/subscriptions", params=of_app)["success"], "no success")
        self.relay.user_writes("back at the host's")
        message = self.business.next_message(seen)
        expect(message.text == "back at the host's", f"text {message.text!r}")

    def a_number_that_is_not_registered_sends_nothing(self) -> None:
        expect(self.wa.register_phone_number("123456"), "no success")
        expect(self.wa.deregister_phone_number(), "no success")
        error = refused(errors.WhatsAppError, lambda: self.wa.send_message(to=USER, text="not now"))
        expect(error.code == 133010, f"code {error.code}")
        error = refused(errors.WhatsAppError, lambda: self.wa.register_phone_number("654321"))
        expect(error.code == 133005, f"code {error.code}")
        expect(self.wa.register_phone_number("123456"), "no success")
        sent = self.wa.send_message(to=USER, text="open again")
        self.business.sends(sent.id, TO_THE_END)
        self.business.wait_for_statuses(sent.id, TO_THE_END)

    def a_template_is_created_listed_sent_tapped_and_deleted(self) -> None:
        body = BodyText("Hi {{1}}, your order is on its way.", "Ann")
        buttons = Buttons(buttons=[QuickReplyButton(text="Thanks"), QuickReplyButton(text="Stop")])
        template = Template(name="order_update", language=TemplateLanguage.ENGLISH_US, category=TemplateCategory.UTILITY, components=[body, buttons])
        created = self.wa.create_template(template)
        expect(created.status.value == "APPROVED", f"status {created.status}")
        reviews = self.business.reviews
        self.business.wait_for(lambda: reviews, lambda: "no review was told")
        found = (f"{reviews[0].template_id}", reviews[0].template_name, reviews[0].new_status.value)
        expect(found == (created.id, "order_update", "APPROVED"), f"{found}")
        listed = self.wa.get_templates()
        found = [(one.id, one.name) for one in listed]
        expect(found == [(created.id, "order_update")], f"{found}")
        expect(listed.total_count == 1, f"{listed.total_count} of them")
        expect(self.wa.get_template(created.id).name == "order_update", "it has another name")

        params = [body.params("Ann"), QuickReplyButton.params(callback_data="t", index=0)]
        sent = self.wa.send_template(to=USER, name="order_update", language=TemplateLanguage.ENGLISH_US, params=params)
        self.business.sends(sent.id, TO_THE_END)
        self.business.wait_for_statuses(sent.id, TO_THE_END)
        self._is_shown('template "Hi Ann, your order is on its way." ["Thanks"] ["Stop"]')
        seen = len(self.business.taps)
        self.relay.user_writes("/tap Thanks")
        tap = self.business.next_tap(seen)
        expect((tap.data, tap.title) == ("t", "Thanks"), f"{tap.data}, {tap.title}")

        none = {"to": USER, "name": "order_update", "language": TemplateLanguage.ENGLISH_US, "params": []}
        error = refused(errors.TemplateParamCountMismatch, lambda: self.wa.send_template(**none))
        expect("body: 0 parameters, where the template takes 1" in f"{error.details}", f"{error.details}")
        other = {**none, "language": TemplateLanguage.GERMAN}
        error = refused(errors.TemplateNotExists, lambda: self.wa.send_template(**other))
        expect("order_update in the language en_US" in f"{error.details}", f"{error.details}")
        (one, other) = self.wa.upsert_authentication_template(
            name="login", languages=[TemplateLanguage.ENGLISH_US, TemplateLanguage.FRENCH], otp_button=CopyCodeOTPButton(),
            add_security_recommendation=True, code_expiration_minutes=5,
        )  # fmt: skip
        expect(one.id != other.id and one.status.value == "APPROVED", f"{one}, {other}")
        expect(not self.wa.unpause_template(one.id).success, "an approved one was paused")
        expect(self.wa.delete_template("login"), "no success")
        self.business.wait_for(lambda: len(reviews) == 3, lambda: f"{len(reviews)} reviews were told")
        expect(self.wa.delete_template("order_update"), "no success")
        expect(not list(self.wa.get_templates()), "it is still there")

    def a_button_too_many_is_refused_by_name(self) -> None:
        buttons = [Button(title=f"{count}", callback_data=f"{count}") for count in range(4)]
        error = refused(errors.WhatsAppError, lambda: self.wa.send_message(to=USER, text="x", buttons=buttons))
        expect(error.code == 100, f"code {error.code}")
        expect("interactive.action.buttons" in f"{error.details}", f"the field is not named: {error.details}")

    def a_bad_token_is_an_expired_access_token(self) -> None:
        stranger = self.business.client("another-token")
        error = refused(errors.ExpiredAccessToken, lambda: stranger.send_message(to=USER, text="x"))
        expect(error.code == 190 and error.status_code == 401, f"code {error.code}, status {error.status_code}")

    def an_unknown_phone_number_id_is_error_100(self) -> None:
        error = refused(
            errors.WhatsAppError, lambda: self.wa.send_message(to=USER, text="x", sender="999999999999999")
        )
        expect(error.code == 100 and error.status_code >= 400, f"code {error.code}, status {error.status_code}")
        expect(error.type == "GraphMethodException" and error.subcode == 33, f"{error.type}, subcode {error.subcode}")

    def a_body_may_have_4096_characters_and_no_more(self) -> None:
        longest = self.wa.send_message(to=USER, text="ж" * 4096)
        self.business.sends(longest.id, TO_THE_END)
        self.business.wait_for_statuses(longest.id, TO_THE_END[:2])
        error = refused(errors.WhatsAppError, lambda: self.wa.send_message(to=USER, text="ж" * 4097))
        expect(error.code == 100 and error.status_code == 400, f"code {error.code}, status {error.status_code}")
        expect("4096" in f"{error.message} {error.details}", f"the limit is not named: {error.details}")

    def every_update_was_expected(self) -> None:
        business = self.business
        for message_id, expected in business.sent.items():
            business.wait_for_statuses(message_id, expected)
        business.wait_for_quiet(1.0)
        for message_id, expected in business.sent.items():
            found = business.statuses_of(message_id)
            expect(found == expected, f"{message_id}: {found} instead of {expected}")
        strange = [status.id for status in business.statuses if status.id not in business.sent]
        expect(not strange, f"statuses of messages nobody sent: {strange}")
        expect(len(business.messages) == 7, f"{len(business.messages)} messages instead of 7")
        placed = len(business.messages) + len(business.taps) + len(business.statuses) + len(business.reviews)
        expect(len(business.raw) == placed, f"{len(business.raw)} updates came and pywa placed {placed}")
        # Other clients read one update a delivery, and check signatures over escaped text.
        for update in business.raw:
            expect(update.raw.isascii(), "a delivery is not plain ASCII")
            held = [len(update.value.get(kind, [])) for kind in ("messages", "statuses")]
            of_messages = update["entry"][0]["changes"][0]["field"] == "messages"
            expect(len(update["entry"]) == 1 and sum(held) == int(of_messages), "a delivery holds more than one update")

    def figures_are_those_of_what_was_sent(self) -> None:
        ids, statuses = self.business.sent, self.business.statuses
        told = {status.id for status in statuses if status.status.value in ("delivered", "read")}
        asked = f".start({int(self.began) - 3600}).end({int(time.time()) + 3600}).granularity"
        fields = f"analytics{asked}(HALF_HOUR),pricing_analytics{asked}(DAILY).dimensions(PRICING_CATEGORY,COUNTRY)"
        account = self.wa.api._request("GET", f"/{BUSINESS_ACCOUNT_ID}", params={"fields": fields})
        points = account["analytics"]["data_points"]
        sent, delivered = (sum(point[name] for point in points) for name in ("sent", "delivered"))
        expect(sent == len(ids), f"{sent} were sent, where {len(ids)} were accepted")
        expect(len(told) <= delivered <= sent, f"{delivered} were delivered, where {len(told)} were told of")
        (priced,) = account["pricing_analytics"]["data"]
        counted = sum(point["volume"] for point in priced["data_points"])
        expect(counted == delivered, f"{counted} are priced, where {delivered} were delivered")
        kinds = {(point["pricing_category"], point["country"]) for point in priced["data_points"]}
        expect(kinds == {("SERVICE", "US"), ("UTILITY", "US")}, f"{kinds}")

    def an_interrupt_ends_the_relay_in_peace(self) -> None:
        code = self.relay.interrupt()
        expect(code == 0, f"exit code {code}")
        panics = [line for line in self.relay.lines if "panicked" in line]
        expect(not panics, f"it panicked: {panics}")

    def pywa_finds_nothing_wrong(self) -> None:
        expect(not self.business.complaints.found, "; ".join(self.business.complaints.found))


def refused(kind: type[errors.WhatsAppError], call: Callable[[], object]) -> errors.WhatsAppError:
    """The error with which the call is refused, of exactly this class."""
    try:
        call()
    except errors.WhatsAppError as error:
        expect(type(error) is kind, f"{type(error).__name__} {error.code} instead of {kind.__name__}: {error.message}")
        return error
    raise Unmet(f"accepted, where {kind.__name__} was due")


def pixels(png: bytes) -> memoryview:
    """The picture of one bit a pixel, as a reader of codes takes it: a byte a pixel, in rows."""
    width, height = struct.unpack(">II", png[16:24])
    at, packed = 8, b""
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        if png[at + 4 : at + 8] == b"IDAT":
            packed += png[at + 8 : at + 8 + length]
        at += length + 12
    rows = zlib.decompress(packed)
    stride = 1 + (width + 7) // 8
    expect(len(rows) == height * stride, f"{len(rows)} bytes of {height} rows of {stride}")
    spread = bytearray()
    for row in range(height):
        expect(rows[row * stride] == 0, "a row is filtered")
        bits = rows[row * stride + 1 : (row + 1) * stride]
        spread += bytes(255 if bits[place // 8] >> (7 - place % 8) & 1 else 0 for place in range(width))
    return memoryview(spread).cast("B", (height, width))


def post(port: int, body: bytes, signature: str | None) -> int:
    headers = {"Content-Type": "application/json"} | ({"X-Hub-Signature-256": signature} if signature else {})
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_S)
    try:
        connection.request("POST", ENDPOINT, body, headers)
        return connection.getresponse().status
    finally:
        connection.close()


def certify(binary: pathlib.Path, data: pathlib.Path) -> pathlib.Path:
    """Has a relay make an authority, and a certificate of it for localhost: where they are."""
    relay = Relay(binary, free_port(), "--tls", "localhost", "--data", str(data))
    try:
        relay.wait_until_ready()
    finally:
        relay.end()
    return data / "api-tls"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def attempt(name: str, check: Callable[[], object]) -> bool:
    began = time.monotonic()
    try:
        check()
    except Exception as error:  # whatever pywa raises is a finding too
        print(f"FAIL {name}: {error if isinstance(error, Unmet) else repr(error)}")
        return False
    print(f"ok   {name} ({(time.monotonic() - began) * 1000:.0f} ms)")
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--relay", type=pathlib.Path, required=True, help="the embedded_relay binary")
    binary = parser.parse_args().relay
    if not binary.is_file():
        print(f"{binary} is missing: cargo build --release -p bulla-examples --bin embedded_relay")
        return 1

    business = Business(relay_port=free_port(), webhook_port=free_port())
    business.serve()
    webhook = f"http://127.0.0.1:{business.webhook_port}{ENDPOINT}"
    of_webhook = ("--webhook", webhook, "--verify-token", VERIFY_TOKEN, "--app-secret", APP_SECRET, "--client-callbacks", "yes")
    of_app = ("--app-owner-secret", OWNER_SECRET)
    folder = tempfile.TemporaryDirectory()
    certified = certify(binary, pathlib.Path(folder.name))
    relay = Relay(binary, business.relay_port, *of_webhook, *of_app, "--trust", str(certified / "authority.pem"), "--say", GREETING)
    try:
        results = [attempt("the relay gets ready", relay.wait_until_ready)]
        if results == [True]:
            for check in Conversation(relay, business, certified).checks():
                results.append(attempt(check.__name__.replace("_", " "), check))
    finally:
        relay.end()
        folder.cleanup()
    passed, failed = results.count(True), results.count(False)
    if failed:
        print("the relay said:", *(f"  {line}" for line in relay.lines[-40:]), sep="\n")
        print("logged:", *(f"  {line}" for line in business.complaints.found), sep="\n")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
