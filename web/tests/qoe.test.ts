import { expect, test } from "vitest";
import type { Decision, Pathway, QoeCell, Steering } from "../operators/api.ts";
import { devices, grade, lines, worst } from "../operators/qoe-matrix.ts";
import { shareOf } from "../operators/share-choice.ts";
import { about, decisions, ispWords, load, stateWords, wanted } from "../operators/steering-words.ts";
import { percent } from "../shared/format.ts";

const cell = (more: Partial<QoeCell> = {}): QoeCell => ({
  pathway: "cdn-a",
  isp: "AS1 A",
  device_kind: "tv",
  viewers: 10,
  bps: 1e6,
  startup_p50_ms: null,
  startup_p95_ms: null,
  rebuffer_ratio: null,
  error_ratio: null,
  throughput_p50_bps: null,
  ...more,
});

const pathway = (more: Partial<Pathway> = {}): Pathway => ({
  id: "cdn-a",
  state: "in",
  viewers: 1,
  share: 1,
  weight: null,
  fixed_share: null,
  bps: null,
  capacity_bps: null,
  learned_bps: null,
  ...more,
});

const decision = (more: Partial<Decision> = {}): Decision => ({ at: 1, what: "move", pathway: "cdn-a", isp: "", reason: "", ...more });

const steering = (more: Partial<Steering> = {}): Steering => ({
  state: "steering",
  since: 1,
  bandwidth_max_bps: 0,
  bandwidth_max_by_isp: {},
  by_isp: {},
  decisions: [],
  ...more,
});

test("a CDN is one line, and its ISPs are lines below it, the largest first", () => {
  const shown = lines([cell(), cell({ isp: "AS2 B", viewers: 30 }), cell({ isp: "", viewers: 50 }), cell({ pathway: "cdn-b", isp: "" })], "");
  expect(shown.map(({ pathway, isp, viewers }) => [pathway, isp, viewers])).toEqual([
    ["cdn-a", null, 90],
    ["cdn-a", "AS2 B", 30],
    ["cdn-a", "AS1 A", 10],
    ["cdn-a", "other or not known", 50],
    ["cdn-b", null, 10],
  ]);
});

test("figures of a line are weighted by viewers, and what nobody said is not known", () => {
  const [whole] = lines([cell({ viewers: 30, rebuffer_ratio: 0.02 }), cell({ device_kind: "web", rebuffer_ratio: 0.06 })], "");
  expect(whole).toMatchObject({ viewers: 40, bps: 2e6, rebuffering: 0.03, errors: null, startupP50: null });
});

test("viewers who have left still say what they had", () => {
  const [whole] = lines([cell({ viewers: 0, error_ratio: 0.5 })], "");
  expect(whole?.errors).toBe(0.5);
});

test("one kind of device is shown alone", () => {
  const cells = [cell(), cell({ device_kind: "web", viewers: 3 }), cell({ device_kind: "" })];
  expect(devices(cells)).toEqual(["tv", "web"]);
  expect(lines(cells, "web").map((line) => line.viewers)).toEqual([3, 3]);
});

test("ISPs past the largest are one line", () => {
  const shown = lines(Array.from({ length: 20 }, (_, n) => cell({ isp: `AS${n}`, viewers: n })), "");
  expect(shown).toHaveLength(8);
  expect(shown.at(-1)).toMatchObject({ isp: "other or not known", viewers: 91 });
});

test("players that have not begun are shown only if they fail", () => {
  const early = cell({ pathway: "", viewers: 0 });
  expect(lines([early], "")).toEqual([]);
  expect(lines([{ ...early, error_ratio: 0.5 }], "")).toHaveLength(2);
});

test.each([
  [0.005, "good"],
  [0.006, "fair"],
  [0.011, "poor"],
  [null, null],
] as const)("rebuffering of %s is %s", (value, grade_) => {
  expect(grade("rebuffering", value)).toBe(grade_);
});

test("the worst grade stands for several", () => {
  expect([worst("good", "poor", null), worst("good", "fair"), worst(null)]).toEqual(["poor", "fair", null]);
});

test("ratios read at the precision that their size deserves", () => {
  expect([0, 0.0025, 0.042, 0.38].map(percent)).toEqual(["0 %", "0.25 %", "4.2 %", "38 %"]);
});

test("what an operator fixed goes before what the loop wants", () => {
  expect(wanted(pathway())).toBeNull();
  expect(wanted(pathway({ weight: 0.3 }))).toEqual({ share: 0.3, isFixed: false });
  expect(wanted(pathway({ weight: 0.3, fixed_share: 0 }))).toEqual({ share: 0, isFixed: true });
});

test("traffic stands beside its capacity where that is known, and a full CDN says so in words", () => {
  expect(load(pathway())).toEqual({ words: "–", fill: null, tone: "" });
  expect(load(pathway({ bps: 2e6 }))).toEqual({ words: "2.0 Mb/s", fill: null, tone: "" });
  expect(load(pathway({ bps: 5e6, capacity_bps: 1e7 }))).toEqual({ words: "5.0 of 10.0 Mb/s, 50 %", fill: 0.5, tone: "" });
  expect(load(pathway({ bps: 9e6, capacity_bps: 1e7 }))).toMatchObject({ tone: "warn", words: "9.0 of 10.0 Mb/s, 90 % high" });
  expect(load(pathway({ bps: 2e9, capacity_bps: 1e9 }))).toMatchObject({ fill: 1, tone: "bad", words: "2.0 of 1.0 Gb/s, 200 % full" });
});

test("what a CDN was found to carry counts, beside what is stated", () => {
  const learned = load(pathway({ bps: 4e9, capacity_bps: 1e10, learned_bps: 5e9 }));
  expect(learned).toEqual({ words: "4.0 of 5.0 Gb/s, 80 %, 10.0 Gb/s stated", fill: 0.8, tone: "" });
});

test("a cap on renditions is part of the loop's state", () => {
  expect(stateWords(steering({ bandwidth_max_bps: 3e6 }))).toContain("at most 3.0 Mb/s");
  expect(stateWords(steering({ bandwidth_max_by_isp: { "AS1 A": 1e6 } }))).toContain("At AS1 A they offer at most 1.0 Mb/s");
  expect(stateWords(steering({ state: "off" }))).toContain("No loop");
});

test("decisions say whom they were about, the last dozen", () => {
  expect(about(decision({ isp: "AS1 A" }))).toBe("cdn-a at AS1 A");
  expect(about(decision({ pathway: "" }))).toBe("every CDN");
  const keys = decisions(steering({ decisions: Array.from({ length: 20 }, (_, at) => decision({ at })) })).map((one) => one.key);
  expect(new Set(keys).size).toBe(12);
});

test("ISPs with shares of their own are told, largest share first, and past some only counted", () => {
  const shares = { "cdn-a": 0.3, "cdn-b": 0.7 };
  expect(ispWords({ "AS1 A": shares })).toEqual(["AS1 A: cdn-b 70 %, cdn-a 30 %"]);
  expect(ispWords(Object.fromEntries(Array.from({ length: 9 }, (_, n) => [`AS${n}`, shares]))).at(-1)).toBe("and 4 more");
});

test.each([
  ["45", 0.45],
  [" 0 ", 0],
  ["100", 1],
  ["", null],
  ["-1", null],
  ["101", null],
  ["half", null],
])("share typed as %j is %s", (typed, share) => {
  expect(shareOf(typed)).toBe(share);
});
