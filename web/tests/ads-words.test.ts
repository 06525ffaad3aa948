import { expect, test } from "vitest";
import { bullet, emptyWords, flightWords, inventoryWords, legendWords, places, podsByFilling, podsTone, podsWords } from "../operators/ads-words.ts";
import type { Ads, LineItem } from "../operators/api.ts";

const ads: Ads = {
  nodes: 2,
  revision: 4,
  since: 0,
  line_items: 1_200,
  pods_per_s: 40,
  refused_per_s: 0,
  capacity_per_s: null,
  fill: 0.5,
  house: 0.25,
  slate: 0.25,
  nothing: 0,
  p50_ms: 0.1,
  p99_ms: 0.5,
  items: [],
  servers: [],
};

const item: LineItem = { id: "ad", state: "on-pace", goal: 200, delivered: 50, due: 100, even: true, starts: 1_000, ends: 5_000 };

test("pods are divided as the seconds of their breaks are", () => {
  expect(podsByFilling(ads)).toEqual({ ad: 20, house: 10, slate: 10, nothing: 0 });
});

test("pods stand beside what can be carried where somebody has said", () => {
  expect(podsWords(ads)).toBe("40.0");
  expect(podsWords({ ...ads, capacity_per_s: 2_000 })).toBe("40.0 of 2,000 · 2 %");
  expect([null, 100, 50, 40].map((capacity_per_s) => podsTone({ ...ads, capacity_per_s }))).toEqual(["", "", "warn", "bad"]);
});

test("the legend has shares as soon as somebody has asked", () => {
  expect(legendWords("ad", null)).toBe("line items");
  expect(legendWords("ad", ads)).toBe("line items 50 %");
});

test("no table says why, and how to have one", () => {
  expect(emptyWords({ ...ads, nodes: 0 })).toContain("no node");
  expect(emptyWords({ ...ads, line_items: 0 })).toContain("tifo ads load FILE");
  expect(emptyWords(ads)).toBe("None of the 1,200 line items has a budget.");
  expect(emptyWords({ ...ads, items: [item] })).toBeNull();
});

test("the inventory in force is its revision and its size", () => {
  expect(inventoryWords({ ...ads, revision: 0 })).toBe("no inventory");
  expect(inventoryWords(ads)).toBe("revision 4 · 1,200 line items");
  expect(inventoryWords({ ...ads, line_items: 1 })).toBe("revision 4 · 1 line item");
});

test("a flight says when it begins, what is left of it, or for how long it is over", () => {
  expect([400, 4_940, 5_030].map((now) => flightWords(item, now))).toEqual(["begins in 10 min 00 s", "1 min 00 s left", "over for 30 s"]);
  expect(flightWords({ ...item, ends: 1_000 + 3 * 86_400 + 5 }, 1_000)).toBe("3 days left");
});

test("a bullet never leaves its track, and has no mark where delivery is not even", () => {
  expect(bullet(item)).toEqual({ bar: 0.25, mark: 0.5 });
  expect(bullet({ ...item, delivered: 999, even: false })).toEqual({ bar: 1, mark: null });
});

test("breaks have their place on the timeline, cut where it ends", () => {
  const breaks = [
    { id: "gone", starts_at: 0, ends_at: 100 },
    { id: "cut", starts_at: 600, ends_at: 880 },
    { id: "now", starts_at: 990, ends_at: 1_080 },
    { id: "next", starts_at: 1_600, ends_at: 1_780 },
    { id: "far", starts_at: 9_000, ends_at: 9_100 },
  ];
  expect(places(breaks, 1_000)).toEqual([
    { id: "cut", from: 0, length: expect.closeTo(180 / 1_800), state: "over" },
    { id: "now", from: expect.closeTo(290 / 1_800), length: expect.closeTo(90 / 1_800), state: "running" },
    { id: "next", from: expect.closeTo(900 / 1_800), length: expect.closeTo(180 / 1_800), state: "coming" },
  ]);
});
