import { byId, make, setText } from "../shared/dom.ts";
import { clock, count, duration, millis, percent, rate, UNKNOWN } from "../shared/format.ts";
import { AdServers } from "./ad-servers.ts";
import { bullet, emptyWords, FILLINGS, flightWords, inventoryWords, legendWords, podsTone, podsWords, STATE_TONES } from "./ads-words.ts";
import type { Ads as AdsFigures, Control, LineItem, Overview } from "./api.ts";
import { podsChart } from "./charts.ts";
import { confirm } from "./confirm.ts";
import type { History } from "./history.ts";
import { act } from "./notice.ts";
import { Pacing } from "./pacing.ts";
import { Rows, type Row } from "./rows.ts";
import { Timeline } from "./timeline.ts";

const at = (id: string): HTMLElement => byId(id, HTMLElement);

/** What becomes of breaks: when they are, what fills them, and how far the line items are. */
export class Ads {
  private readonly timeline = new Timeline(at("ads-timeline"));
  private readonly chart = podsChart(at("ads-chart"), FILLINGS);
  private readonly legend = FILLINGS.map((filling) => ({ filling, words: make("span") }));
  private readonly rows = new Rows<LineItem>(at("ads-rows"), (item) => item.id, (item) => this.row(item));
  private readonly pacing = new Pacing();
  private readonly servers = new AdServers();
  private serverNow = 0;
  /** The last second in which pods were asked for: between breaks it is what there is to say. */
  private lastAsked: AdsFigures | null = null;

  constructor(
    private readonly control: Control,
    private readonly onChange: () => void,
  ) {
    for (const { filling, words } of this.legend) {
      const swatch = make("span", { class: "swatch" });
      swatch.style.background = `var(--fill-${filling})`;
      at("ads-legend").append(make("li", {}, swatch, words));
    }
  }

  update({ ads, breaks, at: now }: Overview, history: History): void {
    this.serverNow = now;
    if (ads.pods_per_s > 0) this.lastAsked = ads;
    this.timeline.update(breaks.timeline);
    this.showInventory(ads);
    this.showFigures(ads);
    this.chart.show(history.stacked(FILLINGS, (sample) => sample.pods_per_s));
    for (const { filling, words } of this.legend) setText(words, legendWords(filling, this.lastAsked));
    const empty = emptyWords(ads);
    at("ads-note").hidden = empty === null;
    at("ads-table").hidden = empty !== null;
    setText(at("ads-note"), empty ?? "");
    this.rows.show(ads.items);
    this.pacing.update(ads.items, history);
    this.servers.update(ads.servers);
  }

  tick(serverNow: number): void {
    this.timeline.tick(serverNow);
  }

  private showInventory(ads: AdsFigures): void {
    const badge = at("ads-inventory");
    badge.hidden = ads.nodes === 0;
    badge.dataset["tone"] = ads.line_items > 0 ? "good" : "";
    setText(badge, inventoryWords(ads));
    const age = duration(this.serverNow - ads.since);
    setText(at("ads-since"), ads.revision > 0 ? `in force since ${clock(ads.since * 1000)}, ${age}` : "");
  }

  private showFigures(ads: AdsFigures): void {
    const last = this.lastAsked;
    setText(at("ads-pods"), ads.nodes > 0 ? podsWords(ads) : UNKNOWN);
    at("ads-pods").dataset["tone"] = podsTone(ads);
    setText(at("ads-fill"), last ? percent(last.fill) : UNKNOWN);
    setText(at("ads-latency"), last ? `${decided(last.p50_ms)} · ${decided(last.p99_ms)}` : UNKNOWN);
    for (const id of ["ads-fill", "ads-latency", "ads-legend"]) at(id).classList.toggle("soft", ads.pods_per_s === 0);
    setText(at("ads-refused"), ads.nodes > 0 ? rate(ads.refused_per_s) : UNKNOWN);
    at("ads-refused-figure").classList.toggle("warn", ads.refused_per_s > 0);
  }

  private row(first: LineItem): Row<LineItem> {
    const badge = make("span", { class: "badge" });
    const plot = new Bullet();
    const [due, flight] = [make("td", { class: "number" }), make("td", { class: "number" })];
    const toggle = make("button", { type: "button", "data-action": "line-item" });
    const name = make("th", { scope: "row", class: "item-name", title: first.id }, first.id);
    const element = make("tr", { "data-line-item": first.id });
    element.append(name, make("td", {}, badge), plot.cell, due, flight, make("td", { class: "actions" }, toggle));
    let latest = first;
    toggle.addEventListener("click", () => void this.switch(toggle, latest));
    const update = (item: LineItem): void => {
      latest = item;
      element.dataset["itemState"] = item.state;
      setText(badge, stateWords(item));
      badge.dataset["tone"] = STATE_TONES[item.state];
      plot.update(item);
      setText(due, item.even ? count(item.due) : "asap");
      setText(flight, flightWords(item, this.serverNow));
      setText(toggle, item.state === "off" ? "Switch on" : "Switch off");
      toggle.dataset["tone"] = item.state === "off" ? "main" : "bad";
    };
    return { element, update };
  }

  private async switch(button: HTMLButtonElement, item: LineItem): Promise<void> {
    const active = item.state === "off";
    const done = active ? `${item.id} takes part again.` : `${item.id} is off: it is in no new pod.`;
    if (!active && !(await this.isMeant(item))) return;
    if (await act(button, done, () => this.control.switchLineItem(item.id, active))) this.onChange();
  }

  private async isMeant(item: LineItem): Promise<boolean> {
    const lines = (): string[] => [
      "It is in no new pod, on every node within a second; others or house ads take its place.",
      `${count(item.delivered)} of ${count(item.goal)} impressions are delivered.`,
    ];
    return (await confirm({ title: `Switch ${item.id} off`, lines, label: "Switch off" })) !== null;
  }
}

/** What was delivered of the goal as a bar, with a mark where even delivery would be. */
class Bullet {
  private readonly words = make("span");
  private readonly bar = make("span", { class: "bar-fill" });
  private readonly mark = make("span", { class: "bullet-mark", title: "where even delivery would be" });
  readonly cell = make("td", { class: "bullet" }, this.words, make("span", { class: "bar-track" }, this.bar, this.mark));

  update(item: LineItem): void {
    const { bar, mark } = bullet(item);
    setText(this.words, `${count(item.delivered)} of ${count(item.goal)}`);
    this.cell.dataset["tone"] = STATE_TONES[item.state];
    this.cell.dataset["state"] = stateWords(item);
    this.bar.style.width = `${bar * 100}%`;
    this.mark.hidden = mark === null;
    this.mark.style.left = `${(mark ?? 0) * 100}%`;
  }
}

function stateWords(item: LineItem): string {
  return item.state.replace("-", " ");
}

/** Decisions take fractions of a millisecond. */
function decided(ms: number): string {
  return ms < 1 ? `${Math.round(ms * 1000)} µs` : millis(ms);
}
