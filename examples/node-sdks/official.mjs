// whatsapp, the official SDK for Node: over TLS alone, and to the port 443 unless it is told another.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import {
  APP_SECRET, BUSINESS_ACCOUNT_ID, GREETING, OF_A_REACTION, PHONE_NUMBER_ID, Relay, TOKEN, TO_THE_END, USER, VERIFY_TOKEN, Webhook, attempt,
  freePort, picture, until,
} from './relay.mjs';

const [binary, folder] = process.argv.slice(2);
const listener = await freePort();
// All that it is told, it is told in the environment.
Object.assign(process.env, {
  // Otherwise it wants a package that it does not ask for.
  NODE_ENV: 'production',
  WA_BASE_URL: 'localhost', CLOUD_API_VERSION: 'v16.0', CLOUD_API_ACCESS_TOKEN: TOKEN, WA_PHONE_NUMBER_ID: PHONE_NUMBER_ID,
  WA_BUSINESS_ACCOUNT_ID: BUSINESS_ACCOUNT_ID, M4D_APP_ID: '1', M4D_APP_SECRET: APP_SECRET, WEBHOOK_ENDPOINT: 'webhook',
  WEBHOOK_VERIFICATION_TOKEN: VERIFY_TOKEN, LISTENER_PORT: `${listener}`,
});
const { default: WhatsApp } = await import('whatsapp');

// Its own server answers the handshake. Bodies it can take from nobody: it falls over each that has a signature, whoever posts it
// (see the check), so that they are taken here, with the signature checked as its documentation says.
async function take(request) {
  if (request.method === 'GET') return fetch(`http://127.0.0.1:${listener}/webhook${new URL(request.url).search}`);
  const body = Buffer.from(await request.arrayBuffer());
  return new Response('', { status: request.headers.get('x-hub-signature-256') === signature(body) ? 200 : 401 });
}

const signature = (body) => `sha256=${createHmac('sha256', APP_SECRET).update(body).digest('hex')}`;
const webhook = new Webhook(await freePort(), take);
await webhook.listen();
const wa = new WhatsApp();
const refusals = [];
wa.webhooks.start((status) => refusals.push(status));
const relay = new Relay(binary, await freePort(), ['--tls', 'localhost', '--data', folder, '--webhook', webhook.url, '--say', GREETING]);
wa.requester.port = relay.port;
const { messages } = wa;
const to = Number(USER);

const answered = async (sending, status = 200) => {
  const response = await sending;
  const json = await response.responseBodyToJSON();
  assert.equal(response.statusCode(), status, JSON.stringify(json));
  return json;
};

async function sends(sending, shown, expected = TO_THE_END) {
  const { contacts: [contact], messages: [{ id }], messaging_product: product } = await answered(sending);
  assert.deepEqual([product, contact.input, contact.wa_id], ['whatsapp', USER, USER]);
  await webhook.follows(id, expected);
  await relay.shows(shown);
  return id;
}

async function answers(what) {
  const seen = webhook.messages.length;
  relay.userWrites(what);
  return webhook.next(seen);
}

async function refused(sending, status, code) {
  const { error } = await answered(sending, status);
  assert.equal(error.code, code, error.message);
  return error;
}

/** Uploads as other programs do: this SDK has nothing for media but their ids. */
async function upload(bytes, type) {
  const form = new FormData();
  form.set('messaging_product', 'whatsapp');
  form.set('file', new Blob([bytes], { type }), 'a');
  const url = `https://localhost:${relay.port}/v16.0/${PHONE_NUMBER_ID}/media`;
  const response = await fetch(url, { method: 'POST', headers: { Authorization: `Bearer ${TOKEN}` }, body: form });
  return (await response.json()).id;
}

let first;
const view = picture(200);

await attempt(relay, {
  'the handshake is answered by the SDK, and the first message of the user comes': async () => {
    first = await webhook.next(0);
    assert.deepEqual([first.from, first.text.body], [USER, GREETING]);
    const wrong = await fetch(`http://127.0.0.1:${listener}/webhook?hub.mode=subscribe&hub.challenge=1&hub.verify_token=x`);
    assert.equal(wrong.status, 401);
    assert.deepEqual(refusals, [401]);
  },

  'a tampered delivery is refused': async () => {
    const [genuine] = webhook.deliveries;
    assert.equal(await webhook.post(genuine, signature(genuine)), 200);
    assert.equal(await webhook.post(genuine.toString().replace(GREETING, 'another'), signature(genuine)), 401);
    assert.equal(await webhook.post(genuine), 401);
  },

  'a text goes out, in answer to another': async () => {
    await sends(messages.text({ body: 'hello, user', preview_url: true }, to), '"hello, user"');
    await sends(messages.text({ body: 'in answer' }, to, first.id), '"in answer" re ');
  },

  'a message is marked as read': async () => {
    assert.equal((await answered(messages.status({ status: 'read', message_id: first.id }))).success, true);
    await relay.shows(' read ');
  },

  'a place and a contact are shown': async () => {
    await sends(messages.location({ latitude: 52.52, longitude: 13.405, name: 'Berlin', address: 'here' }, to), 'place 52.52 13.405 "Berlin"');
    const contact = { name: { formatted_name: 'Ada L', first_name: 'Ada' }, phones: [{ phone: `+${USER}`, type: 'HOME' }] };
    await sends(messages.contacts([contact], to), 'contact "Ada L"');
  },

  'files of every kind are sent': async () => {
    const bytes = (text) => Buffer.from(text, 'latin1');
    const [png, pdf] = [await upload(view, 'image/png'), await upload(bytes('%PDF-1.7 the menu'), 'application/pdf')];
    await sends(messages.image({ id: png, caption: 'the view' }, to), `image of ${view.length} bytes, "image/png": "the view"`);
    await sends(messages.document({ id: pdf, filename: 'menu.pdf' }, to), 'document of 17 bytes');
    const mp4 = await upload(bytes('\0\0\0\x18ftypmp42\0\0\0\0mp42isom'), 'video/mp4');
    await sends(messages.video({ id: mp4, caption: 'moving' }, to), 'video of 24 bytes');
    const ogg = await upload(bytes(`OggS\0\x02${'\0'.repeat(20)}\x01\x13OpusHead`), 'audio/ogg');
    await sends(messages.audio({ id: ogg }, to), 'audio of 36 bytes');
    const webp = await upload(bytes('RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0\x2f\0\0\0\0\0\0\0\0\0\0\0\0\0'), 'image/webp');
    await sends(messages.sticker({ id: webp }, to), 'sticker of');
  },

  'a button and a row of a list are tapped': async () => {
    const buttons = [{ type: 'reply', reply: { id: 'y', title: 'Yes, please' } }, { type: 'reply', reply: { id: 'n', title: 'No' } }];
    const question = { type: 'button', body: { text: 'Coffee?' }, action: { buttons } };
    const asked = await sends(messages.interactive(question, to), '"Coffee?" ["Yes, please"] ["No"]');
    const tap = await answers('/tap Yes, please');
    assert.deepEqual([tap.interactive, tap.context.id], [{ type: 'button_reply', button_reply: { id: 'y', title: 'Yes, please' } }, asked]);
    const sections = [{ title: 'Kinds', rows: [{ id: 'oat', title: 'Oat', description: 'without cow' }] }];
    await sends(messages.interactive({ type: 'list', body: { text: 'Which?' }, action: { button: 'Milk', sections } }, to), '"Which?" ["Oat"]');
    const { interactive } = await answers('/tap Oat');
    assert.deepEqual(interactive.list_reply, { id: 'oat', title: 'Oat', description: 'without cow' });
    const product = { type: 'product', body: { text: 'one' }, action: { catalog_id: '1', product_retailer_id: 'p' } };
    await sends(messages.interactive(product, to), '"one"');
  },

  'a template that is not there is refused by name': async () => {
    const template = { name: 'hello_world', language: { policy: 'deterministic', code: 'en_US' } };
    await refused(messages.template(template, to), 404, 132001);
  },

  'a template is sent': async () => {
    const components = [{ type: 'BODY', text: 'Hi {{1}}.', example: { body_text: [['Ann']] } }];
    const created = await fetch(`https://localhost:${relay.port}/v16.0/${BUSINESS_ACCOUNT_ID}/message_templates`, {
      method: 'POST', headers: { Authorization: `Bearer ${TOKEN}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ name: 'hello_world', language: 'en_US', category: 'UTILITY', components }),
    });
    assert.equal(created.status, 200);
    const body = { type: 'body', parameters: [{ type: 'text', text: 'Ann' }] };
    const template = { name: 'hello_world', language: { policy: 'deterministic', code: 'en_US' }, components: [body] };
    await sends(messages.template(template, to), 'template "Hi Ann."');
  },

  'a PIN is set, and asked for': async () => {
    assert.equal((await answered(wa.twoStepVerification.setPin(123456))).success, true);
    const register = (pin) => wa.requester.sendCAPIRequest('POST', 'register', 20_000, JSON.stringify({ messaging_product: 'whatsapp', pin }));
    await refused(register('654321'), 400, 133005);
    assert.equal((await answered(register('123456'))).success, true);
  },

  'what cannot be is refused by name': async () => {
    const { error_data: { details } } = await refused(messages.text({ body: 'ж'.repeat(4097) }, to), 400, 100);
    assert.match(details, /4096/);
    wa.requester.accessToken = 'another-token';
    await refused(messages.text({ body: 'x' }, to), 401, 190);
    wa.requester.accessToken = TOKEN;
    wa.requester.phoneNumberId = '999999999999999';
    await refused(messages.text({ body: 'x' }, to), 400, 100);
    wa.requester.phoneNumberId = PHONE_NUMBER_ID;
    await sends(messages.text({ body: 'at last' }, to), '"at last"');
  },

  'every update was expected': () => {
    webhook.everythingWasExpected(3);
    wa.requester.client.clearSockets();
  },

  'what the SDK does with a body is its own fault': async () => {
    const [fault] = await new Promise((resolve) => {
      process.once('uncaughtException', (...of) => resolve(of));
      const [body] = webhook.deliveries;
      const headers = { 'X-Hub-Signature-256': signature(body) };
      fetch(`http://127.0.0.1:${listener}/webhook`, { method: 'POST', headers, body }).then(() => resolve([]), () => resolve([]));
    });
    assert.equal(fault?.code, 'ERR_INVALID_ARG_TYPE', 'it takes bodies now: give it those of the relay');
  },
});
