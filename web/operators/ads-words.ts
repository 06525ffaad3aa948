import { count, duration, percent, rate } from "../shared/format.ts";
import type { Ads, BreakSpan, Filling, LineItem, PacePoint } from "./api.ts";

/** What fills breaks, in the order in which it is stacked. */
export const FILLINGS: readonly Filling[] = ["ad", "house", "slate", "nothing"];

/** How each is called on the screen. */
export const FILLING_WORDS: Readonly<Record<Filling, string>> = {
  ad: "line items",
  house: "house ads",
  slate: "slate",
  nothing: "unfilled",
};

export const STATE_TONES: Readonly<Record<LineItem["state"], string>> = {
  "on-pace": "good",
  ahead: "warn",
  behind: "bad",
  done: "good",
  off: "",
  waiting: "",
  ended: "bad",
};

/** Seconds before and after now that the timeline shows. */
export const BEFORE_S = 300;
export const AFTER_S = 1_500;

/** The share of the capacity from which pods are said to be near it. */
const NEAR_CAPACITY = 0.8;

/** From how many seconds on a flight is said in days. */
const DAYS_FROM_S = 2 * 86_400;

/** The share of breaks' seconds that each filling has. */
export function shares(ads: Ads): Readonly<Record<Filling, number>> {
  return { ad: ads.fill, house: ads.house, slate: ads.slate, nothing: ads.nothing };
}

/** Pods a second, divided as the seconds of their breaks are. */
export function podsByFilling(ads: Ads): Readonly<Record<Filling, number>> {
  const { ad, house, slate, nothing } = shares(ads);
  return { ad: ad * ads.pods_per_s, house: house * ads.pods_per_s, slate: slate * ads.pods_per_s, nothing: nothing * ads.pods_per_s };
}

/** Pods a second, and how many there could be where somebody has said. */
export function podsWords(ads: Ads): string {
  const { pods_per_s, capacity_per_s } = ads;
  if (capacity_per_s === null) return rate(pods_per_s);
  return `${rate(pods_per_s)} of ${count(capacity_per_s)} · ${percent(pods_per_s / capacity_per_s)}`;
}

/** How near pods come to what can be carried. */
export function podsTone({ pods_per_s, capacity_per_s }: Pick<Ads, "pods_per_s" | "capacity_per_s">): "bad" | "warn" | "" {
  const share = capacity_per_s === null ? 0 : pods_per_s / capacity_per_s;
  if (share >= 1) return "bad";
  return share >= NEAR_CAPACITY ? "warn" : "";
}

/** Line items of which the course is kept for plots: the first, which are the largest of those in their flight. */
export const PLOTTED_MAX = 6;

/** The point that each of the largest budgets adds to its plot. */
export function pacingOf(items: readonly LineItem[]): Readonly<Record<string, PacePoint>> {
  return Object.fromEntries(items.slice(0, PLOTTED_MAX).map(({ id, delivered, due, even }) => [id, { delivered, due: even ? due : null }]));
}

/** A legend's entry: "line items 62 %"; without a share before anybody has asked for a pod. */
export function legendWords(filling: Filling, ads: Ads | null): string {
  const words = FILLING_WORDS[filling];
  return ads === null ? words : `${words} ${percent(shares(ads)[filling])}`;
}

/** Why there is no table; null where there is one. */
export function emptyWords(ads: Ads): string | null {
  if (ads.nodes === 0) return "Not known yet: no node that decides ads has told.";
  if (ads.line_items === 0) return "The inventory is empty: breaks are filled with house ads. To load one: tifo ads load FILE";
  if (ads.items.length === 0) return `None of the ${count(ads.line_items)} line items has a budget.`;
  return null;
}

/** Which inventory is in force: "revision 4 · 120 line items". */
export function inventoryWords(ads: Ads): string {
  if (ads.revision === 0) return "no inventory";
  return `revision ${count(ads.revision)} · ${count(ads.line_items)} line ${ads.line_items === 1 ? "item" : "items"}`;
}

/** When a flight begins or ends, from now on. */
export function flightWords(item: LineItem, now: number): string {
  if (now < item.starts) return `begins in ${span(item.starts - now)}`;
  return now < item.ends ? `${span(item.ends - now)} left` : `over for ${span(now - item.ends)}`;
}

function span(seconds: number): string {
  return seconds < DAYS_FROM_S ? duration(seconds) : `${count(Math.floor(seconds / 86_400))} days`;
}

/** A bullet plot: how far the bar goes and where the mark of even delivery stands, as shares of the goal. */
export function bullet(item: LineItem): { readonly bar: number; readonly mark: number | null } {
  const share = (value: number): number => (item.goal > 0 ? Math.min(1, value / item.goal) : 0);
  return { bar: share(item.delivered), mark: item.even ? share(item.due) : null };
}

/** The place of a break on the timeline, as shares of its length. */
export interface Place {
  readonly id: string;
  readonly from: number;
  readonly length: number;
  readonly state: "over" | "running" | "coming";
}

/** Those breaks that are in sight. */
export function places(breaks: readonly BreakSpan[], now: number): readonly Place[] {
  const whole = BEFORE_S + AFTER_S;
  const at = (time: number): number => Math.min(1, Math.max(0, (time - now + BEFORE_S) / whole));
  return breaks.flatMap(({ id, starts_at, ends_at }) => {
    const [from, to] = [at(starts_at), at(ends_at)];
    if (from >= to) return [];
    const state = ends_at <= now ? "over" : starts_at <= now ? "running" : "coming";
    return [{ id, from, length: to - from, state }];
  });
}
