import os

import httpx
from pywa import WhatsApp, errors

origin = os.environ.get("SANDBOX", "http://127.0.0.1:8080")
sandbox = httpx.Client(base_url=f"{origin}/sandbox", timeout=60)
wa = WhatsApp(phone_id="106540352242922", token="sandbox-token")
wa.api._session.base_url = f"{origin}{wa.api._session.base_url.path}"


def test_nobody_is_answered_after_a_day():
    sandbox.post("/reset")
    wa.send_message(to="16505551234", text="just a moment")
    sandbox.post("/clock", json={"advance": "25h"})
    try:
        assert not wa.send_message(to="16505551234", text="here we are")
    except errors.ReEngagementMessage:
        pass


test_nobody_is_answered_after_a_day()
