import { byId, make, setText } from "../shared/dom.ts";
import { count, duration } from "../shared/format.ts";
import type { Origin } from "./api.ts";
import { Rows, type Row } from "./rows.ts";

const TONES: Record<Origin["state"], string> = { ok: "good", stale: "warn", failing: "bad" };

/** The live origins of events: whether they can be read, what viewers get meanwhile, and why. */
export class Origins {
  private serverNow = 0;
  private readonly rows = new Rows<Origin>(byId("origin-rows", HTMLElement), keyOf, (origin) => this.row(origin));

  /** `serverNow` is in seconds since the epoch by the server's clock. */
  update(origins: readonly Origin[], serverNow: number): void {
    this.serverNow = serverNow;
    this.rows.show(origins);
    byId("origins-note", HTMLElement).hidden = origins.length > 0;
    byId("origins-table", HTMLElement).hidden = origins.length === 0;
  }

  private row(first: Origin): Row<Origin> {
    const badge = make("span", { class: "badge" });
    const error = make("div", { class: "fault" });
    const [since, renditions] = [make("td", { class: "number" }), make("td", { class: "number" })];
    const format = make("span", { class: "soft" }, first.format.toUpperCase());
    const name = make("th", { scope: "row", title: first.address }, first.event, " ", format, error);
    const element = make("tr", { "data-origin": keyOf(first) }, name, make("td", {}, badge), since, renditions);
    const update = (origin: Origin): void => {
      element.dataset["originState"] = origin.state;
      setText(badge, origin.nodes_failing > 0 ? `${origin.state} on ${origin.nodes_failing} of ${origin.nodes}` : origin.state);
      badge.dataset["tone"] = TONES[origin.state];
      setText(error, origin.error);
      setText(since, duration(this.serverNow - origin.since));
      setText(renditions, count(origin.renditions));
    };
    return { element, update };
  }
}

function keyOf(origin: Origin): string {
  return `${origin.event} ${origin.format}`;
}
