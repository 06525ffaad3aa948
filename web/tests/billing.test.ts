import { expect, test } from "vitest";
import { circuitWords, ofAsked } from "../operators/ad-servers.ts";
import type { LineItem } from "../operators/api.ts";
import type { Billed, CampaignBilled, ItemBilled } from "../operators/billed.ts";
import { billedRows, money, reconciledWords, ROWS_MAX, shareTone } from "../operators/billing-words.ts";
import { pacingOf, PLOTTED_MAX } from "../operators/ads-words.ts";
import { offPace } from "../operators/pacing-words.ts";

const item = (line_item: string, campaign: string): ItemBilled => ({
  line_item, campaign, decided: 10, impressions: 9, share: 0.9, first_quartiles: 8, midpoints: 7, third_quartiles: 6, completes: 5, clicks: 1,
  late: 0, cpm_cents: 2_450, amount_micros: 220_500,
});
const campaign = (name: string): CampaignBilled => ({
  campaign: name, advertiser: name, decided: 10, impressions: 9, share: 0.9, completes: 5, clicks: 1, late: 0, amount_micros: 220_500,
});

test("each campaign stands before its line items, and what is nobody's comes last", () => {
  const rows = billedRows({ campaigns: [campaign("brew"), campaign("car")], line_items: [item("", ""), item("tv", "brew"), item("web", "brew"), item("all", "car")] });
  expect(rows.map((row) => row.key)).toEqual(["c:brew", "i:tv", "i:web", "c:car", "i:all", "i:"]);
});

test("no more rows than a person can read", () => {
  const many = Array.from({ length: 3 * ROWS_MAX }, (_, n) => item(`ad${n}`, ""));
  expect(billedRows({ campaigns: [], line_items: many })).toHaveLength(ROWS_MAX);
});

test("money has its cents and its currency", () => {
  expect(money(1_234_500_000, "EUR")).toBe("1,234.50 EUR");
  expect(money(0, "USD")).toBe("0.00 USD");
});

test("more shown than decided is wrong, and far less is worth a look", () => {
  expect([null, 1.01, 1, 0.8, 0.79].map(shareTone)).toEqual(["", "bad", "", "", "warn"]);
});

test("decisions and beacons are held against each other", () => {
  const breaks: Billed["breaks"] = [{ decided: 30, impressions: 20, late: 1, unmatched: 0 }, { decided: 10, impressions: 10, late: 0, unmatched: 2 }];
  expect(reconciledWords({ breaks })).toBe("2 breaks: 40 ads decided, 30 shown (75 %), 1 late, 2 without a decision");
  expect(reconciledWords({ breaks: [] })).toBe("0 breaks: 0 ads decided, 0 shown, 0 late, 0 without a decision");
});

test("a circuit is closed, open, or open on some nodes", () => {
  expect([0, 1, 2].map((nodes_failing) => circuitWords({ nodes: 2, nodes_failing }).words)).toEqual(["closed", "open on 1 of 2", "open"]);
  expect([ofAsked(0, 10), ofAsked(5, 10), ofAsked(0, 0)]).toEqual(["0", "5 · 50 %", "0"]);
});

test("a line item is on its pace, off it, or has none", () => {
  const one = { delivered: 900, due: 1_000, even: true, goal: 9_000 };
  expect(offPace(one)).toBe("900, 100 behind its pace");
  expect(offPace({ ...one, delivered: 1_100 })).toBe("1,100, 100 ahead of its pace");
  expect(offPace({ ...one, due: 900 })).toBe("900, on its pace");
  expect(offPace({ ...one, even: false })).toBe("900 of 9,000, as fast as it goes");
});

test("plots have the first budgets, and no pace where there is none", () => {
  const items = Array.from({ length: PLOTTED_MAX + 2 }, (_, n): LineItem => ({
    id: `ad${n}`, state: "on-pace", goal: 100, delivered: n, due: 50, even: n > 0, starts: 0, ends: 1,
  }));
  const points = pacingOf(items);
  expect(Object.keys(points)).toHaveLength(PLOTTED_MAX);
  expect([points["ad0"], points["ad1"]]).toEqual([{ delivered: 0, due: null }, { delivered: 1, due: 50 }]);
});
