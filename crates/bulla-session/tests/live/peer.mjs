// The other end: parties of the official build, told over standard input what to do, one JSON object a line; each is answered with one.
import { createInterface } from 'node:readline';
import * as S from '@signalapp/libsignal-client';

const hex = (bytes) => Buffer.from(bytes).toString('hex');
const raw = (text) => new Uint8Array(Buffer.from(text, 'hex'));

class Sessions extends S.SessionStore {
  constructor(kept) { super(); this.kept = kept; }
  async saveSession(address, record) { this.kept.set(address.toString(), record.serialize()); }
  async getSession(address) {
    const record = this.kept.get(address.toString());
    return record ? S.SessionRecord.deserialize(record) : null;
  }
  async getExistingSessions(addresses) { return Promise.all(addresses.map((address) => this.getSession(address))); }
}

class Identities extends S.IdentityKeyStore {
  constructor(pair, registration, kept) { super(); Object.assign(this, { pair, registration, kept }); }
  async getIdentityKey() { return this.pair.privateKey; }
  async getLocalRegistrationId() { return this.registration; }
  async saveIdentity(address, key) {
    const before = this.kept.get(address.toString());
    this.kept.set(address.toString(), key.serialize());
    const changed = before && hex(before) !== hex(key.serialize());
    return changed ? S.IdentityChange.ReplacedExisting : S.IdentityChange.NewOrUnchanged;
  }
  async isTrustedIdentity() { return true; }
  async getIdentity(address) {
    const key = this.kept.get(address.toString());
    return key ? S.PublicKey.deserialize(key) : null;
  }
}

const found = (kept, id) => {
  if (!kept.has(id)) throw new Error(`no prekey ${id}`);
  return kept.get(id);
};

class PreKeys extends S.PreKeyStore {
  constructor(kept) { super(); this.kept = kept; }
  async savePreKey(id, record) { this.kept.set(id, record.serialize()); }
  async getPreKey(id) { return S.PreKeyRecord.deserialize(found(this.kept, id)); }
  async removePreKey(id) { this.kept.delete(id); }
}

class SignedPreKeys extends S.SignedPreKeyStore {
  constructor(kept) { super(); this.kept = kept; }
  async saveSignedPreKey(id, record) { this.kept.set(id, record.serialize()); }
  async getSignedPreKey(id) { return S.SignedPreKeyRecord.deserialize(found(this.kept, id)); }
}

class KyberPreKeys extends S.KyberPreKeyStore {
  constructor(kept) { super(); this.kept = kept; }
  async saveKyberPreKey(id, record) { this.kept.set(id, record.serialize()); }
  async getKyberPreKey(id) { return S.KyberPreKeyRecord.deserialize(found(this.kept, id)); }
  async markKyberPreKeyUsed() {}
}

class Party {
  constructor(name) {
    this.address = S.ProtocolAddress.new(name, 1);
    this.pair = S.IdentityKeyPair.generate();
    this.registration = 1 + Math.floor(Math.random() * 16380);
    this.nextId = 1;
    this.kept = { sessions: new Map(), identities: new Map(), one: new Map(), signed: new Map(), kyber: new Map() };
    this.open();
  }

  open() {
    this.sessions = new Sessions(this.kept.sessions);
    this.identities = new Identities(this.pair, this.registration, this.kept.identities);
    this.one = new PreKeys(this.kept.one);
    this.signed = new SignedPreKeys(this.kept.signed);
    this.kyber = new KyberPreKeys(this.kept.kyber);
  }

  async bundle(oneTime) {
    const id = this.nextId++;
    const now = Date.now();
    const [one, signed, kyber] = [S.PrivateKey.generate(), S.PrivateKey.generate(), S.KEMKeyPair.generate()];
    const signedSignature = this.pair.privateKey.sign(signed.getPublicKey().serialize());
    const kyberSignature = this.pair.privateKey.sign(kyber.getPublicKey().serialize());
    if (oneTime) await this.one.savePreKey(id, S.PreKeyRecord.new(id, one.getPublicKey(), one));
    await this.signed.saveSignedPreKey(id, S.SignedPreKeyRecord.new(id, now, signed.getPublicKey(), signed, signedSignature));
    await this.kyber.saveKyberPreKey(id, S.KyberPreKeyRecord.new(id, now, kyber, kyberSignature));
    return {
      registration: this.registration,
      identity: hex(this.pair.publicKey.serialize()),
      id,
      one_time: oneTime ? hex(one.getPublicKey().serialize()) : null,
      signed: hex(signed.getPublicKey().serialize()),
      signed_signature: hex(signedSignature),
      kyber: hex(kyber.getPublicKey().serialize()),
      kyber_signature: hex(kyberSignature),
    };
  }

  async begin(peer, b) {
    const point = (text) => S.PublicKey.deserialize(raw(text));
    const bundle = S.PreKeyBundle.new(
      b.registration, 1, b.one_time ? b.id : null, b.one_time ? point(b.one_time) : null,
      b.id, point(b.signed), raw(b.signed_signature), point(b.identity),
      b.id, S.KEMPublicKey.deserialize(raw(b.kyber)), raw(b.kyber_signature),
    );
    await S.processPreKeyBundle(bundle, S.ProtocolAddress.new(peer, 1), this.address, this.sessions, this.identities);
    return {};
  }

  async seal(peer, plaintext) {
    const message = await S.signalEncrypt(
      raw(plaintext), S.ProtocolAddress.new(peer, 1), this.address, this.sessions, this.identities,
    );
    return { kind: message.type(), bytes: hex(message.serialize()) };
  }

  async unseal(peer, kind, bytes) {
    const from = S.ProtocolAddress.new(peer, 1);
    const plaintext = kind === 3
      ? await S.signalDecryptPreKey(
        S.PreKeySignalMessage.deserialize(raw(bytes)), from, this.address,
        this.sessions, this.identities, this.one, this.signed, this.kyber,
      )
      : await S.signalDecrypt(S.SignalMessage.deserialize(raw(bytes)), from, this.address, this.sessions, this.identities);
    return { plaintext: hex(plaintext) };
  }

  snapshot() {
    const copy = (map) => new Map(map);
    return Object.fromEntries(Object.entries(this.kept).map(([name, map]) => [name, copy(map)]));
  }

  restore(snapshot) {
    this.kept = Object.fromEntries(Object.entries(snapshot).map(([name, map]) => [name, new Map(map)]));
    this.open();
  }
}

const parties = new Map();
const snapshots = new Map();

async function carryOut(order) {
  const party = parties.get(order.party);
  switch (order.op) {
    case 'new': parties.set(order.party, new Party(order.party)); return {};
    case 'bundle': return party.bundle(order.one_time);
    case 'begin': return party.begin(order.peer, order.bundle);
    case 'seal': return party.seal(order.peer, order.plaintext);
    case 'open': return party.unseal(order.peer, order.kind, order.bytes);
    case 'snapshot': snapshots.set(order.party, party.snapshot()); return {};
    case 'restore': party.restore(snapshots.get(order.party)); return {};
    default: throw new Error(`no such order: ${order.op}`);
  }
}

// One order after the other: a party must not be asked to do two things at once.
for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    answer = await carryOut(JSON.parse(line));
  } catch (error) {
    answer = { error: String(error.message ?? error), code: error.code ?? null };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
