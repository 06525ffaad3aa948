// AsyncAPI's own parser: one JSON request on the input, one JSON document on the output.
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const { document: text } = JSON.parse(readFileSync(0, "utf8"));
const { document, diagnostics } = await new Parser().parse(text);
const read = document && {
  version: document.version(),
  channels: Object.fromEntries(
    document.channels().all().map((one) => [
      one.address(),
      one.messages().all().map((message) => ({
        name: message.name(),
        headers: Object.keys(message.headers().properties()),
        fields: Object.keys(message.payload().properties()),
        key: message.bindings().get("kafka").value().key.type,
      })),
    ]),
  ),
  sends: document.operations().filterBySend().map((one) => one.channels().all()[0].address()),
};
process.stdout.write(JSON.stringify({
  read: read ?? null,
  problems: diagnostics.map(({ code, message, path }) => ({ code, message, path })),
}));
