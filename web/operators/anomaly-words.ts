import { clock, duration } from "../shared/format.ts";
import type { Anomaly, PastAnomaly } from "./log-types.ts";

/** Seconds without a look after which what is shown counts as old. */
const SILENT_S = 60;

const WORDS: Readonly<Record<string, string>> = {
  "audience-low": "Fewer viewers than expected",
  "audience-high": "More viewers than expected",
  "audience-lost": "Viewers gone at once",
  "event-lost": "An event has lost its viewers",
  "cdn-lost": "A CDN has lost its viewers",
  "isp-lost": "An ISP has lost its viewers",
  "device-lost": "A kind of device has lost its viewers",
  playless: "Sessions that never play",
  strays: "Players without a session",
  "network-crowd": "A crowd from one network",
};

/** What it is, for people; a kind that this cockpit does not know is shown by its name. */
export const kindWords = (kind: string): string => WORDS[kind] ?? kind;

/** Red where viewers have stopped watching, amber where somebody should look. */
export const gravity = (kind: string): "bad" | "warn" => (kind.endsWith("-lost") ? "bad" : "warn");

/** The gravest first, then the newest. */
export function ranked(anomalies: readonly Anomaly[]): readonly Anomaly[] {
  const weight = (one: Anomaly): number => (gravity(one.kind) === "bad" ? 0 : 1);
  return [...anomalies].sort((a, b) => weight(a) - weight(b) || b.since - a.since);
}

export function sinceWords(one: Anomaly, now: number): string {
  return `since ${clock(one.since * 1000)}, for ${duration(now - one.since)}`;
}

export function pastWords(one: PastAnomaly): string {
  return `${clock(one.since * 1000)} to ${clock(one.until * 1000)}, ${duration(one.until - one.since)}`;
}

/** What stands beside the feed: that all looks right, or that nobody looks. `at` is the last look, 0 where there is none. */
export function feedNote(open: number, at: number, now: number): { words: string; tone: "good" | "warn" | "" } {
  if (at === 0) return { words: "Nobody looks. To have it looked for: tifo worker anomalies", tone: "" };
  if (now - at > SILENT_S) {
    return { words: `Last looked at ${clock(at * 1000)}: the anomalies worker, or insight, is silent.`, tone: "warn" };
  }
  return open === 0 ? { words: "Nothing looks wrong.", tone: "good" } : { words: "", tone: "" };
}
