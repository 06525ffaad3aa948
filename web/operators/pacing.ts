import { byId, make, setText } from "../shared/dom.ts";
import { PLOTTED_MAX, STATE_TONES } from "./ads-words.ts";
import type { LineItem, PacePoint, Sample } from "./api.ts";
import { paceChart } from "./charts.ts";
import type { History } from "./history.ts";
import { offPace } from "./pacing-words.ts";
import { Rows, type Row } from "./rows.ts";

/** The largest budgets over the last minutes: what was delivered, against the line of its pace. */
export class Pacing {
  private readonly host = byId("pacing", HTMLElement);
  private readonly rows = new Rows<LineItem>(byId("pace-plots", HTMLElement), (item) => item.id, (item) => this.plot(item));
  private history: History | null = null;

  update(items: readonly LineItem[], history: History): void {
    this.history = history;
    this.host.hidden = items.length === 0;
    this.rows.show(items.slice(0, PLOTTED_MAX));
  }

  private plot(first: LineItem): Row<LineItem> {
    const words = make("span", { class: "soft" });
    const name = make("strong", { class: "item-name", title: first.id }, first.id);
    const host = make("div", { class: "chart", role: "img", "aria-label": `Delivery of ${first.id} over the last 15 minutes, against its pace` });
    const element = make("figure", { class: "pace-plot", "data-pace-of": first.id }, make("figcaption", {}, name, " ", words), host);
    const chart = paceChart(host);
    const update = (item: LineItem): void => {
      element.dataset["tone"] = STATE_TONES[item.state];
      setText(words, offPace(item));
      const points = (read: keyof PacePoint) => (sample: Sample) => sample.pacing[item.id]?.[read] ?? null;
      if (this.history) chart.show(this.history.columns([points("delivered"), points("due")]));
    };
    return { element, update };
  }
}
