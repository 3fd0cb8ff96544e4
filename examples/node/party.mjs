// One device of a user: its keys, its sessions, and what it has still to send. All of it is in one file, which is on the
// disk before anything of it is told to anybody.
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import * as S from '@signalapp/libsignal-client';

const LIST = Buffer.from('bulla device list 1');
const text = (bytes) => Buffer.from(bytes).toString('base64');
const bytes = (from) => new Uint8Array(Buffer.from(from, 'base64'));
const ONE_TIME_KEYS = 100;

class Sessions extends S.SessionStore {
  constructor(party) { super(); this.party = party; }
  async saveSession(address, record) { this.party.state.sessions[address.toString()] = text(record.serialize()); }
  async getSession(address) {
    const record = this.party.state.sessions[address.toString()];
    return record ? S.SessionRecord.deserialize(bytes(record)) : null;
  }
  async getExistingSessions(addresses) { return Promise.all(addresses.map((address) => this.getSession(address))); }
}

class Identities extends S.IdentityKeyStore {
  constructor(party) { super(); this.party = party; }
  async getIdentityKey() { return this.party.identity.privateKey; }
  async getLocalRegistrationId() { return this.party.state.registration; }
  async saveIdentity(address, key) {
    const kept = this.party.state.identities;
    const before = kept[address.toString()];
    kept[address.toString()] = text(key.serialize());
    return before && before !== kept[address.toString()] ? S.IdentityChange.ReplacedExisting : S.IdentityChange.NewOrUnchanged;
  }
  async isTrustedIdentity() { return true; }
  async getIdentity(address) {
    const key = this.party.state.identities[address.toString()];
    return key ? S.PublicKey.deserialize(bytes(key)) : null;
  }
}

const found = (kept, id) => {
  if (!kept[id]) throw new Error(`no prekey ${id}`);
  return bytes(kept[id]);
};

class PreKeys extends S.PreKeyStore {
  constructor(party) { super(); this.party = party; }
  async savePreKey(id, record) { this.party.state.one_time[id] = text(record.serialize()); }
  async getPreKey(id) { return S.PreKeyRecord.deserialize(found(this.party.state.one_time, id)); }
  async removePreKey(id) { delete this.party.state.one_time[id]; }
}

class SignedPreKeys extends S.SignedPreKeyStore {
  constructor(party) { super(); this.party = party; }
  async saveSignedPreKey(id, record) { this.party.state.signed[id] = text(record.serialize()); }
  async getSignedPreKey(id) { return S.SignedPreKeyRecord.deserialize(found(this.party.state.signed, id)); }
}

class KyberPreKeys extends S.KyberPreKeyStore {
  constructor(party) { super(); this.party = party; }
  async saveKyberPreKey(id, record) { this.party.state.kyber[id] = text(record.serialize()); }
  async getKyberPreKey(id) { return S.KyberPreKeyRecord.deserialize(found(this.party.state.kyber, id)); }
  async markKyberPreKeyUsed() {}
}

/** The id of a message: a UUID of version 7. */
export function newId() {
  const id = randomBytes(16);
  id.writeUIntBE(Date.now(), 0, 6);
  id[6] = 0x70 | (id[6] & 0x0f);
  id[8] = 0x80 | (id[8] & 0x3f);
  return id;
}

export class Party {
  constructor(file, user, device) {
    Object.assign(this, { file, user, device });
    this.state = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {
      identity: text(S.IdentityKeyPair.generate().serialize()),
      registration: 1 + randomBytes(2).readUInt16BE() % 16380,
      registered: false,
      incarnation: 0,
      next_key: 1,
      sessions: {}, identities: {}, one_time: {}, signed: {}, kyber: {},
      seen: {}, asked: {}, unconfirmed: {}, outbox: [], list: { version: 1, others: {} },
    };
    // A start of its own, which the carrier tells from those before.
    this.state.incarnation += 1;
    this.identity = S.IdentityKeyPair.deserialize(bytes(this.state.identity));
    this.local = S.ProtocolAddress.new(user, device);
    this.address = Buffer.concat([Buffer.from([device]), Buffer.from(`u${user}`)]);
    this.stores = [new Sessions(this), new Identities(this)];
    this.prekeys = [new PreKeys(this), new SignedPreKeys(this), new KyberPreKeys(this)];
    this.save();
  }

  get caller() {
    return { address: this.address, installation: installation(this.identity.publicKey), incarnation: this.state.incarnation };
  }

  save() {
    const next = `${this.file}.next`;
    const file = openSync(next, 'w', 0o600);
    writeSync(file, JSON.stringify(this.state));
    fsyncSync(file);
    closeSync(file);
    renameSync(next, this.file);
  }

  /** Keys for others to write with first: what an encoded KeyUpload says. */
  async newKeys(above) {
    const { state } = this;
    const first = Math.max(state.next_key, above + 1);
    state.next_key = first + ONE_TIME_KEYS;
    const [signed, kyber] = [S.PrivateKey.generate(), S.KEMKeyPair.generate()];
    const sign = (key) => this.identity.privateKey.sign(key.serialize());
    const [signedSignature, kyberSignature] = [sign(signed.getPublicKey()), sign(kyber.getPublicKey())];
    const [oneTimeKeys, signedKeys, kyberKeys] = this.prekeys;
    await signedKeys.saveSignedPreKey(first, S.SignedPreKeyRecord.new(first, Date.now(), signed.getPublicKey(), signed, signedSignature));
    await kyberKeys.saveKyberPreKey(first, S.KyberPreKeyRecord.new(first, Date.now(), kyber, kyberSignature));
    const oneTime = [];
    for (let id = first; id < state.next_key; id += 1) {
      const key = S.PrivateKey.generate();
      await oneTimeKeys.savePreKey(id, S.PreKeyRecord.new(id, key.getPublicKey(), key));
      oneTime.push({ id, public: key.getPublicKey().serialize() });
    }
    this.save();
    return {
      registration_id: state.registration,
      identity: this.identity.publicKey.serialize(),
      signed: { id: first, public: signed.getPublicKey().serialize(), signature: signedSignature },
      kyber: { id: first, public: kyber.getPublicKey().serialize(), signature: kyberSignature },
      one_time: oneTime,
      ...(this.device === 1 ? { device_list: this.signedList() } : {}),
    };
  }

  /** Lists another of the user's devices, whose identity key this is in hexadecimal. */
  approve(device, identity) {
    const { list } = this.state;
    if (list.others[device] === identity) return;
    list.others[device] = identity;
    list.version += 1;
    this.save();
  }

  /** The list of the user's devices, with the signature of the first, which is this one. */
  signedList() {
    const { version, others } = this.state.list;
    const [number, user] = [Buffer.alloc(8), Buffer.from(`u${this.user}`)];
    number.writeBigUInt64BE(BigInt(version));
    const keys = { 1: this.identity.publicKey.serialize(), ...others };
    const rows = Object.keys(keys).map(Number).sort((a, b) => a - b).map((device) =>
      Buffer.concat([Buffer.from([device]), Buffer.from(keys[device], 'hex')]));
    const list = Buffer.concat([number, ...rows]);
    const length = (part) => Buffer.from([part.length >> 8, part.length & 0xff]);
    const signed = Buffer.concat([LIST, length(user), user, length(list), list]);
    return { list, signature: this.identity.privateKey.sign(signed) };
  }

  async hasSession(peer) {
    return Boolean(await (await this.stores[0].getSession(peer))?.hasCurrentState(new Date()));
  }

  /** Nothing is sealed any more in the session there is with `peer`. */
  retire(peer) { delete this.state.sessions[peer.toString()]; }

  /** Begins a session with the device whose keys `bundle` has. */
  async begin(peer, bundle) {
    const point = (key) => S.PublicKey.deserialize(new Uint8Array(key));
    const one = bundle.one_time?.public.length ? bundle.one_time : null;
    await S.processPreKeyBundle(S.PreKeyBundle.new(
      bundle.registration_id, peer.deviceId(), one ? one.id : null, one ? point(one.public) : null,
      bundle.signed.id, point(bundle.signed.public), new Uint8Array(bundle.signed.signature), point(bundle.identity),
      bundle.kyber.id, S.KEMPublicKey.deserialize(new Uint8Array(bundle.kyber.public)), new Uint8Array(bundle.kyber.signature),
    ), peer, this.local, ...this.stores);
  }

  /** The form of an envelope, 2 or 3, and what is sealed in it. */
  async seal(peer, plaintext) {
    const message = await S.signalEncrypt(new Uint8Array(plaintext), peer, this.local, ...this.stores);
    return { form: message.type(), sealed: message.serialize() };
  }

  async open(peer, form, sealed) {
    const message = new Uint8Array(sealed);
    return form === 3
      ? S.signalDecryptPreKey(S.PreKeySignalMessage.deserialize(message), peer, this.local, ...this.stores, ...this.prekeys)
      : S.signalDecrypt(S.SignalMessage.deserialize(message), peer, this.local, ...this.stores);
  }

  /** The installation of `peer` that can open what is sealed now. */
  async installationOf(peer) { return installation(await this.stores[1].getIdentity(peer)); }
}

/** By which an identity key is known to the carrier. */
export const installation = (key) => createHash('sha256').update(key.serialize()).digest().subarray(0, 16);
