// Others' readers of VAST and VMAP: one JSON request on the input, one JSON document on the output.
import { readFileSync } from "node:fs";
import { VASTParser } from "@dailymotion/vast-client";
import VMAP from "@dailymotion/vmap";
import { DOMParser } from "@xmldom/xmldom";

const dom = (text) =>
  new DOMParser({ errorHandler: (level, said) => { throw new Error(`${level}: ${said}`); } })
    .parseFromString(text, "text/xml");

const does = {
  async vast({ xml }) {
    const parser = new VASTParser();
    const warnings = [];
    parser.on("VAST-warning", (warning) => warnings.push(warning));
    const { ads, version } = await parser.parseVAST(dom(xml), { allowMultipleAds: true, resolveAll: false });
    return { ads, version, warnings };
  },
  async vmap({ xml }) {
    const { version, adBreaks } = new VMAP(dom(xml));
    return { version, breaks: adBreaks };
  },
};

const { what, ...input } = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(await does[what](input)));
