import { expect, test, vi } from "vitest";
import { Problem, Unreachable } from "../shared/http.ts";
import type { Started } from "../viewers/api.ts";
import { Grace } from "../viewers/grace.ts";

const gone = new Unreachable(null);
const refused = (reason: string) => new Problem(401, "bad-token", "Title", "Detail", null, { reason });
const started = (token?: string): Started => ({ session: "ses_1", ...(token ? { grace_token: token } : {}) }) as Started;

/** A tab's storage. */
function storage(): Storage {
  const kept = new Map<string, string>();
  return { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => kept.set(key, value) } as unknown as Storage;
}

async function withToken(store = storage()): Promise<Grace> {
  const grace = new Grace(store, "ann");
  await grace.start("access", async () => started("grace-1"));
  return grace;
}

test("a start's token is kept for its account, and the newest counts", async () => {
  const store = storage();
  const grace = await withToken(store);
  expect(grace.token).toBe("grace-1");
  await grace.start("access", async () => started("grace-2"));
  expect(new Grace(store, "ann").token).toBe("grace-2");
  expect(new Grace(store, "bob").token).toBe("");
});

test("a log-in whose time is over is followed by grace, which stays", async () => {
  const grace = await withToken();
  const start = vi.fn(async (token: string) => {
    if (token === "access") throw refused("expired");
    return started();
  });
  expect((await grace.start("access", start)).session).toBe("ses_1");
  expect(start.mock.calls).toEqual([["access"], ["grace-1"]]);
  expect(grace.token).toBe("grace-1");
});

test.each([refused("signature"), new Problem(409, "stream-limit", "", "", null, {}), gone])("%s is not answered by grace", async (error) => {
  const start = vi.fn().mockRejectedValue(error);
  await expect((await withToken()).start("access", start)).rejects.toBe(error);
  expect(start).toHaveBeenCalledOnce();
});

test("without a token a log-in whose time is over is refused", async () => {
  const start = vi.fn().mockRejectedValue(refused("expired"));
  await expect(new Grace(storage(), "ann").start("access", start)).rejects.toThrow();
  expect(start).toHaveBeenCalledOnce();
});

test.each([gone, new Problem(503, "unavailable", "", "", 1, {})])("a sign-in that fails by %s leads to a start by grace", async (error) => {
  const grace = await withToken();
  const access = await grace.signIn(() => Promise.reject(error));
  expect(access).toBe("");
  const start = vi.fn(async () => started());
  await grace.start(access, start);
  expect(start.mock.calls).toEqual([["grace-1"]]);
});

test("a sign-in that is refused, or that fails without a token, is told", async () => {
  const no = new Problem(403, "not-allowed", "", "", null, {});
  await expect((await withToken()).signIn(() => Promise.reject(no))).rejects.toBe(no);
  await expect(new Grace(storage(), "ann").signIn(() => Promise.reject(gone))).rejects.toBe(gone);
});

test("grace that is refused is refused once", async () => {
  const start = vi.fn().mockRejectedValue(refused("expired"));
  await expect((await withToken()).start("", start)).rejects.toThrow();
  expect(start).toHaveBeenCalledOnce();
});
