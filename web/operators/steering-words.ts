import { bitrate, UNKNOWN } from "../shared/format.ts";
import type { Decision, Pathway, Steering } from "./api.ts";

/** Decisions on screen. */
const DECISIONS_MAX = 12;

/** ISPs on screen that have shares of their own. */
const ISPS_MAX = 5;

/** What the loop's state means for who looks on. */
export function stateWords({ state, bandwidth_max_bps, bandwidth_max_by_isp }: Steering): string {
  const isps = Object.entries(bandwidth_max_by_isp).map(([isp, bps]) => ` At ${isp} they offer at most ${bitrate(bps)}.`);
  const cap = (bandwidth_max_bps > 0 ? ` Playlists offer at most ${bitrate(bandwidth_max_bps)}.` : "") + isps.slice(0, ISPS_MAX).join("");
  if (state === "steering") return `The loop moves viewers by what they have and by each CDN's traffic.${cap}`;
  if (state === "frozen") return `The loop is silent: its last decision stands, and what operators say goes on top.${cap}`;
  return "No loop runs: viewers go by the weights of the settings and by what operators say.";
}

/** The last decisions, newest first, each with a name of its own so that its line stays where it is read. */
export function decisions(steering: Steering): readonly (Decision & { readonly key: string })[] {
  const shown = steering.decisions.slice(0, DECISIONS_MAX);
  return shown.map((one) => ({ ...one, key: [one.at, one.what, one.pathway, one.isp].join(" ") }));
}

/** Whom a decision was about: "cdn-a at AS64500", "every CDN". */
export function about({ pathway, isp }: Decision): string {
  return `${pathway || "every CDN"}${isp ? ` at ${isp}` : ""}`;
}

/** ISPs whose viewers have shares of their own: "AS64500 Example: cdn-a 70 %, cdn-b 30 %". */
export function ispWords(by_isp: Steering["by_isp"]): readonly string[] {
  const words = Object.entries(by_isp).map(([isp, shares]) => `${isp}: ${sharesWords(shares)}`);
  const left = words.length - ISPS_MAX;
  return left > 0 ? [...words.slice(0, ISPS_MAX), `and ${left} more`] : words;
}

function sharesWords(shares: Readonly<Record<string, number>>): string {
  const sorted = Object.entries(shares).sort(([, a], [, b]) => b - a);
  return sorted.map(([pathway, share]) => `${pathway} ${Math.round(share * 100)} %`).join(", ");
}

/** The share that a CDN shall have, as an operator fixed it, else as the loop wants it. */
export function wanted({ fixed_share, weight }: Pathway): { readonly share: number; readonly isFixed: boolean } | null {
  if (fixed_share !== null) return { share: fixed_share, isFixed: true };
  return weight === null ? null : { share: weight, isFixed: false };
}

/** How full a CDN is: its traffic beside what it carries, as stated or as learned; a tone from the share that is used. */
export function load({ bps, capacity_bps, learned_bps }: Pathway): { readonly words: string; readonly fill: number | null; readonly tone: string } {
  if (bps === null) return { words: UNKNOWN, fill: null, tone: "" };
  if (!capacity_bps) return { words: bitrate(bps), fill: null, tone: "" };
  const carries = learned_bps ?? capacity_bps;
  const fill = bps / carries;
  const tone = fill > 0.95 ? "bad" : fill > 0.8 ? "warn" : "";
  const mark = { bad: " full", warn: " high", "": "" }[tone];
  const stated = learned_bps === null ? "" : `, ${bitrate(capacity_bps)} stated`;
  return { words: `${ofWhole(bitrate(bps), bitrate(carries))}, ${Math.round(fill * 100)} %${mark}${stated}`, fill: Math.min(fill, 1), tone };
}

/** "1.2 of 2.0 Tb/s": the unit once where it is the same. */
function ofWhole(part: string, all: string): string {
  const unit = all.slice(all.indexOf(" "));
  return `${part.endsWith(unit) ? part.slice(0, -unit.length) : part} of ${all}`;
}
