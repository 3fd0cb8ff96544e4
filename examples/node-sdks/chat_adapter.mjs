// @chat-adapter/whatsapp in a bot of the Chat SDK. Over TLS, for it downloads by that alone; its own way of fetching refuses every
// address that is not public, so that it is handed another, as its documentation says.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { get } from 'node:https';
import path from 'node:path';
import { createMemoryState } from '@chat-adapter/state-memory';
import { WhatsAppApiError, createWhatsAppAdapter } from '@chat-adapter/whatsapp';
import { Actions, Button, Card, CardText, Chat, LinkButton, emoji } from 'chat';
import {
  APP_SECRET, BUSINESS_ACCOUNT_ID, GREETING, OF_A_REACTION, PHONE_NUMBER_ID, Relay, TOKEN, USER, VERIFY_TOKEN, Webhook, attempt, freePort,
  picture, until,
} from './relay.mjs';

const [binary, folder] = process.argv.slice(2);

/** Everything the adapter or its bot complains of that nobody provoked. */
const complaints = [];
const logger = {
  child: () => logger, debug() {}, info() {},
  warn: (message, ...more) => complaints.push([message, ...more]), error: (message, ...more) => complaints.push([message, ...more]),
};

const [heard, taps] = [[], []];
const port = await freePort();
const adapterFor = (accessToken) => createWhatsAppAdapter({
  accessToken, appSecret: APP_SECRET, phoneNumberId: PHONE_NUMBER_ID, verifyToken: VERIFY_TOKEN, apiUrl: `https://localhost:${port}`, logger,
});
const adapter = adapterFor(TOKEN);
const bot = new Chat({ userName: 'bakery', adapters: { whatsapp: adapter }, state: createMemoryState(), logger });
bot.onDirectMessage((thread, message) => { heard.push({ thread, message }); });
bot.onAction((event) => { taps.push(event); });
await bot.initialize();

const webhook = new Webhook(await freePort(), (request) => bot.webhooks.whatsapp(request));
await webhook.listen();
const relay = new Relay(binary, port, ['--tls', 'localhost', '--data', folder, '--webhook', webhook.url, '--say', GREETING]);
const transport = (url, signal, headers) => new Promise((resolve, reject) => { get(url, { signal, headers }, resolve).on('error', reject); });

async function sends(sending, shown) {
  const { id } = await sending;
  await webhook.follows(id);
  if (shown) await relay.shows(shown);
  return id;
}

async function answers(what, journal) {
  const seen = journal.length;
  relay.userWrites(what);
  await until(() => journal.length > seen, () => `nothing came of ${what}: ${JSON.stringify(complaints)}`);
  return journal[seen];
}

/** The error with which a call is refused, and the complaint that goes with it. */
async function refused(calling, code, status) {
  const before = complaints.length;
  const error = await calling.then(() => assert.fail(`accepted, where ${code} was due`), (cause) => cause);
  assert(error instanceof WhatsAppApiError, `${error.stack}`);
  assert.deepEqual([error.errorCode, error.status], [code, status], error.message);
  assert(error.traceId, 'it has no trace id');
  complaints.splice(before);
  return error;
}

let thread, first;
const view = picture(300);

await attempt(relay, {
  'the first message of the user is heard': async () => {
    await until(() => heard.length, () => `nothing was heard: ${JSON.stringify(complaints)}`);
    ({ thread, message: first } = heard[0]);
    assert.deepEqual([first.text, first.author.userId, thread.id], [GREETING, USER, `whatsapp:${PHONE_NUMBER_ID}:${USER}`]);
    assert(Math.abs(first.metadata.dateSent - Date.now()) < 60_000);
  },

  'a tampered delivery and a wrong handshake are refused': async () => {
    const [genuine] = webhook.deliveries;
    const signature = `sha256=${createHmac('sha256', APP_SECRET).update(genuine).digest('hex')}`;
    assert.equal(await webhook.post(genuine.toString().replace(GREETING, 'another'), signature), 401);
    assert.equal(await webhook.post(genuine), 401);
    const asked = new Request(`${webhook.url}?hub.mode=subscribe&hub.challenge=1&hub.verify_token=x`);
    assert.equal((await bot.webhooks.whatsapp(asked)).status, 403);
    complaints.length = 0;
  },

  'a text goes out, and an answer to another': async () => {
    await sends(thread.post('hello **user**'), '"hello **user**"');
    await sends(thread.post({ markdown: 'hello **user**' }), '"hello *user*"');
    await sends(adapter.reply(thread.id, first.id, 'in answer'), '"in answer" re ');
  },

  'what is streamed is one text': async () => {
    async function* words() { yield 'one '; yield 'after '; yield 'the other'; }
    await sends(thread.post(words()), '"one after the other"');
  },

  'a long text goes out in parts': async () => {
    const before = webhook.statuses.length;
    await sends(thread.post('x'.repeat(5_000)));
    await until(() => webhook.statuses.length >= before + 6, () => 'the first part is not told of');
    const [{ id }] = webhook.statuses.slice(before).filter(({ id }) => !webhook.sent.has(id));
    await webhook.follows(id);
  },

  'the business types, and has read': async () => {
    await thread.startTyping();
    await relay.shows('is typing');
    await adapter.markAsRead(thread.id, first.id);
    await relay.shows(' read ');
  },

  'a reaction is put and taken off': async () => {
    await adapter.addReaction(thread.id, first.id, emoji.thumbs_up);
    await relay.shows('reaction "👍"');
    await adapter.removeReaction(thread.id, first.id, emoji.thumbs_up);
    await relay.shows('reaction ""');
    // It does not tell the ids.
    await until(() => strays().length === 2, () => `${strays()}`);
    for (const id of strays()) await webhook.follows(id, OF_A_REACTION);
  },

  'a button of a card is tapped': async () => {
    const children = [CardText('Coffee?'), Actions([Button({ id: 'coffee', label: 'Yes, please', value: 'y' }), Button({ id: 'none', label: 'No' })])];
    await sends(thread.post(Card({ title: 'Now', children })), '"Coffee?" ["Yes, please"] ["No"]');
    const { actionId, value, user, threadId } = await answers('/tap Yes, please', taps);
    assert.deepEqual([actionId, value, user.userId, threadId], ['coffee', 'y', USER, thread.id]);
  },

  'a card with a link is shown': async () => {
    const children = [CardText('look'), Actions([LinkButton({ label: 'Go', url: 'https://example.com/' })])];
    await sends(thread.post(Card({ children })), '"look" ["Go"]');
  },

  'a row of a list is tapped': async () => {
    // The adapter sends no lists, and hears what is tapped of them.
    const sections = [{ title: 'Kinds', rows: [{ id: 'oat', title: 'Oat' }] }];
    const interactive = { type: 'list', body: { text: 'Which?' }, action: { button: 'Milk', sections } };
    await sends(adapter.sendInteractiveMessage(thread.id, USER, interactive), '"Which?" ["Oat"]');
    const { actionId, value } = await answers('/tap Oat', taps);
    assert.deepEqual([actionId, value], ['oat', 'oat']);
  },

  'a picture and a document are uploaded and sent': async () => {
    const files = [{ data: view, filename: 'view.png', mimeType: 'image/png' }];
    await sends(thread.post({ markdown: 'the view', files }), `image of ${view.length} bytes, "image/png": "the view"`);
    const attachments = [{ type: 'file', data: Buffer.from('%PDF-1.7 the menu'), name: 'menu.pdf', mimeType: 'application/pdf' }];
    await sends(thread.post({ markdown: 'today', attachments }), 'document of 17 bytes, "application/pdf": "today"');
  },

  'a picture of the user is downloaded byte for byte': async () => {
    const [bytes, file] = [picture(400, 7), path.join(folder, 'mine.png')];
    await writeFile(file, bytes);
    const { message } = await answers(`/send ${file}`, heard);
    const [{ type, mimeType, fetchMetadata: { mediaId }, fetchData }] = message.attachments;
    assert.deepEqual([type, mimeType], ['image', 'image/png']);
    assert(bytes.equals(await adapter.downloadMedia(mediaId, transport)), 'other bytes came');
    // Without that, it asks the relay and goes no further.
    await assert.rejects(fetchData(), { name: 'NetworkError' });
    complaints.length = 0;
  },

  'a place of the user is heard': async () => {
    const { message: { text, attachments: [place] } } = await answers('/place -33.5 151.25 Sydney, harbour', heard);
    assert.equal(text, '[Location: Sydney, harbour]');
    assert.equal(place.url, 'https://www.google.com/maps?q=-33.5,151.25');
  },

  'a template is sent and tapped': async () => {
    const components = [
      { type: 'BODY', text: 'Hi {{1}}.', example: { body_text: [['Ann']] } }, { type: 'BUTTONS', buttons: [{ type: 'QUICK_REPLY', text: 'Thanks' }] },
    ];
    const created = await fetch(`https://localhost:${port}/v25.0/${BUSINESS_ACCOUNT_ID}/message_templates`, {
      method: 'POST', headers: { Authorization: `Bearer ${TOKEN}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ name: 'order_update', language: 'en_US', category: 'UTILITY', components }),
    });
    assert.equal(created.status, 200);
    const body = { type: 'body', parameters: [{ type: 'text', text: 'Ann' }] };
    const button = { type: 'button', sub_type: 'quick_reply', index: '0', parameters: [{ type: 'payload', payload: 't' }] };
    const template = { name: 'order_update', language: 'en_US', components: [body, button] };
    await sends(adapter.sendTemplate(thread.id, template), 'template "Hi Ann." ["Thanks"]');
    const { actionId, value } = await answers('/tap Thanks', taps);
    assert.deepEqual([actionId, value], ['t', 'Thanks']);
    await refused(adapter.sendTemplate(thread.id, { ...template, language: 'de' }), 132001, 404);
  },

  'what cannot be is refused by name': async () => {
    const refusal = await refused(adapter.sendSingleTextMessage(thread.id, USER, 'ж'.repeat(4097)), 100, 400);
    assert.match(refusal.details, /4096/);
    const { code } = await refused(adapterFor('another-token').postMessage(thread.id, 'x'), 190, 401);
    assert.equal(code, 'AUTH_FAILED');
    await refused(adapter.downloadMedia('1'), 100, 400);
  },

  'the user is heard to the last': async () => {
    const { message } = await answers('שלום 👩🏽‍🚀 "\\ </script>', heard);
    assert.equal(message.text, 'שלום 👩🏽‍🚀 "\\ </script>');
  },

  'every update was expected, and the bot complains of nothing': () => {
    webhook.everythingWasExpected(7);
    assert.equal(heard.length + taps.length, webhook.messages.length);
    assert.deepEqual(complaints, []);
  },
});

/** Of what statuses were told that nobody has asked for yet. */
function strays() {
  return [...new Set(webhook.statuses.map(({ id }) => id))].filter((id) => !webhook.sent.has(id));
}
