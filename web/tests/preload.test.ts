import { expect, test } from "vitest";
import { Preloads, type Range } from "../viewers/preload.ts";

const BREAK_MS = 1_800_000_000_000;

/** A break and the sixteen seconds in which to ask for it, from twenty seconds before it on. */
function ranges(id: string, startMs = BREAK_MS): Record<string, Range> {
  const preload = { id: `${id}.preload`, class: "com.apple.hls.preload", startDate: new Date(startMs - 20_000), duration: 16, attr: { "X-TARGET-ID": id } };
  return {
    [id]: { id, class: "com.apple.hls.interstitial", startDate: new Date(startMs), duration: null, attr: {} },
    [preload.id]: preload,
  };
}

test("a player asks within the time that the playlist gives", () => {
  const at = (random: number): number => new Preloads(() => random, 10).lookAheadS(ranges("a"), BREAK_MS - 30_000);
  expect([at(0), at(0.5), at(1)]).toEqual([20, 12, 4]);
});

test("many players ask evenly over it", () => {
  let n = 0;
  const asked = Array.from({ length: 1_600 }, () => new Preloads(() => (n++ % 1_600) / 1_600, 10).lookAheadS(ranges("a"), BREAK_MS - 30_000));
  const perSecond = Array.from({ length: 16 }, (_, s) => asked.filter((one) => one > 4 + s && one <= 5 + s).length);
  expect(perSecond).toEqual(Array(16).fill(100));
});

test("the moment is drawn once for each break", () => {
  const drawn = [0, 0.5, 1];
  const preloads = new Preloads(() => drawn.shift() ?? Number.NaN, 10);
  const both = { ...ranges("a"), ...ranges("b", BREAK_MS + 60_000) };
  expect([1, 2, 3].map(() => preloads.lookAheadS(ranges("a"), BREAK_MS - 30_000))).toEqual([20, 20, 20]);
  expect(preloads.lookAheadS(both, BREAK_MS - 2_000)).toBe(20);
  expect(preloads.lookAheadS(both, BREAK_MS)).toBe(12);
  expect(preloads.lookAheadS(ranges("c", BREAK_MS + 90_000), BREAK_MS)).toBe(4);
});

test("without such ranges everything is as usual", () => {
  const preloads = new Preloads(() => 0.5, 10);
  const { a } = ranges("a");
  expect(preloads.lookAheadS({}, BREAK_MS)).toBe(10);
  expect(preloads.lookAheadS({ a }, BREAK_MS - 5_000)).toBe(10);
  const { "a.preload": alone } = ranges("a");
  expect(preloads.lookAheadS({ "a.preload": alone }, BREAK_MS - 5_000)).toBe(10);
});
