import { expect, test } from "vitest";
import { Recovery } from "../viewers/recovery.ts";

function at(start = 0) {
  const time = { now: start };
  return { time, recovery: new Recovery(() => time.now, () => 1) };
}

test("a first media error flushes the decoder, a second at once builds anew", () => {
  const { time, recovery } = at();
  expect(recovery.next(true).kind).toBe("flush");
  time.now += 1_000;
  expect(recovery.next(true).kind).toBe("rebuild");
});

test("a media error long after the last is a first one again", () => {
  const { time, recovery } = at();
  recovery.next(true);
  time.now += 60_000;
  expect(recovery.next(true).kind).toBe("flush");
});

test("network errors build anew with growing waits", () => {
  const { recovery } = at();
  const waits = Array.from({ length: 10 }, () => recovery.next(false)).map((r) => (r.kind === "rebuild" ? r.waitMs : -1));
  expect(waits).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000, 30_000]);
});

test("too many fatal errors in a while are given up, and forgotten after it", () => {
  const { time, recovery } = at();
  for (let i = 0; i < 24; i += 1) recovery.next(false);
  expect(recovery.next(false).kind).toBe("give-up");
  time.now += 700_000;
  expect(recovery.next(false).kind).toBe("rebuild");
});
