import { expect, test } from "vitest";
import { isStale, members, PathwayLog, withCdn } from "../viewers/cmcd.ts";

function log(...changes: [number, string][]): PathwayLog {
  const pathways = new PathwayLog();
  for (const [at, pathway] of changes) pathways.add(at, pathway);
  return pathways;
}

const record = 'bl=(6000;v 200),br=(900),cid="demo",e=t,sid="s1",sn=2,sta=p,ts=5000,v=2';

test("a record splits at the commas between members only", () => {
  expect(members('a=(1;v,2),h="x,\\"y",b')).toEqual(["a=(1;v,2)", 'h="x,\\"y"', "b"]);
});

test("the pathway stands in its alphabetical place", () => {
  const named = withCdn(record, "demo", log([1000, "cdn-a"]));
  expect(named).toBe('bl=(6000;v 200),br=(900),cdn="cdn-a",cid="demo",e=t,sid="s1",sn=2,sta=p,ts=5000,v=2');
});

test("a late record names the pathway of its own instant", () => {
  expect(withCdn(record, "demo", log([1000, "cdn-a"], [6000, "cdn-b"]))).toContain('cdn="cdn-a"');
});

test("before the first segment there is no pathway to name", () => {
  expect(withCdn(record, "demo", log([6000, "cdn-b"]))).toBe(record);
});

test("the record of an ad's player is left alone", () => {
  expect(withCdn(record, "other", log([1000, "cdn-a"]))).toBe(record);
});

test("a record that already names its CDN is left alone", () => {
  const named = 'cdn="x",cid="demo",ts=5000';
  expect(withCdn(named, "demo", log([1000, "cdn-a"]))).toBe(named);
});

test("the pathways remembered are bounded", () => {
  const pathways = log(...Array.from({ length: 100 }, (_, i): [number, string] => [i, `cdn-${i}`]));
  expect(pathways.at(10)).toBeNull();
  expect(pathways.at(99)).toBe("cdn-99");
});

test("a report is given up when every record in it is old", () => {
  expect(isStale("e=t,ts=1000\n", 62_000)).toBe(true);
  expect(isStale("e=t,ts=1000\ne=t,ts=30000\n", 62_000)).toBe(false);
});
