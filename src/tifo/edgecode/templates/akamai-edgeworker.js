import { crypto } from 'crypto';

const KEYS = @KEYS@;
const IMPORTED = @IMPORTED@;
const PATH_VARIABLE = @PATH_VARIABLE@;
const VERIFIED = @VERIFIED@;

export async function onClientRequest(request) {
  try {
    const asked = taken(request);
    const token = readToken(asked.token);
    const key = await keyOf(request, token.kid);
    if (!(await crypto.subtle.verify(VERIFIED, key, token.signature, token.signed))) throw new Error('signature');
    checkClaims(token.payload, asked.path, Date.now() / 1000);
    // What the property keys its cache by: the path that came has the token in it.
    request.setVariable(PATH_VARIABLE, asked.path);
    request.route({ path: asked.path, query: keptQuery(request.query) });
  } catch (error) {
    refuse(request, reasonOf(error));
  }
}

function taken(request) {
  if (IN_PATH) return fromPath(request.path);
  const found = request.query.split('&').filter(function (one) {
    return one.indexOf(NAME + '=') === 0;
  });
  if (found.length !== 1) throw new Error('empty');
  return { token: found[0].slice(NAME.length + 1), path: request.path };
}

function keptQuery(query) {
  return query.split('&').filter(keptInQuery).join('&');
}

async function keyOf(request, kid) {
  if (!Object.prototype.hasOwnProperty.call(KEYS, kid)) throw new Error('unknown-key');
@IMPORT_KEY@
}

function refuse(request, reason) {
  const headers = {
    'Access-Control-Allow-Origin': ['*'],
    'Cache-Control': ['no-store'],
    'Tifo-Refused': [reason],
  };
  request.respondWith(403, headers, '');
}

@CAT_TOKEN@
