// Runs exported edge code as its platform would: `node edge_code.mjs PLATFORM FILE`, one JSON request a line, one
// JSON answer a line. The code sees what the platform offers and nothing else of Node.
import { createHash, createHmac, webcrypto } from "node:crypto";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import vm from "node:vm";

let keys = {}; // secrets of this request: in CloudFront's store, or in Akamai's variables
let now = 0;

class PlatformDate extends Date {
  static now() {
    return now * 1000;
  }
}

const platforms = {
  cloudfront: {
    globals: { Buffer, Date: PlatformDate },
    modules: {
      crypto: { default: { createHash, createHmac } },
      cloudfront: { default: { kvs: () => ({ get: fromStore }) } },
    },
    tail: "\nexport { handler };",
    async ask({ handler }, path, query) {
      const request = { method: "GET", uri: path, querystring: parsed(query), headers: {}, cookies: {} };
      const answer = await handler({ version: "1.0", request });
      if (answer.statusCode) return { status: answer.statusCode, reason: answer.headers["tifo-refused"].value };
      return { status: 200, path: answer.uri, query: written(answer.querystring) };
    },
  },
  akamai: {
    globals: { Date: PlatformDate },
    modules: { crypto: { crypto: { subtle: webcrypto.subtle } } },
    tail: "",
    async ask({ onClientRequest }, path, query) {
      let answer;
      const variables = {};
      await onClientRequest({
        path,
        query,
        getVariable: (name) => keys[name],
        setVariable: (name, value) => (variables[name] = value),
        route: (to) => (answer = { status: 200, ...to, variables }),
        respondWith: (status, headers) => (answer = { status, reason: headers["Tifo-Refused"][0] }),
      });
      return answer;
    },
  },
};

async function fromStore(key) {
  if (!(key in keys)) throw new Error(`Key not found: ${key}`);
  return keys[key];
}

function parsed(query) {
  const found = {};
  for (const [name, value = ""] of query ? query.split("&").map((one) => one.split(/=(.*)/s)) : []) {
    if (name in found) (found[name].multiValue ??= [{ value: found[name].value }]).push({ value });
    else found[name] = { value };
  }
  return found;
}

function written(query) {
  return Object.entries(query).map(([name, { value }]) => `${name}=${value}`).join("&");
}

async function loaded(platform, file) {
  const context = vm.createContext({ ...platform.globals });
  const main = new vm.SourceTextModule(readFileSync(file, "utf8") + platform.tail, { context });
  await main.link((name) => {
    const offered = platform.modules[name];
    if (!offered) throw new Error(`the platform has no module ${name}`);
    const names = Object.keys(offered);
    return new vm.SyntheticModule(names, function () {
      for (const one of names) this.setExport(one, offered[one]);
    }, { context });
  });
  await main.evaluate();
  return main.namespace;
}

const platform = platforms[process.argv[2]];
const code = await loaded(platform, process.argv[3]);
for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  ({ keys, now } = asked);
  console.log(JSON.stringify(await platform.ask(code, asked.path, asked.query)));
}
