import type { QoeCell } from "./api.ts";

/** The figures of one line: many cells together, weighted by their viewers. */
export interface Figures {
  readonly viewers: number;
  readonly bps: number;
  readonly startupP50: number | null;
  readonly startupP95: number | null;
  readonly rebuffering: number | null;
  readonly errors: number | null;
  readonly throughput: number | null;
}

/** One line: a CDN as a whole (`isp` is null), or its viewers at one ISP. */
export interface Line extends Figures {
  readonly key: string;
  readonly pathway: string;
  readonly isp: string | null;
}

export type Grade = "good" | "fair" | "poor";

/** Up to where a figure is good, and up to where it is fair; times in milliseconds, ratios from 0 to 1. */
export const BOUNDS = {
  startupP50: [2_000, 4_000],
  startupP95: [4_000, 8_000],
  rebuffering: [0.005, 0.01],
  errors: [0.005, 0.02],
} as const;

/** ISPs of a CDN that have a line of their own; the others are one line. */
const ISPS_MAX = 6;
const OTHER_ISPS = "other or not known";

const GRADES: readonly Grade[] = ["good", "fair", "poor"];

export function grade(what: keyof typeof BOUNDS, value: number | null): Grade | null {
  if (value === null) return null;
  const [good, fair] = BOUNDS[what];
  if (value <= good) return "good";
  return value <= fair ? "fair" : "poor";
}

/** The worst of several; what is not known is no grade. */
export function worst(...grades: readonly (Grade | null)[]): Grade | null {
  return GRADES.findLast((one) => grades.includes(one)) ?? null;
}

/** The kinds of device that have cells, by name. */
export function devices(cells: readonly QoeCell[]): readonly string[] {
  return [...new Set(cells.map((cell) => cell.device_kind))].filter((kind) => kind !== "").sort();
}

/** A line for each CDN, and below it those of its ISPs where it has several; of one kind of device, or of all (empty). */
export function lines(cells: readonly QoeCell[], device: string): readonly Line[] {
  const shown = cells.filter((cell) => (device === "" || cell.device_kind === device) && !isNobody(cell));
  return [...grouped(shown, (cell) => cell.pathway)]
    .sort(([a], [b]) => a.localeCompare(b))
    .flatMap(([pathway, own]) => [{ key: pathway, pathway, isp: null, ...together(own) }, ...ispLines(pathway, own)]);
}

/** Players that have not begun belong to no CDN yet: they are news only if they fail. */
function isNobody(cell: QoeCell): boolean {
  return cell.pathway === "" && cell.viewers === 0 && !cell.error_ratio;
}

function ispLines(pathway: string, own: readonly QoeCell[]): readonly Line[] {
  const all = [...grouped(own, (cell) => cell.isp)].map(([isp, cells]) => ({ isp, cells, viewers: sum(cells, (c) => c.viewers) }));
  const known = all.filter(({ isp }) => isp !== "").sort((a, b) => b.viewers - a.viewers || a.isp.localeCompare(b.isp));
  if (known.length === 0) return [];
  const named = known.slice(0, ISPS_MAX).map(({ isp, cells }) => line(pathway, isp, cells));
  const others = [...known.slice(ISPS_MAX), ...all.filter(({ isp }) => isp === "")].flatMap(({ cells }) => cells);
  return others.length > 0 ? [...named, line(pathway, OTHER_ISPS, others)] : named;
}

function line(pathway: string, isp: string, cells: readonly QoeCell[]): Line {
  return { key: `${pathway} ${isp}`, pathway, isp, ...together(cells) };
}

function together(cells: readonly QoeCell[]): Figures {
  return {
    viewers: sum(cells, (cell) => cell.viewers),
    bps: sum(cells, (cell) => cell.bps),
    startupP50: mean(cells, (cell) => cell.startup_p50_ms),
    startupP95: mean(cells, (cell) => cell.startup_p95_ms),
    rebuffering: mean(cells, (cell) => cell.rebuffer_ratio),
    errors: mean(cells, (cell) => cell.error_ratio),
    throughput: mean(cells, (cell) => cell.throughput_p50_bps),
  };
}

/** Weighted by viewers; who was heard of and has left weighs as one. */
function mean(cells: readonly QoeCell[], figure: (cell: QoeCell) => number | null): number | null {
  const known = cells.filter((cell) => figure(cell) !== null);
  const weight = (cell: QoeCell): number => Math.max(cell.viewers, 1);
  return known.length > 0 ? sum(known, (cell) => (figure(cell) ?? 0) * weight(cell)) / sum(known, weight) : null;
}

function grouped(cells: readonly QoeCell[], keyOf: (cell: QoeCell) => string): Map<string, QoeCell[]> {
  const groups = new Map<string, QoeCell[]>();
  for (const cell of cells) groups.set(keyOf(cell), [...(groups.get(keyOf(cell)) ?? []), cell]);
  return groups;
}

function sum(cells: readonly QoeCell[], figure: (cell: QoeCell) => number): number {
  return cells.reduce((total, cell) => total + figure(cell), 0);
}
