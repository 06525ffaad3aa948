import { expect, test } from "vitest";
import type { Sample } from "../operators/api.ts";
import { breakSeconds, breakWords } from "../operators/breaks.ts";
import { hitShare } from "../operators/hit-share.ts";
import { History } from "../operators/history.ts";
import { RouteMemory } from "../operators/route-memory.ts";
import { bars, watching } from "../operators/split.ts";
import { SseParser } from "../operators/sse.ts";

const sample = (at: number, viewers = 0, pathways: Record<string, number> = {}): Sample => ({
  at,
  viewers,
  starts_per_s: 0,
  requests_per_s: 0,
  errors_per_s: 0,
  lag: 0,
  pathways,
  pods_per_s: { ad: 0, house: 0, slate: 0, nothing: 0 },
  pacing: {},
});

test("events come out whole, however the stream is cut", () => {
  const stream = 'event: history\r\ndata: {"samples":[]}\r\n\r\n: comment\n\nevent: overview\ndata: 1\ndata: 2\n\nevent: next\n';
  for (let size = 1; size < 20; size += 1) {
    const parser = new SseParser();
    const found = [];
    for (let i = 0; i < stream.length; i += size) found.push(...parser.push(stream.slice(i, i + size)));
    expect(found).toEqual([
      { event: "history", data: '{"samples":[]}' },
      { event: "overview", data: "1\n2" },
    ]);
  }
});

test("a stream that never ends an event is refused", () => {
  expect(() => new SseParser().push("x".repeat(4_000_001))).toThrow();
});

test("history keeps one sample a second, the newest fifteen minutes", () => {
  const history = new History();
  for (let s = 0; s <= 1_000; s += 1) history.add(sample(s, s));
  history.add(sample(1_000.4, 7));
  const [times, viewers] = history.columns([(s) => s.viewers]);
  expect(times[0]).toBeGreaterThanOrEqual(100);
  expect(times.at(-1)).toBe(1_000.4);
  expect(viewers?.at(-1)).toBe(7);
});

test("a sample from the past is not added", () => {
  const history = new History();
  history.add(sample(10));
  history.add(sample(5));
  expect(history.columns([])[0]).toEqual([10]);
});

test("a gap in the stream is a gap in the line", () => {
  const history = new History();
  history.replace([sample(1, 5), sample(2, 6), sample(60, 9)]);
  expect(history.columns([(s) => s.viewers])).toEqual([
    [1, 2, 3, 60],
    [5, 6, null, 9],
  ]);
});

test("pathways stand on each other, so that the top line is the sum", () => {
  const history = new History();
  history.add(sample(1, 9, { "cdn-a": 4, "cdn-b": 3, "cdn-c": 2 }));
  expect(history.stacked(["cdn-a", "cdn-b", "cdn-c"], (s) => s.pathways)).toEqual([[1], [4], [7], [9]]);
});

test("a route that falls quiet keeps its row and its place", () => {
  const memory = new RouteMemory();
  const route = (name: string, requests_per_s: number) => ({ route: name, method: "GET", requests_per_s, errors_per_s: 1, p50_ms: 2, p99_ms: 3 });
  memory.with([route("a", 1), route("b", 9)]);
  const quiet = memory.with([route("a", 2)]);
  expect(quiet.map((r) => [r.route, r.requests_per_s, r.errors_per_s])).toEqual([
    ["b", 0, 0],
    ["a", 2, 1],
  ]);
});

const split = (groups: Record<string, number>, others = 0) => ({
  top: Object.entries(groups).map(([name, viewers]) => ({ name, viewers })),
  others,
});

test("bars are as long as their share of the longest, and say which share of all they are", () => {
  expect(bars(split({ final: 60, semi: 20 }, 20)).map((bar) => [bar.label, bar.viewers, bar.share, bar.length])).toEqual([
    ["final", 60, 0.6, 1],
    ["semi", 20, 0.2, 1 / 3],
    ["all others", 20, 0.2, 1 / 3],
  ]);
  expect(bars(split({}))).toEqual([]);
});

test("what is not known is a bar that filters nothing, and small groups are one bar", () => {
  const many = bars(split(Object.fromEntries(Array.from({ length: 9 }, (_, n) => [n ? `isp-${n}` : "", 10 - n]))));
  expect(many.map(({ name, label, viewers }) => [name, label, viewers]).filter(([name]) => name === null)).toEqual([
    [null, "not known", 10],
    [null, "all others", 9],
  ]);
  expect(many).toHaveLength(7);
});

test("who would be kicked is said as exactly as it is known", () => {
  expect(watching(split({ final: 1_234 }), "final", 2_000)).toBe("about 1,234 of 2,000 viewers");
  expect(watching(split({ final: 5 }), "semi", 5)).toBe("nobody of 5 viewers");
  expect(watching(split({ final: 5 }, 3), "semi", 8)).toBe("some of 8 viewers in all");
  expect(watching(split({}), "semi", 8)).toBe("some of 8 viewers in all");
});

test("a cache's share counts stale answers, for they asked nobody", () => {
  const cache = { name: "events", entries: 1, hits_per_s: 80, stale_per_s: 10, coalesced_per_s: 5, misses_per_s: 5 };
  expect(hitShare(cache)).toBe(0.9);
  expect(hitShare({ ...cache, hits_per_s: 0, stale_per_s: 0, coalesced_per_s: 0, misses_per_s: 0 })).toBeNull();
});

test("a break is of one second to one hour", () => {
  expect([" 60 ", "1", "3600", "1.5"].map(breakSeconds)).toEqual([60, 1, 3600, 1.5]);
  expect(["", " ", "0", "3601", "-5", "x", "Infinity"].map(breakSeconds)).toEqual(Array(7).fill(null));
});

test("the break that runs is said before the next one", () => {
  const running = { id: "brk-1", ends_at: 130 };
  const next = { id: "brk-2", starts_at: 160 };
  expect(breakWords({ running, next }, 100)).toEqual({ title: "In a break", figure: expect.stringContaining("left"), id: "brk-1" });
  expect(breakWords({ running: null, next }, 100)).toMatchObject({ title: "Next break", id: "brk-2" });
  expect(breakWords({ running: null, next: null }, 100)).toMatchObject({ title: "Next break", id: "" });
});
