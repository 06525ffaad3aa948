import crypto from 'crypto';
import cf from 'cloudfront';

const KEY_PREFIX = @KEY_PREFIX@;

async function handler(event) {
  const request = event.request;
  try {
    const asked = taken(request);
    const token = readToken(asked.token);
    const key = await keyOf(token.kid);
    const code = crypto.createHmac('sha256', Buffer.from(key)).update(Buffer.from(token.signed)).digest();
    if (!same(code, token.signature)) throw new Error('signature');
    checkClaims(token.payload, asked.path, Date.now() / 1000);
    request.uri = asked.path;
    keepQuery(request.querystring);
    return request;
  } catch (error) {
    return refusal(reasonOf(error));
  }
}

function taken(request) {
  if (IN_PATH) return fromPath(request.uri);
  const found = request.querystring[NAME];
  if (!found || found.multiValue) throw new Error('empty');
  return { token: found.value, path: request.uri };
}

function keepQuery(query) {
  const names = Object.keys(query);
  for (let i = 0; i < names.length; i++) {
    if (!keptInQuery(names[i])) delete query[names[i]];
  }
}

async function keyOf(kid) {
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(kid)) throw new Error('unknown-key');
  try {
    // This runtime knows `await` in a statement of its own only.
    const stored = await cf.kvs().get(KEY_PREFIX + kid);
    return bytesOfHex(stored);
  } catch (error) {
    throw new Error('unknown-key');
  }
}

// In a time that tells nothing about the code.
function same(code, signature) {
  let differing = code.length ^ signature.length;
  for (let i = 0; i < code.length; i++) differing |= code[i] ^ signature[i];
  return differing === 0;
}

function refusal(reason) {
  return {
    statusCode: 403,
    statusDescription: 'Forbidden',
    headers: {
      'access-control-allow-origin': { value: '*' },
      'cache-control': { value: 'no-store' },
      'tifo-refused': { value: reason },
    },
  };
}

@CAT_TOKEN@
