// Others' implementations of tokens: reads one JSON request from its input, answers one JSON document.
import { readFileSync } from "node:fs";
import { CAT } from "@eyevinn/cat";
import EdgeAuth from "akamai-edgeauth";
import { getSignedCookies, getSignedUrl } from "@aws-sdk/cloudfront-signer";

const does = {
  async catValidate({ keys, token, url, issuer }) {
    const cat = new CAT({ keys: buffers(keys), expectCwtTag: true });
    const { error, cat: found } = await cat.validate(token, "mac", { issuer, url: new URL(url) });
    return error ? { error: error.name || String(error) } : { claims: found.claims };
  },
  async catGenerate({ keys, kid, claims }) {
    const cat = new CAT({ keys: buffers(keys), expectCwtTag: true });
    return { token: await cat.generateFromJson(claims, { type: "mac", alg: "HS256", kid }) };
  },
  async akamai({ options, acl, url }) {
    const auth = new EdgeAuth(options);
    return { token: acl ? auth.generateACLToken(acl) : auth.generateURLToken(url) };
  },
  async cloudfront(input) {
    return { url: getSignedUrl(input), cookies: getSignedCookies(input) };
  },
};

function buffers(keys) {
  return Object.fromEntries(Object.entries(keys).map(([kid, hex]) => [kid, Buffer.from(hex, "hex")]));
}

const { what, ...input } = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(await does[what](input)));
