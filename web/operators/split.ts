import { count } from "../shared/format.ts";
import type { Split } from "./api.ts";

/** One bar: its words, how many, and its length as a share of the longest. */
export interface Bar {
  /** What to filter by; null where that is nothing. */
  readonly name: string | null;
  readonly label: string;
  readonly viewers: number;
  readonly share: number;
  readonly length: number;
}

/** Bars of one list; what comes after is added up in the last. */
const BARS_MAX = 6;

const UNKNOWN = "not known";
const OTHERS = "all others";

/** The bars of a split, longest first, and the rest together. */
export function bars(split: Split): readonly Bar[] {
  const shown = split.top.slice(0, BARS_MAX);
  const others = split.others + sum(split.top.slice(BARS_MAX));
  const rows = shown.map(({ name, viewers }) => ({ name: name || null, label: name || UNKNOWN, viewers }));
  if (others > 0) rows.push({ name: null, label: OTHERS, viewers: others });
  const total = sum(rows);
  const longest = Math.max(...rows.map((row) => row.viewers), 1);
  return rows.map((row) => ({ ...row, share: total ? row.viewers / total : 0, length: row.viewers / longest }));
}

/** How many watch an event, in words: exactly where it is among the largest. */
export function watching(split: Split, event: string, viewers: number): string {
  const found = split.top.find(({ name }) => name === event);
  if (found) return `about ${count(found.viewers)} of ${count(viewers)} viewers`;
  return split.others > 0 || split.top.length === 0 ? `some of ${count(viewers)} viewers in all` : `nobody of ${count(viewers)} viewers`;
}

function sum(rows: readonly { readonly viewers: number }[]): number {
  return rows.reduce((total, row) => total + row.viewers, 0);
}
