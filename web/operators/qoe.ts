import { byId, make, setText } from "../shared/dom.ts";
import { bitrate, count, millis, percent, UNKNOWN } from "../shared/format.ts";
import type { Qoe } from "./api.ts";
import { BOUNDS, devices, grade, lines, worst, type Grade, type Line } from "./qoe-matrix.ts";
import { Rows, type Row } from "./rows.ts";

/** A shape beside the colour: not everybody tells green from red. */
const MARKS: Readonly<Record<Grade, string>> = { good: "✓", fair: "▲", poor: "✕" };

/** What viewers have by CDN and ISP, for one kind of device or all. */
export class QoeTable {
  private readonly rows = new Rows<Line>(byId("qoe-rows", HTMLElement), (line) => line.key, row);
  private readonly device = byId("qoe-device", HTMLSelectElement);
  private latest: Qoe | null = null;

  constructor() {
    this.device.addEventListener("change", () => this.show());
    byId("qoe-legend", HTMLElement).replaceChildren(...legend());
  }

  update(qoe: Qoe): void {
    this.latest = qoe;
    this.offer(devices(qoe.cells));
    this.show();
  }

  /** A device that was chosen stays on offer while nobody has one: a choice must not change under the operator. */
  private offer(kinds: readonly string[]): void {
    const there = [...this.device.options].map((option) => option.value);
    for (const kind of kinds.filter((one) => !there.includes(one))) this.device.append(make("option", { value: kind }, kind));
  }

  private show(): void {
    const shown = lines(this.latest?.cells ?? [], this.device.value);
    this.rows.show(shown);
    byId("qoe-note", HTMLElement).hidden = shown.length > 0;
    byId("qoe-table", HTMLElement).hidden = shown.length === 0;
    byId("qoe-legend", HTMLElement).hidden = shown.length === 0;
    setText(byId("qoe-window", HTMLElement), this.latest?.window_s ? `the last ${Math.round(this.latest.window_s)} s` : "");
  }
}

function row(first: Line): Row<Line> {
  const [viewers, throughput, traffic] = [number(), number(), number()];
  const [startup, rebuffering, errors] = [new Graded(), new Graded(), new Graded()];
  const name = first.isp ?? (first.pathway || "no CDN yet");
  const title = make("th", { scope: "row", class: first.isp === null ? "whole" : "isp", title: name }, name);
  const element = make("tr", { "data-qoe": first.key }, title, viewers, startup.cell, rebuffering.cell, errors.cell, throughput, traffic);
  const update = (line: Line): void => {
    setText(viewers, count(line.viewers));
    startup.show(startupWords(line), worst(grade("startupP50", line.startupP50), grade("startupP95", line.startupP95)));
    rebuffering.show(percentWords(line.rebuffering), grade("rebuffering", line.rebuffering));
    errors.show(percentWords(line.errors), grade("errors", line.errors));
    setText(throughput, line.throughput === null ? UNKNOWN : bitrate(line.throughput));
    setText(traffic, line.bps > 0 ? bitrate(line.bps) : UNKNOWN);
  };
  return { element, update };
}

/** A figure with its grade as colour, as a shape, and as a word for who hears the page. */
class Graded {
  private readonly words = make("span");
  private readonly mark = make("span", { class: "mark", role: "img" });
  readonly cell = make("td", { class: "number graded" }, this.words, this.mark);

  show(words: string, found: Grade | null): void {
    setText(this.words, words);
    setText(this.mark, found === null ? "" : MARKS[found]);
    this.cell.dataset["grade"] = found ?? "";
    this.mark.setAttribute("aria-label", found ?? "not known");
  }
}

function startupWords({ startupP50, startupP95 }: Line): string {
  return startupP50 === null || startupP95 === null ? UNKNOWN : `${millis(startupP50)} · ${millis(startupP95)}`;
}

const percentWords = (ratio: number | null): string => (ratio === null ? UNKNOWN : percent(ratio));

function legend(): readonly HTMLElement[] {
  const bounds = (place: 0 | 1): string =>
    `start-up ${millis(BOUNDS.startupP50[place])} · ${millis(BOUNDS.startupP95[place])}, ` +
    `rebuffering ${percent(BOUNDS.rebuffering[place])}, errors ${percent(BOUNDS.errors[place])}`;
  const item = (one: Grade, words: string): HTMLElement =>
    make("li", { "data-grade": one }, make("span", { class: "mark" }, MARKS[one]), ` ${words}`);
  return [item("good", `good: up to ${bounds(0)}`), item("fair", `fair: up to ${bounds(1)}`), item("poor", "poor: more")];
}

const number = (): HTMLTableCellElement => make("td", { class: "number" });
