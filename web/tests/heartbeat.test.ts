import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Problem, Unreachable } from "../shared/http.ts";
import type { Renewed } from "../viewers/api.ts";
import { keepAlive, retryMs, verdictOf } from "../viewers/heartbeat.ts";

const problem = (status: number, code: string, retryAfterS: number | null = null) =>
  new Problem(status, code, "Title", "Detail", retryAfterS, {});
const renewed: Renewed = { heartbeat_s: 10, expires_at: "2026-11-23T20:00:00Z" };
const latest = () => 0;

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

test.each([
  [problem(401, "bad-token"), "bad-token"],
  [problem(410, "ended"), "ended"],
  [problem(410, "kicked"), "kicked"],
])("%s is the server's last word", (error, code) => {
  expect(verdictOf(error)?.code).toBe(code);
});

test.each([new Unreachable(null), problem(500, ""), problem(503, "busy"), problem(429, "slow-down"), problem(404, "")])(
  "%s says nothing about the session",
  (error) => {
    expect(verdictOf(error)).toBeNull();
  },
);

test("retries spread out and never wait longer than the period, unless the server asks", () => {
  expect(retryMs(new Unreachable(null), 1, 30_000, () => 1)).toBe(1_000);
  expect(retryMs(new Unreachable(null), 4, 30_000, () => 0)).toBe(4_000);
  expect(retryMs(new Unreachable(null), 50, 30_000, () => 1)).toBe(30_000);
  expect(retryMs(problem(503, "busy", 60), 1, 30_000, () => 1)).toBe(60_000);
});

test("failures do not end the session, and the server's word does", async () => {
  const answers: (Renewed | Error)[] = [renewed, new Unreachable(null), problem(500, ""), renewed, problem(410, "kicked")];
  const failures: number[] = [];
  const beat = async (): Promise<Renewed> => {
    const answer = answers.shift()!;
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const over = keepAlive(10, beat, (n) => failures.push(n), new AbortController().signal, latest);
  await vi.advanceTimersByTimeAsync(60_000);
  expect((await over).code).toBe("kicked");
  expect(failures).toEqual([0, 1, 2, 0]);
});

test("who leaves is not renewed again", async () => {
  const leaving = new AbortController();
  let beats = 0;
  const beat = async (): Promise<Renewed> => {
    beats += 1;
    return renewed;
  };
  const over = keepAlive(10, beat, () => undefined, leaving.signal, latest);
  const settled = expect(over).rejects.toThrow();
  await vi.advanceTimersByTimeAsync(10_500);
  leaving.abort();
  await vi.advanceTimersByTimeAsync(60_000);
  await settled;
  expect(beats).toBe(1);
});
