// What is sealed: an opening key of 32 bytes, a Content, and 0x80 with zeros behind it up to a multiple of 256 bytes.
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { Content } from './wire.mjs';

const STEP = 256;
const KEY = 32;

const tag = (plaintext) => createHmac('sha256', plaintext.subarray(0, KEY)).update(plaintext).digest();

/** The plaintext of a content, and the franking tag that goes on the envelope. */
export function encode(content) {
  const said = Content.encode(content);
  const plaintext = Buffer.alloc(Math.ceil((KEY + said.length + 1) / STEP) * STEP);
  randomBytes(KEY).copy(plaintext);
  said.copy(plaintext, KEY);
  plaintext[KEY + said.length] = 0x80;
  return { plaintext, franking: tag(plaintext) };
}

/** The content of a plaintext, whose tag must be the one on the envelope. */
export function decode(plaintext, franking) {
  const bytes = Buffer.from(plaintext);
  if (!timingSafeEqual(tag(bytes), franking)) throw new Error('the franking tag does not belong to the content');
  const end = bytes.findLastIndex((byte) => byte !== 0);
  if (end < KEY || bytes[end] !== 0x80 || Math.ceil((end + 1) / STEP) * STEP !== bytes.length) throw new Error('it is not padded');
  return Content.decode(bytes.subarray(KEY, end));
}
