import assert from "node:assert/strict";
import { test } from "node:test";

const origin = process.env.SANDBOX ?? "http://127.0.0.1:8080";
const headers = { authorization: "Bearer sandbox-token", "content-type": "application/json" };
const post = (path, body) => fetch(origin + path, { method: "POST", headers, body: JSON.stringify(body) });

test("a message that fails is told of by its status", async () => {
    await post("/sandbox/reset", {});
    const to = "99910131026"; // magic: accepted, and fails with 131026
    const body = { messaging_product: "whatsapp", to, type: "text", text: { body: "hello" } };
    assert.equal((await post("/v26.0/106540352242922/messages", body)).status, 200);
    const { data } = await (await fetch(`${origin}/sandbox/log`)).json();
    const told = data.find((entry) => entry.kind === "webhook").body.entry[0].changes[0].value;
    assert.equal(told.statuses[0].errors[0].code, 131026);
});
