import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { clock, count } from "../shared/format.ts";
import type { Filling } from "./api.ts";
import { HISTORY_S, type Column } from "./history.ts";

const style = getComputedStyle(document.documentElement);
const colour = (name: string): string => style.getPropertyValue(name).trim();

/** The colour of a pathway by its place; the same in plot and table. */
export const pathwayColour = (place: number): string => `var(--cdn-${(place % 4) + 1})`;
const pathwayPaint = (place: number): string => colour(`--cdn-${(place % 4) + 1}`);

const SYNC = "tifo";
const font = (): string => `11px ${colour("--font")}`;

/** A plot that fills its element and always shows the same span of time up to now. */
export class Chart {
  private readonly plot: uPlot;

  constructor(
    private readonly host: HTMLElement,
    options: Omit<uPlot.Options, "width" | "height">,
  ) {
    const size = { width: host.clientWidth, height: host.clientHeight };
    this.plot = new uPlot({ ...options, ...size }, [[], ...options.series.slice(1).map(() => [])], host);
    new ResizeObserver(() => this.fit()).observe(host);
  }

  show(columns: [Column, ...Column[]]): void {
    const now = columns[0].at(-1) ?? Date.now() / 1000;
    this.plot.setData(columns as uPlot.AlignedData, false);
    this.plot.setScale("x", { min: now - HISTORY_S, max: now });
  }

  private fit(): void {
    this.plot.setSize({ width: this.host.clientWidth, height: this.host.clientHeight });
  }
}

export function viewersChart(host: HTMLElement, onPoint: (index: number | null) => void): Chart {
  const accent = colour("--accent");
  return new Chart(host, {
    ...framed(),
    series: [{}, { stroke: accent, width: 2, fill: `${accent}22`, points: { show: false } }],
    hooks: { setCursor: [(plot) => onPoint(plot.cursor.idx ?? null)] },
  });
}

/** One band per pathway. */
export function pathwaysChart(host: HTMLElement, pathways: readonly string[]): Chart {
  const series = pathways.map((label, place): uPlot.Series => {
    const paint = pathwayPaint(place);
    return { label, stroke: paint, width: 1.5, fill: `${paint}38`, points: { show: false } };
  });
  return stackedChart(host, series);
}

/** One band for each that fills breaks, without a line on top: a band of nothing must not be seen. */
export function podsChart(host: HTMLElement, fillings: readonly Filling[]): Chart {
  const series = fillings.map((label): uPlot.Series => {
    return { label, width: 0, fill: `${colour(`--fill-${label}`)}a0`, points: { show: false } };
  });
  return stackedChart(host, series);
}

function stackedChart(host: HTMLElement, series: readonly uPlot.Series[]): Chart {
  const bands = series.slice(1).map((_, place): uPlot.Band => ({ series: [place + 2, place + 1] }));
  return new Chart(host, { ...framed(), series: [{}, ...series], bands });
}

/** What was delivered, and dashed where its pace would be: near each other, whatever their size. */
export function paceChart(host: HTMLElement): Chart {
  const frame = framed();
  return new Chart(host, {
    ...frame,
    scales: { x: { time: true, auto: false }, y: { range: aroundBoth } },
    series: [
      {},
      { label: "delivered", stroke: colour("--accent"), width: 2, points: { show: false } },
      { label: "due", stroke: colour("--text-soft"), width: 1.5, dash: [5, 4], points: { show: false } },
    ],
  });
}

/** A line without axes, for a tile. */
export function spark(host: HTMLElement, tone: string): Chart {
  const paint = colour(tone);
  return new Chart(host, {
    cursor: { show: false },
    legend: { show: false },
    padding: [2, 0, 2, 0],
    scales: { x: { time: true, auto: false }, y: { range: fromZero } },
    axes: [{ show: false }, { show: false }],
    series: [{}, { stroke: paint, width: 1.5, fill: `${paint}22`, points: { show: false } }],
  });
}

function framed(): Pick<uPlot.Options, "cursor" | "legend" | "padding" | "scales" | "axes"> {
  const grid = { stroke: colour("--line"), width: 1 };
  const common = { stroke: colour("--text-faint"), font: font(), grid, ticks: { show: false } };
  return {
    cursor: { sync: { key: SYNC }, y: false, points: { show: false }, drag: { x: false, y: false } },
    legend: { show: false },
    padding: [8, 0, 0, 0],
    scales: { x: { time: true, auto: false }, y: { range: fromZero } },
    axes: [
      { ...common, size: 26, space: 90, values: (_, splits) => splits.map((s) => clock(s * 1000).slice(0, 5)) },
      { ...common, size: 52, space: 36, values: (_, splits) => splits.map((s) => (Number.isInteger(s) ? count(s) : "")) },
    ],
  };
}

/** The span of what there is, and a little room around it. */
function aroundBoth(_: uPlot, min: number | null, max: number | null): uPlot.Range.MinMax {
  const [low, high] = [min ?? 0, max ?? 1];
  const room = Math.max((high - low) * 0.15, high * 0.002, 1);
  return [Math.max(0, low - room), high + room];
}

/** Counts start at 0, and an idle plot is not a plot of noise. */
function fromZero(_: uPlot, __: number, max: number): uPlot.Range.MinMax {
  return [0, Math.max(max * 1.15, 1)];
}
