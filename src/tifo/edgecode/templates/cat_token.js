// --- the token: CBOR (RFC 8949) as far as a Common Access Token needs it ---

const CWT_TAG = [0xd8, 0x3d];
const HEAD = @HEAD@;
const SIGNED_HEAD = @SIGNED_HEAD@;
const SIGNATURE_BYTES = @SIGNATURE_BYTES@;
const TOKEN_LENGTH_MAX = @TOKEN_LENGTH_MAX@;
const DEPTH_MAX = 4;
const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

function fromBase64url(text) {
  const raw = new Uint8Array(Math.floor((text.length * 3) / 4));
  let bits = 0;
  let held = 0;
  let at = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = DIGITS.indexOf(text[i]);
    if (digit < 0) throw new Error('malformed');
    held = ((held << 6) | digit) & 0xfff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      raw[at++] = (held >> bits) & 0xff;
    }
  }
  // What is left over is zero, and less than a digit: a token has one spelling.
  if (bits >= 6 || (held & ((1 << bits) - 1)) !== 0) throw new Error('malformed');
  return raw;
}

function startsWith(raw, at, wanted) {
  for (let i = 0; i < wanted.length; i++) {
    if (raw[at + i] !== wanted[i]) return false;
  }
  return true;
}

function argument(raw, at, info) {
  const size = info < 24 ? 0 : 1 << (info - 24);
  if (info > 27 || at + size > raw.length) throw new Error('malformed');
  let value = size ? 0 : info;
  for (let i = 0; i < size; i++) value = value * 256 + raw[at + i];
  const least = [24, 256, 65536, 4294967296][info - 24];
  if ((size && value < least) || value > Number.MAX_SAFE_INTEGER) throw new Error('malformed');
  return { value: value, end: at + size };
}

// Kinds: 0 number, 1 negative number, 2 bytes, 3 text, 5 map (an array of pairs). All others are refused.
function readItem(raw, at, depth) {
  if (at >= raw.length || depth > DEPTH_MAX) throw new Error('malformed');
  const kind = raw[at] >> 5;
  const head = argument(raw, at + 1, raw[at] & 31);
  if (kind === 0) return { kind: kind, value: head.value, end: head.end };
  if (kind === 1) return { kind: kind, value: -1 - head.value, end: head.end };
  if (kind === 2 || kind === 3) {
    const end = head.end + head.value;
    if (end > raw.length) throw new Error('malformed');
    const bytes = raw.slice(head.end, end);
    return { kind: kind, value: kind === 2 ? bytes : textOf(bytes), end: end };
  }
  if (kind !== 5) throw new Error('malformed');
  return readMap(raw, head.end, head.value, depth);
}

function readMap(raw, at, count, depth) {
  const pairs = [];
  for (let i = 0; i < count; i++) {
    const key = readItem(raw, at, depth + 1);
    const value = readItem(raw, key.end, depth + 1);
    pairs.push({ key: key, value: value });
    at = value.end;
  }
  return { kind: 5, value: pairs, end: at };
}

function textOf(bytes) {
  let text = '';
  for (let i = 0; i < bytes.length; i++) text += '%' + (bytes[i] < 16 ? '0' : '') + bytes[i].toString(16);
  return decodeURIComponent(text);
}

// What a token consists of; nothing of it is true before its signature holds.
function readToken(text) {
  if (text.length > TOKEN_LENGTH_MAX) throw new Error('malformed');
  const raw = fromBase64url(percentDecoded(text));
  const start = startsWith(raw, 0, CWT_TAG) ? CWT_TAG.length : 0;
  if (!startsWith(raw, start, HEAD)) throw new Error('algorithm');
  const kid = readItem(raw, start + HEAD.length, 0);
  const payload = readItem(raw, kid.end, 0);
  const signature = readItem(raw, payload.end, 0);
  if (kid.kind !== 2 || payload.kind !== 2 || signature.kind !== 2) throw new Error('malformed');
  if (signature.value.length !== SIGNATURE_BYTES || signature.end !== raw.length) throw new Error('malformed');
  const written = raw.slice(kid.end, payload.end);
  const signed = new Uint8Array(SIGNED_HEAD.length + written.length);
  signed.set(SIGNED_HEAD);
  signed.set(written, SIGNED_HEAD.length);
  return { kid: textOf(kid.value), signed: signed, payload: payload.value, signature: signature.value };
}

// The words of `tifo token verify`; whatever else went wrong, it was no token.
const REASONS = ['empty', 'algorithm', 'unknown-key', 'signature', 'claims', 'issuer', 'expired', 'not-yet-valid', 'path'];

function reasonOf(error) {
  return REASONS.indexOf(error.message) < 0 ? 'malformed' : error.message;
}

// --- what it grants, once the signature holds ---

const ISSUER = @ISSUER@;
const CLOCK_SKEW_S = @CLOCK_SKEW_S@;
const KNOWN = [1, 4, 5, 6, 7, 310, 312]; // iss, exp, nbf, iat, cti, catv, catu
const SESSION = /^[A-Za-z0-9._:@-]{0,64}$/;
const PREFIX = /^\/[A-Za-z0-9._:@\/-]{0,255}$/;

function checkClaims(payload, path, now) {
  const map = readItem(payload, 0, 0);
  if (map.kind !== 5 || map.end !== payload.length) throw new Error('claims');
  const claims = {};
  for (let i = 0; i < map.value.length; i++) {
    const key = map.value[i].key;
    // A claim that is not processed here refuses the token, as the specification asks.
    if (key.kind !== 0 || KNOWN.indexOf(key.value) < 0 || claims[key.value]) throw new Error('claims');
    claims[key.value] = map.value[i].value;
  }
  if (claims[310] && (claims[310].kind !== 0 || claims[310].value !== 1)) throw new Error('claims');
  if (!claims[1] || claims[1].kind !== 3 || claims[1].value !== ISSUER) throw new Error('issuer');
  if (!claims[4] || claims[4].kind !== 0 || (claims[5] && claims[5].kind !== 0)) throw new Error('claims');
  if (claims[7] && (claims[7].kind !== 2 || !SESSION.test(textOf(claims[7].value)))) throw new Error('claims');
  if (now >= claims[4].value) throw new Error('expired');
  if (claims[5] && now < claims[5].value - CLOCK_SKEW_S) throw new Error('not-yet-valid');
  if (!opens(onlyOpened(claims[312]), path)) throw new Error('path');
}

// The one path of `catu`: {3: {1: a folder}} or {3: {0: a file}}.
function onlyOpened(catu) {
  const part = onlyPair(catu);
  if (part.key.value !== 3) throw new Error('claims');
  const match = onlyPair(part.value);
  if (match.value.kind !== 3 || !PREFIX.test(match.value.value)) throw new Error('claims');
  // A beginning that ends inside a name would open its neighbours.
  if (match.key.value !== (match.value.value.slice(-1) === '/' ? 1 : 0)) throw new Error('claims');
  return match.value.value;
}

function onlyPair(map) {
  if (!map || map.kind !== 5 || map.value.length !== 1 || map.value[0].key.kind !== 0) throw new Error('claims');
  return map.value[0];
}

function opens(prefix, path) {
  const plain = percentDecoded(path);
  if (plain.split('/').indexOf('..') >= 0) return false;
  return prefix.slice(-1) === '/' ? plain.indexOf(prefix) === 0 : plain === prefix;
}

function percentDecoded(text) {
  return text.replace(/(?:%[0-9A-Fa-f]{2})+/g, decodedRun);
}

function decodedRun(run) {
  try {
    return decodeURIComponent(run);
  } catch (error) {
    return run;
  }
}

// --- the address: where the token stands, and what is left of it for the cache ---

const IN_PATH = @IN_PATH@;
const NAME = @NAME@;

// Takes `/NAME/TOKEN/live/...` apart.
function fromPath(path) {
  const before = '/' + NAME + '/';
  const end = path.indexOf('/', before.length);
  if (path.indexOf(before) !== 0 || end < 0) throw new Error('empty');
  return { token: path.slice(before.length, end), path: path.slice(end) };
}

// What a playlist's reload asks for divides the cache; the token and what a player measures do not.
function keptInQuery(name) {
  return name.indexOf('_HLS_') === 0;
}

function bytesOfHex(text) {
  if (!/^([0-9a-fA-F]{2}){32,}$/.test(text)) throw new Error('unknown-key');
  const raw = new Uint8Array(text.length / 2);
  for (let i = 0; i < raw.length; i++) raw[i] = parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return raw;
}
