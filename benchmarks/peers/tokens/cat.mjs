// @eyevinn/cat as it is found, for some seconds each: tokens generated and validated a second, as JSON.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [oracles, key, seconds, claims, url] = process.argv.slice(2);
const { CAT } = await import(pathToFileURL(createRequire(`${oracles}/package.json`).resolve("@eyevinn/cat")));
const cat = new CAT({ keys: { k1: Buffer.from(key, "hex") }, expectCwtTag: true });
const generate = () => cat.generateFromJson(JSON.parse(claims), { type: "mac", alg: "HS256", kid: "k1" });
const token = await generate();

async function perS(once) {
  const until = performance.now() + 1000 * seconds;
  const began = performance.now();
  let done = 0;
  for (; performance.now() < until; done += 1) await once();
  return (1000 * done) / (performance.now() - began);
}

async function validate() {
  const { error } = await cat.validate(token, "mac", { issuer: "tifo", url: new URL(url) });
  if (error) throw error;
}

await validate();
console.log(JSON.stringify({ signed: await perS(generate), verified: await perS(validate) }));
