import { expect, test } from "vitest";
import { Beacons, creativeOf } from "../viewers/ads.ts";

const asset = {
  URI: "https://cdn.example/ads/house-1/index.m3u8",
  DURATION: 10,
  "X-AD-CREATIVE-SIGNALING": {
    version: 2,
    type: "linear",
    payload: [
      {
        type: "linear",
        start: 0,
        duration: 10,
        identifiers: [{ scheme: "tifo", value: "house-1" }],
        tracking: [
          { type: "impression", offset: 0, urls: ["https://t.example/i"] },
          { type: "firstQuartile", offset: 2.5, urls: ["https://t.example/q1"] },
          { type: "midpoint", offset: 5, urls: ["https://t.example/q2"] },
          { type: "complete", offset: 10, urls: ["https://t.example/c"] },
          { type: "skip", urls: ["https://t.example/s"] },
          { type: "error", urls: ["https://t.example/e?code=[ERRORCODE]"] },
        ],
      },
    ],
  },
};

function fired() {
  const types: string[] = [];
  return { types, beacons: new Beacons((_, type) => types.push(type)) };
}

const house = creativeOf(asset)!;

test("a creative is read from its signalling", () => {
  expect(house.id).toBe("house-1");
  expect(house.duration).toBe(10);
  expect(house.tracking.map((t) => t.offset)).toEqual([0, 2.5, 5, 10]);
});

test("an asset without signalling has no creative", () => {
  expect(creativeOf({ URI: "https://cdn.example/a.m3u8", DURATION: 10 })).toBeNull();
  expect(creativeOf(undefined)).toBeNull();
  expect(creativeOf({ "X-AD-CREATIVE-SIGNALING": { payload: "what" } })).toBeNull();
});

test("an address that is not http is never fired", () => {
  const payload = [{ type: "linear", tracking: [{ type: "impression", offset: 0, urls: ["javascript:alert(1)", 7] }] }];
  expect(creativeOf({ "X-AD-CREATIVE-SIGNALING": { payload } })?.tracking[0]?.urls).toEqual([]);
});

test("what may happen does not fire by playing on, and an error fires once, with its number", () => {
  const urls: string[] = [];
  const beacons = new Beacons((url) => urls.push(url));
  beacons.stopped(house, 0, 10);
  expect(urls).not.toContain("https://t.example/s");
  expect(urls).toHaveLength(4);
  beacons.failed(house, 400);
  beacons.failed(house, 400);
  expect(urls.slice(4)).toEqual(["https://t.example/e?code=400"]);
});

test("points fire as they are passed, each once", () => {
  const { types, beacons } = fired();
  beacons.reached(house, 0, 0.1);
  beacons.reached(house, 0, 0.4);
  beacons.reached(house, 0, 2.6);
  expect(types).toEqual(["impression", "firstQuartile"]);
});

test("an ad that stops a moment before its end is complete", () => {
  const { types, beacons } = fired();
  beacons.reached(house, 0, 6);
  beacons.stopped(house, 0, 9.8);
  expect(types).toEqual(["impression", "firstQuartile", "midpoint", "complete"]);
});

test("an ad that is cut off is not complete", () => {
  const { types, beacons } = fired();
  beacons.stopped(house, 0, 6);
  expect(types).toEqual(["impression", "firstQuartile", "midpoint"]);
});

test("who joins in the middle has not seen the quartiles before", () => {
  const { types, beacons } = fired();
  beacons.reached(house, 4, 5.2);
  beacons.stopped(house, 4, 10);
  expect(types).toEqual(["impression", "midpoint", "complete"]);
});

test("the same break played again fires nothing again", () => {
  const { types, beacons } = fired();
  beacons.stopped(house, 0, 10);
  beacons.stopped(house, 0, 10);
  expect(types).toHaveLength(4);
});
