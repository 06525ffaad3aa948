import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Address, AddressBook, type Addresses } from "../viewers/addresses.ts";

const inPath = (token: string): Address => {
  return { pathway: "cdn-a", before: "https://a.example/t/", token, after: "/live/demo/", query: "" };
};
const inQuery = (token: string): Address => {
  return { pathway: "cdn-b", before: "https://b.example", token: "", after: "/live/demo/", query: `hdnts=${token}` };
};
const told = (...addresses: Address[]): Addresses => ({ addresses, valid_s: 600, renew_s: 60 });

let now = 1_000_000;

function book(...addresses: Address[]): AddressBook {
  const made = new AddressBook(() => now);
  made.take(told(...addresses), now);
  return made;
}

beforeEach(() => {
  now = 1_000_000;
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

test.each(["old.token", "new.token", "exp%3D1~acl%3D%2Flive%2F%2A"])(
  "an address with %s in its path gets the newest token, whatever stands behind it",
  async (token) => {
    const asked = `https://a.example/t/${token}/live/demo/v720/81.m4s?CMCD=bl%3D6000%2Csid%3D%22ses_1%22`;
    const sent = "https://a.example/t/new.token/live/demo/v720/81.m4s?CMCD=bl%3D6000%2Csid%3D%22ses_1%22";
    expect(await book(inQuery("x"), inPath("new.token")).fresh(asked)).toBe(sent);
  },
);

test.each([
  ["v720/81.m4s", "v720/81.m4s?hdnts=exp=2~hmac=cd"],
  ["v720/index.m3u8?hdnts=exp=1~hmac=ab", "v720/index.m3u8?hdnts=exp=2~hmac=cd"],
  ["v720/index.m3u8?CMCD=sf%3Dh&hdnts=exp%3D1%7Ehmac%3Dab&_HLS_msn=9", "v720/index.m3u8?CMCD=sf%3Dh&_HLS_msn=9&hdnts=exp=2~hmac=cd"],
])("%s gets the newest token into its query as it was signed, and keeps all else", async (asked, sent) => {
  const base = "https://b.example/live/demo/";
  expect(await book(inPath("x"), inQuery("exp=2~hmac=cd")).fresh(base + asked)).toBe(base + sent);
});

test("a query of several parameters replaces each of them", async () => {
  const signed: Address = { ...inQuery(""), query: "Policy=p2&Signature=s2_&Key-Pair-Id=K" };
  const asked = "https://b.example/live/demo/x.m3u8?Policy=p1&Signature=s1&Key-Pair-Id=K&v=1";
  expect(await book(signed).fresh(asked)).toBe(`https://b.example/live/demo/x.m3u8?v=1&${signed.query}`);
});

test.each([
  "https://tifo.example/v1/steering/a.b.c?_HLS_pathway=cdn-a",
  "https://a.example/t/token/ads/cup-final/index.m3u8",
  "https://a.example/t/token/live/demonstration/v720/81.m4s",
  "https://a.example/t/one/two/live/demo/v720/81.m4s",
  "https://a.example.evil/t/token/live/demo/v720/81.m4s",
  "https://c.example/t/token/live/demo/v720/81.m4s",
  "https://b.example/live/demo",
  "data:text/plain,x",
  "",
])("%s is none of the session's pictures and passes as it is", async (url) => {
  expect(await book(inPath("new"), inQuery("new")).fresh(url)).toBe(url);
});

test.each(["HTTPS://A.Example:443/t/old/live/demo/x.m4s", "https://a.example/t/old/live/demo/x.m4s"])(
  "%s is known however its host is written",
  async (url) => {
    const wide: Address = { ...inPath("new"), before: "https://A.EXAMPLE:443/t/" };
    expect(await book(wide).fresh(url)).toBe("https://a.example/t/new/live/demo/x.m4s");
  },
);

test("before the first renewal every address passes", async () => {
  const url = "https://a.example/t/first/live/demo/x.m4s";
  expect(await new AddressBook(() => now).fresh(url)).toBe(url);
});

test("after a long sleep a request waits for the addresses that are on their way", async () => {
  const woken = book(inPath("slept"));
  now += 600_000;
  const sent = woken.fresh("https://a.example/t/first/live/demo/x.m4s");
  await vi.advanceTimersByTimeAsync(1_000);
  woken.take(told(inPath("new")), now);
  expect(await sent).toBe("https://a.example/t/new/live/demo/x.m4s");
});

test("a request does not wait for ever, and one of another place not at all", async () => {
  const alone = book(inPath("slept"));
  now += 600_000;
  const elsewhere = "https://tifo.example/v1/steering/a.b.c";
  expect(await alone.fresh(elsewhere)).toBe(elsewhere);
  const sent = alone.fresh("https://a.example/t/first/live/demo/x.m4s");
  await vi.runAllTimersAsync();
  expect(await sent).toBe("https://a.example/t/slept/live/demo/x.m4s");
});
