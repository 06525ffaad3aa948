import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Problem, Unreachable } from "../shared/http.ts";
import { AddressBook, type Addresses } from "../viewers/addresses.ts";
import { renewAddresses } from "../viewers/renewal.ts";

const problem = (status: number, code: string, retryAfterS: number | null = null) =>
  new Problem(status, code, "Title", "Detail", retryAfterS, {});
const URL_OF = (token: string): string => `https://a.example/t/${token}/live/demo/x.m4s`;

function told(token: string): Addresses {
  const address = { pathway: "cdn-a", before: "https://a.example/t/", token, after: "/live/demo/", query: "" };
  return { addresses: [address], valid_s: 600, renew_s: 60 };
}

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** A renewal that is given these answers, one after the other; `asked` are the seconds at which it asked. */
function renewal(...answers: (Addresses | Error)[]) {
  const began = Date.now();
  const asked: number[] = [];
  const leaving = new AbortController();
  const book = new AddressBook(Date.now);
  const ask = async (): Promise<Addresses> => {
    asked.push((Date.now() - began) / 1000);
    const answer = answers.shift() ?? problem(410, "ended");
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const renewed = vi.fn();
  const over = renewAddresses(book, 60, ask, renewed, leaving.signal, () => 0.5);
  return { asked, book, leaving, over, renewed };
}

test("the first renewal spreads, each other one comes when the answer says, and the last word ends it", async () => {
  const { asked, book, over, renewed } = renewal(told("one"), told("two"), problem(410, "kicked"));
  await vi.advanceTimersByTimeAsync(200_000);
  await over;
  expect(asked).toEqual([45, 105, 165]);
  expect(renewed).toHaveBeenCalledTimes(2);
  expect(await book.fresh(URL_OF("first"))).toBe(URL_OF("two"));
});

test("a server that is away or busy is asked again, and the addresses at hand stay", async () => {
  const { asked, book, over } = renewal(told("one"), new Unreachable(null), problem(503, "unavailable", 20), told("two"));
  await vi.advanceTimersByTimeAsync(106_000);
  expect(asked.length).toBe(3);
  expect(await book.fresh(URL_OF("first"))).toBe(URL_OF("one"));
  await vi.advanceTimersByTimeAsync(200_000);
  await over;
  expect(await book.fresh(URL_OF("first"))).toBe(URL_OF("two"));
  expect(asked[3]! - asked[2]!).toBe(20);
});

test("who leaves asks no more", async () => {
  const { asked, leaving, over } = renewal(told("one"));
  const left = expect(over).rejects.toThrow("left");
  leaving.abort(new Error("left"));
  await vi.advanceTimersByTimeAsync(200_000);
  await left;
  expect(asked).toEqual([]);
});
