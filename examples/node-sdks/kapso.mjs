// @kapso/whatsapp-cloud-api, all of it that is not for Kapso's own proxy.
import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import path from 'node:path';
import { GraphApiError, WhatsAppClient, buildTemplateSendPayload } from '@kapso/whatsapp-cloud-api';
import { normalizeWebhook, verifySignature } from '@kapso/whatsapp-cloud-api/server';
import {
  APP_SECRET, BUSINESS_ACCOUNT_ID, GREETING, OF_A_REACTION, PHONE_NUMBER_ID, Relay, TOKEN, USER, Webhook, attempt, freePort, handshake,
  picture, until,
} from './relay.mjs';

const [binary, folder] = process.argv.slice(2);
const normalized = [];

async function take(request) {
  if (request.method === 'GET') return handshake(request);
  const rawBody = Buffer.from(await request.arrayBuffer());
  const signatureHeader = request.headers.get('x-hub-signature-256') ?? undefined;
  if (!verifySignature({ appSecret: APP_SECRET, rawBody, signatureHeader })) return new Response('', { status: 401 });
  normalized.push(normalizeWebhook(JSON.parse(rawBody)));
  return new Response('ok');
}

const webhook = new Webhook(await freePort(), take);
await webhook.listen();
const relay = new Relay(binary, await freePort(), ['--data', folder, '--webhook', webhook.url, '--say', GREETING]);
const client = (accessToken) => new WhatsAppClient({ baseUrl: `http://127.0.0.1:${relay.port}`, accessToken });
const { messages, media, templates, phoneNumbers, flows, calls } = client(TOKEN);

const phoneNumberId = PHONE_NUMBER_ID, businessAccountId = BUSINESS_ACCOUNT_ID;
const whom = { phoneNumberId, to: USER };
const idOf = ({ messages: [{ id }] }) => id;
const heard = () => normalized.flatMap((update) => update.messages);

/** Sends, waits for all that follows, and for what the user is shown. */
async function sends(sending, shown, expected) {
  const sent = await sending;
  assert.equal(sent.messagingProduct, 'whatsapp');
  assert.deepEqual([sent.contacts[0].input, sent.contacts[0].waId], [USER, USER]);
  await webhook.follows(idOf(sent), expected);
  if (shown) await relay.shows(shown);
  return idOf(sent);
}

/** What the client's part made of the message that comes next. */
async function answers(what) {
  const seen = heard().length;
  relay.userWrites(what);
  await until(() => heard().length > seen, () => `nothing came of ${what}`);
  return heard()[seen];
}

async function refused(call, expected) {
  const error = await call.then(() => assert.fail(`accepted, where ${expected.code} was due`), (cause) => cause);
  assert(error instanceof GraphApiError, `${error.stack}`);
  const { code, httpStatus, category, details, fbtraceId } = error;
  assert.deepEqual({ code, httpStatus, category }, { httpStatus: 400, ...expected }, `${error.message}: ${details}`);
  assert(fbtraceId, 'it has no trace id');
  return error;
}

let first, uploaded;
const view = picture(700);

await attempt(relay, {
  'the first message of the user is normalized': async () => {
    await webhook.next(0);
    const { contacts, messages: [message], ...update } = normalized[0];
    assert.deepEqual([update.object, update.phoneNumberId], ['whatsapp_business_account', PHONE_NUMBER_ID]);
    assert.deepEqual([message.from, message.type, message.text.body, message.kapso.direction], [USER, 'text', GREETING, 'inbound']);
    assert.deepEqual([contacts[0].waId, contacts[0].userId], [USER, message.fromUserId]);
    assert(message.fromUserId, 'no user id');
    first = message;
  },

  'a tampered delivery is refused': async () => {
    const [genuine] = webhook.deliveries;
    const signature = `sha256=${createHmac('sha256', APP_SECRET).update(genuine).digest('hex')}`;
    assert.equal(await webhook.post(genuine.toString().replace(GREETING, 'another'), signature), 401);
    assert.equal(await webhook.post(genuine), 401);
    assert.equal(normalized.length, 1);
  },

  'a text goes out, in answer to another, and its data come back with each status': async () => {
    const options = { contextMessageId: first.id, bizOpaqueCallbackData: 'order 7', previewUrl: true };
    const id = await sends(messages.sendText({ ...whom, ...options, body: 'see https://example.com/' }), 're ');
    const told = normalized.flatMap(({ statuses }) => statuses).filter((status) => status.id === id);
    assert.deepEqual(told.map(({ status }) => status), ['sent', 'delivered', 'read']);
    for (const status of told) {
      assert.deepEqual([status.recipientId, status.bizOpaqueCallbackData, status.errors], [USER, 'order 7', undefined]);
      assert(status.recipientUserId, 'no user id');
    }
  },

  'a user is written to by the id that is theirs with this business': async () => {
    const sent = await messages.sendText({ phoneNumberId, recipient: first.fromUserId, body: 'to an id' });
    assert.equal(sent.contacts[0].userId, first.fromUserId);
    await webhook.follows(idOf(sent));
    await relay.shows('"to an id"');
  },

  'a text as it stands is sent': () => sends(messages.sendRaw({
    phoneNumberId, payload: { messaging_product: 'whatsapp', to: USER, type: 'text', text: { body: 'as it stands' } },
  }), '"as it stands"'),

  'a message is marked as read, and the business types': async () => {
    const read = await messages.markRead({ phoneNumberId, messageId: first.id, typingIndicator: { type: 'text' } });
    assert.equal(read.success, true);
    await relay.shows('is typing');
  },

  'a reaction is sent and taken off': async () => {
    await sends(messages.sendReaction({ ...whom, reaction: { messageId: first.id, emoji: '👍' } }), 'reaction "👍"', OF_A_REACTION);
    await sends(messages.sendReaction({ ...whom, reaction: { messageId: first.id, emoji: '' } }), 'reaction ""', OF_A_REACTION);
  },

  'a place and a contact are shown, and a place comes back': async () => {
    await sends(messages.sendLocation({ ...whom, location: { latitude: 52.52, longitude: 13.405, name: 'Berlin' } }), 'place 52.52 13.405 "Berlin"');
    const contact = { name: { formattedName: 'Ada L', firstName: 'Ada' }, phones: [{ phone: '+16505551234', type: 'WORK' }] };
    await sends(messages.sendContacts({ ...whom, contacts: [contact] }), 'contact "Ada L"');
    const { type, location } = await answers('/place -33.5 151.25 Sydney, harbour');
    assert.deepEqual([type, location.latitude, location.longitude, location.name], ['location', -33.5, 151.25, 'Sydney, harbour']);
  },

  'a picture is uploaded, told of, downloaded byte for byte and sent': async () => {
    const file = new Blob([view], { type: 'image/png' });
    uploaded = await media.upload({ phoneNumberId, type: 'image', file, fileName: 'view.png' });
    const told = await media.get({ mediaId: uploaded.id, phoneNumberId });
    const sha256 = createHash('sha256').update(view).digest('hex');
    assert.deepEqual([told.id, told.mimeType, Number(told.fileSize), told.sha256], [uploaded.id, 'image/png', view.length, sha256]);
    const back = await media.download({ mediaId: uploaded.id, phoneNumberId, auth: 'always' });
    assert(view.equals(Buffer.from(back)), 'other bytes came back');
    const image = { id: uploaded.id, caption: 'the view' };
    await sends(messages.sendImage({ ...whom, image }), `image of ${view.length} bytes, "image/png": "the view"`);
  },

  'files of every kind are sent': async () => {
    const of = async (type, kind, bytes) => {
      const file = new Blob([Buffer.from(bytes, 'latin1')], { type });
      return (await media.upload({ phoneNumberId, type: kind, file, fileName: 'a' })).id;
    };
    const pdf = await of('application/pdf', 'document', '%PDF-1.7 the menu');
    await sends(messages.sendDocument({ ...whom, document: { id: pdf, filename: 'menu.pdf', caption: 'today' } }), 'document of 17 bytes');
    const ogg = await of('audio/ogg', 'audio', `OggS\0\x02${'\0'.repeat(20)}\x01\x13OpusHead`);
    await sends(messages.sendAudio({ ...whom, audio: { id: ogg, voice: true } }), 'bytes, "audio/ogg"');
    const mp4 = await of('video/mp4', 'video', '\0\0\0\x18ftypmp42\0\0\0\0mp42isom');
    await sends(messages.sendVideo({ ...whom, video: { id: mp4, caption: 'moving' } }), 'video of 24 bytes');
    const webp = await of('image/webp', 'sticker', 'RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0\x2f\0\0\0\0\0\0\0\0\0\0\0\0\0');
    await sends(messages.sendSticker({ ...whom, sticker: { id: webp } }), 'sticker of');
  },

  'a picture behind a link is sent': async () => {
    const host = createServer((_, response) => { response.writeHead(200, { 'Content-Type': 'image/png' }).end(view); });
    await new Promise((resolve) => { host.listen(0, '127.0.0.1', resolve); });
    const link = `http://127.0.0.1:${host.address().port}/view.png`;
    await sends(messages.sendImage({ ...whom, image: { link, caption: 'from afar' } }), '"from afar"');
    host.close();
  },

  'a picture of the user is told of and downloaded byte for byte': async () => {
    const [bytes, file] = [picture(900, 7), path.join(folder, 'mine.png')];
    await writeFile(file, bytes);
    const { type, image } = await answers(`/send ${file}`);
    const digest = createHash('sha256').update(bytes).digest();
    assert.deepEqual([type, image.mimeType, image.sha256], ['image', 'image/png', digest.toString('base64')]);
    assert.equal((await media.get({ mediaId: image.id })).sha256, digest.toString('hex'));
    const back = await media.download({ mediaId: image.id, auth: 'always' });
    assert(bytes.equals(Buffer.from(back)), 'other bytes came');
  },

  'what was uploaded is deleted and not there any more': async () => {
    assert.equal((await media.delete({ mediaId: uploaded.id, phoneNumberId })).success, true);
    const error = await refused(media.get({ mediaId: uploaded.id }), { code: 100, category: 'parameter' });
    assert.equal(error.errorSubcode, 33);
  },

  'a button is tapped': async () => {
    const buttons = [{ id: 'y', title: 'Yes, please' }, { id: 'n', title: 'No' }];
    const options = { header: { type: 'text', text: 'Now' }, bodyText: 'Coffee?', footerText: 'or never', buttons };
    const id = await sends(messages.sendInteractiveButtons({ ...whom, ...options }), '"Coffee?" ["Yes, please"] ["No"]');
    const { type, interactive, context, kapso } = await answers('/tap Yes, please');
    assert.deepEqual([type, interactive.type, context.id, kapso.direction], ['interactive', 'button_reply', id, 'inbound']);
    assert.deepEqual(interactive.buttonReply, { id: 'y', title: 'Yes, please' });
  },

  'a row of a list is tapped': async () => {
    const rows = [{ id: 'oat', title: 'Oat', description: 'without cow' }, { id: 'cow', title: 'Cow' }];
    const options = { bodyText: 'Which?', buttonText: 'Milk', sections: [{ title: 'Kinds', rows }] };
    const id = await sends(messages.sendInteractiveList({ ...whom, ...options }), '"Which?"');
    const { interactive, context } = await answers('/tap Oat');
    assert.deepEqual([interactive.type, context.id], ['list_reply', id]);
    assert.deepEqual(interactive.listReply, { id: 'oat', title: 'Oat', description: 'without cow' });
  },

  'whatever else can be tapped is shown': async () => {
    const bodyText = 'look';
    await sends(messages.sendInteractiveCtaUrl({ ...whom, bodyText, parameters: { displayText: 'Go', url: 'https://example.com/' } }), '"look"');
    await sends(messages.sendInteractiveLocationRequest({ ...whom, bodyText: 'where?', parameters: { requestMessage: 'where?' } }), '"where?"');
    await sends(messages.sendInteractiveCatalogMessage({ ...whom, bodyText: 'all', parameters: { thumbnailProductRetailerId: 'p' } }), '"all"');
    await sends(messages.sendInteractiveProduct({ ...whom, bodyText: 'one', catalogId: '1', productRetailerId: 'p' }), '"one"');
    const sections = [{ title: 'S', productItems: [{ productRetailerId: 'p' }] }];
    const options = { bodyText: 'some', header: { type: 'text', text: 'H' }, catalogId: '1', sections };
    await sends(messages.sendInteractiveProductList({ ...whom, ...options }), '"some"');
    await sends(messages.sendInteractiveAddress({ ...whom, bodyText: 'home', parameters: { country: 'IN' } }), '"home"');
    const interactive = { type: 'button', body: { text: 'raw' }, action: { buttons: [{ type: 'reply', reply: { id: 'r', title: 'R' } }] } };
    await sends(messages.sendInteractiveRaw({ ...whom, interactive }), '"raw"');
    await sends(messages.sendInteractiveCallPermission({ ...whom, bodyText: 'may we?', parameters: { phoneNumber: USER } }), '"may we?"');
  },

  'cards are shown side by side': async () => {
    const file = new Blob([view], { type: 'image/png' });
    const header = { type: 'image', image: await media.upload({ phoneNumberId, type: 'image', file, fileName: 'card.png' }) };
    const links = [0, 1].map((cardIndex) => ({ cardIndex, header, bodyText: 'x', action: { displayText: 'View', url: 'https://example.com/' } }));
    await sends(messages.sendInteractiveCarousel({ ...whom, bodyText: 'links', cards: links }), '"links"');
    const replies = [0, 1].map((cardIndex) => ({ cardIndex, header, action: { buttons: [{ id: `${cardIndex}`, title: `Card ${cardIndex}` }] } }));
    await sends(messages.sendInteractiveCarousel({ ...whom, bodyText: 'replies', cards: replies }), '"replies"');
  },

  'a template is created, listed, got, sent, tapped and deleted': async () => {
    const components = [
      { type: 'BODY', text: 'Hi {{1}}, your order is on its way.', example: { bodyText: [['Ann']] } },
      { type: 'BUTTONS', buttons: [{ type: 'QUICK_REPLY', text: 'Thanks' }] },
    ];
    const definition = { businessAccountId, name: 'order_update', language: 'en_US', category: 'UTILITY', components };
    const created = await templates.create(definition);
    assert.deepEqual([created.status, created.category], ['APPROVED', 'UTILITY']);
    await until(() => normalized.some(({ raw }) => raw.messageTemplateStatusUpdate), () => 'no review was told');
    const listed = await templates.list({ businessAccountId, status: 'APPROVED', name: 'order_update', limit: 5 });
    assert.deepEqual(listed.data.map(({ id, name }) => [id, name]), [[created.id, 'order_update']]);
    const got = await templates.get({ businessAccountId, templateId: created.id });
    assert.deepEqual([got.id, got.name, got.language], [created.id, 'order_update', 'en_US']);
    const template = buildTemplateSendPayload({
      name: 'order_update', language: 'en_US', body: [{ type: 'text', text: 'Ann' }],
      buttons: [{ type: 'button', subType: 'quick_reply', index: 0, parameters: [{ type: 'payload', payload: 't' }] }],
    });
    await sends(messages.sendTemplate({ ...whom, template }), 'template "Hi Ann, your order is on its way." ["Thanks"]');
    const { type, button } = await answers('/tap Thanks');
    assert.deepEqual([type, button.payload, button.text], ['button', 't', 'Thanks']);
    const none = { name: 'order_update', language: { code: 'en_US' } };
    await refused(messages.sendTemplate({ ...whom, template: none }), { code: 132000, category: 'template' });
    assert.equal((await templates.delete({ businessAccountId, name: 'order_update' })).success, true);
    const error = await refused(messages.sendTemplate({ ...whom, template }), { code: 132001, category: 'template', httpStatus: 404 });
    assert(error.isTemplateError());
  },

  'what is configured is told as it was said': async () => {
    const { businessProfile, settings } = phoneNumbers;
    const said = { about: 'Bread', address: '1 Rd', email: 'a@bakery.example', websites: ['https://bakery.example/'], vertical: 'RETAIL' };
    assert.equal((await businessProfile.update({ phoneNumberId, ...said })).success, true);
    const { data: [profile] } = await businessProfile.get({ phoneNumberId, fields: 'about,address,email,websites,vertical' });
    assert.deepEqual({ ...profile, messagingProduct: undefined }, { ...said, messagingProduct: undefined });
    assert.equal((await settings.get({ phoneNumberId })).calling.status, 'DISABLED');
    assert.equal((await settings.update({ phoneNumberId, calling: { status: 'DISABLED' } })).success, true);
    await refused(settings.update({ phoneNumberId, calling: { status: 'ENABLED' } }), { code: 100, category: 'parameter' });
  },

  'a number is registered and not': async () => {
    assert.equal((await phoneNumbers.register({ phoneNumberId, pin: '123456' })).success, true);
    assert.equal((await phoneNumbers.deregister({ phoneNumberId })).success, true);
    await refused(messages.sendText({ ...whom, body: 'not now' }), { code: 133010, category: 'phoneRegistration' });
    await refused(phoneNumbers.register({ phoneNumberId, pin: '654321' }), { code: 133005, category: 'server' });
    assert.equal((await phoneNumbers.register({ phoneNumberId, pin: '123456' })).success, true);
    await sends(messages.sendText({ ...whom, body: 'open again' }));
    // Nobody tells codes here.
    await refused(phoneNumbers.requestCode({ phoneNumberId, codeMethod: 'SMS', language: 'en_US' }), { code: 100, category: 'parameter' });
    await refused(phoneNumbers.verifyCode({ phoneNumberId, code: '123456' }), { code: 131009, category: 'parameter' });
  },

  'a flow is deployed, changed, listed, sent and deprecated': async () => {
    const json = { version: '7.2', screens: [{ id: 'CSAT', terminal: true, layout: { type: 'SingleColumnLayout', children: [] } }] };
    const wabaId = businessAccountId;
    const { flowId } = await flows.deploy(json, { wabaId, name: 'csat' });
    assert.equal((await flows.updateAsset({ flowId, json: { ...json, version: '7.3' }, phoneNumberId })).success, true);
    assert.equal((await flows.publish({ flowId, businessAccountId })).success, true);
    const got = await flows.get({ flowId });
    assert.deepEqual([got.name, got.status, got.categories], ['csat', 'PUBLISHED', ['OTHER']]);
    const listed = await flows.list({ wabaId, limit: 5 });
    assert.deepEqual(listed.data.map(({ id }) => id), [flowId]);
    const parameters = { flowId, flowCta: 'Open', flowToken: 't', flowAction: 'navigate', flowActionPayload: { screen: 'CSAT' } };
    await sends(messages.sendInteractiveFlow({ ...whom, bodyText: 'how was it?', parameters }), '"how was it?"');
    assert.equal((await flows.deprecate({ flowId })).success, true);
    const created = await flows.create({ wabaId, name: 'at once', flowJson: json, publish: true });
    assert.deepEqual([created.success, created.validationErrors ?? []], [true, []]);
  },

  'nobody is called': async () => {
    const session = { sdpType: 'offer', sdp: 'v=0' };
    await refused(calls.connect({ ...whom, session }), { code: 100, category: 'parameter' });
    await refused(calls.permissions.get({ phoneNumberId, userWaId: USER }), { code: 100, category: 'parameter' });
  },

  'what cannot be is refused by name': async () => {
    const error = await refused(messages.sendText({ ...whom, body: 'ж'.repeat(4097) }), { code: 100, category: 'parameter' });
    assert.match(error.details, /4096/);
    const bad = client('another-token').messages.sendText({ ...whom, body: 'x' });
    const unknown = await refused(bad, { code: 190, category: 'authorization', httpStatus: 401 });
    assert(unknown.isAuthError() && unknown.requiresTokenRefresh());
    await refused(messages.sendText({ phoneNumberId: '999', to: USER, body: 'x' }), { code: 100, category: 'parameter' });
    await sends(messages.sendText({ ...whom, body: 'ж'.repeat(4096) }));
  },

  'every update was expected': () => {
    webhook.everythingWasExpected(6);
    assert.equal(normalized.length, webhook.deliveries.length);
    assert.deepEqual(heard().map(({ id }) => id), webhook.messages.map(({ id }) => id));
  },
});
