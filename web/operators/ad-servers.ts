import { byId, make, setText } from "../shared/dom.ts";
import { count, percent, rate } from "../shared/format.ts";
import type { AdServer } from "./api.ts";
import { Rows, type Row } from "./rows.ts";

/** The state of a server's circuit: closed asks, open only probes. */
export function circuitWords({ nodes, nodes_failing }: Pick<AdServer, "nodes" | "nodes_failing">): { words: string; tone: string } {
  if (nodes_failing === 0) return { words: "closed", tone: "good" };
  return { words: nodes_failing === nodes ? "open" : `open on ${nodes_failing} of ${nodes}`, tone: "bad" };
}

/** A figure and what part of those asked it is: "17 · 15 %". */
export function ofAsked(value: number, asked: number): string {
  return asked > 0 && value > 0 ? `${count(value)} · ${percent(value / asked)}` : count(value);
}

/** What came of asking outside ad servers ahead of the last minutes' breaks. */
export class AdServers {
  private readonly host = byId("ad-servers", HTMLElement);
  private readonly rows = new Rows<AdServer>(byId("ad-server-rows", HTMLElement), (one) => one.id, row);

  update(servers: readonly AdServer[]): void {
    this.host.hidden = servers.length === 0;
    this.rows.show(servers);
  }
}

function row(first: AdServer): Row<AdServer> {
  const badge = make("span", { class: "badge" });
  const cells = Array.from({ length: 7 }, () => make("td", { class: "number" }));
  const element = make("tr", { "data-ad-server": first.id }, make("th", { scope: "row" }, first.id), make("td", {}, badge), ...cells);
  const update = (one: AdServer): void => {
    const { words, tone } = circuitWords(one);
    element.dataset["circuit"] = tone === "good" ? "closed" : "open";
    setText(badge, words);
    badge.dataset["tone"] = tone;
    const { asked } = one;
    const texts = [
      count(asked), ofAsked(one.answered, asked), ofAsked(one.fetched, asked), ofAsked(one.timed_out, asked), ofAsked(one.failed, asked),
      one.unasked > 0 ? `${count(one.shaped)} + ${count(one.unasked)} circuit` : count(one.shaped), rate(one.requests_per_s),
    ];
    cells.forEach((cell, n) => setText(cell, texts[n] ?? ""));
    cells[3]?.classList.toggle("bad", one.timed_out > 0);
    cells[4]?.classList.toggle("bad", one.failed > 0);
    cells[5]?.classList.toggle("warn", one.shaped > 0);
  };
  return { element, update };
}
