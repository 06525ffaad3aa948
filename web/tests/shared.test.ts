import { expect, test } from "vitest";
import { backoffMs, pause } from "../shared/backoff.ts";
import { bitrate, count, duration, millis, rate } from "../shared/format.ts";
import { problemOf, retryAfterS } from "../shared/http.ts";
import { inOrder } from "../viewers/calendar.ts";

test("backoff doubles to its ceiling and keeps at least half of it", () => {
  expect([0, 1, 2, 9].map((n) => backoffMs(n, 100, 1_000, () => 1))).toEqual([100, 200, 400, 1_000]);
  expect(backoffMs(2, 100, 1_000, () => 0)).toBe(200);
});

test("a pause ends with its signal", async () => {
  await expect(pause(60_000, AbortSignal.abort(new Error("left")))).rejects.toThrow("left");
});

test("a problem document is read with its members", async () => {
  const body = { title: "Too many streams", detail: "Two at once.", code: "stream-limit", takeover: "x1" };
  const problem = await problemOf(Response.json(body, { status: 409, headers: { "Retry-After": "7" } }));
  expect(problem).toMatchObject({ status: 409, code: "stream-limit", retryAfterS: 7 });
  expect(problem.message).toBe("Too many streams. Two at once.");
  expect(problem.members["takeover"]).toBe("x1");
});

test("a refusal that is no problem document is described by its status", async () => {
  const problem = await problemOf(new Response("<h1>Bad gateway</h1>", { status: 502 }));
  expect(problem.message).toBe("The server answered 502.");
});

test("Retry-After is read in seconds and bounded", () => {
  expect(retryAfterS("12")).toBe(12);
  expect(retryAfterS("999999")).toBe(300);
  expect(retryAfterS("Wed, 21 Oct 2026 07:28:00 GMT")).toBeNull();
  expect(retryAfterS(null)).toBeNull();
});

test("figures are written for people", () => {
  expect(count(2_400_000)).toBe("2,400,000");
  expect([0, 0.25, 4.21, 20_440].map(rate)).toEqual(["0", "0.25", "4.2", "20,440"]);
  expect([0.42, 12.4, 1_400].map(millis)).toEqual(["0.4 ms", "12 ms", "1.4 s"]);
  expect([820_000, 5_130_000].map(bitrate)).toEqual(["820 kb/s", "5.1 Mb/s"]);
  expect([-1, 8, 185, 8_040].map(duration)).toEqual(["0 s", "8 s", "3 min 05 s", "2 h 14 min"]);
});

test("what can be watched stands first, then what comes next, then what is over", () => {
  const event = (id: string, state: "live" | "upcoming" | "over", starts_at: string) => ({ id, state, starts_at, ends_at: starts_at, title: id });
  const calendar = [
    event("old", "over", "2026-01-01T20:00:00Z"),
    event("later", "upcoming", "2026-12-02T20:00:00Z"),
    event("recent", "over", "2026-02-01T20:00:00Z"),
    event("now", "live", "2026-12-01T20:00:00Z"),
    event("soon", "upcoming", "2026-12-01T21:00:00Z"),
  ];
  expect(inOrder(calendar).map((e) => e.id)).toEqual(["now", "soon", "later", "recent", "old"]);
});
