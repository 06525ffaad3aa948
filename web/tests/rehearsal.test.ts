import { expect, test } from "vitest";
import { readAssetList } from "../../rehearsals/ads/asset-list.ts";
import { Agenda } from "../../rehearsals/k6/agenda.ts";
import { arrivalsOf, chosen, endsAtMs, type Plan } from "../../rehearsals/k6/plan.ts";
import { readMpd, readPlaylist } from "../../rehearsals/video/presentations.ts";
import { asDash, asHls } from "../../rehearsals/video/reports.ts";

const plan: Plan = {
  scenario: "sessions",
  target: "http://127.0.0.1:8080",
  event: "demo",
  prefix: "rehearsal",
  login: true,
  arrivals_per_s: [5, 0, 13, 2],
  goals: [],
  spikes: [],
  plateau_at_s: 9,
  whistle_at_s: 9,
  whistle_s: 5,
  silent_share: 0.1,
  without: [],
  shares: {},
  shards: 4,
  open_requests_max: 100,
  request_s_max: 8,
  pod_s_max: 1,
};

test("every viewer arrives once, in their second, in one shard only", () => {
  let before = 0;
  for (const [second, count] of plan.arrivals_per_s.entries()) {
    const shards = Array.from({ length: plan.shards }, (_, shard) => [...arrivalsOf(plan, shard, second, before)]);
    const all = shards.flat().sort((one, other) => one - other);
    expect(all).toEqual(Array.from({ length: count }, (_, n) => before + n));
    for (const [shard, numbers] of shards.entries()) expect(numbers.every((number) => number % plan.shards === shard)).toBe(true);
    before += count;
  }
});

test("it is over when the last viewer has left and their last request is given up", () => {
  expect(endsAtMs(plan)).toBe(22_000);
});

test("acts come in the order of their time, each once, and none before it is due", () => {
  const agenda = new Agenda();
  for (const at of [500, 100, 300, 100]) agenda.at(at, () => undefined);
  expect([...agenda.due(90)]).toHaveLength(0);
  expect([...agenda.due(400)].map((act) => act.atMs)).toEqual([100, 100, 300]);
  expect([...agenda.due(400)]).toHaveLength(0);
  expect([...agenda.due(1_000)].map((act) => act.atMs)).toEqual([500]);
});

test("what is overdue comes next, also when it is put down by an act", () => {
  const agenda = new Agenda();
  const done: string[] = [];
  agenda.at(100, () => {
    done.push("first");
    agenda.at(50, () => done.push("late"));
  });
  for (const act of agenda.due(1_000)) act.run();
  expect(done).toEqual(["first", "late"]);
});

test("a share of the viewers begins with the first and goes on evenly", () => {
  const fifth = Array.from({ length: 10 }, (_, number) => chosen(0.2, number));
  expect(fifth.map((one) => one.is)).toEqual([true, false, false, false, false, true, false, false, false, false]);
  expect(fifth.map((one) => one.among)).toEqual([0, 1, 1, 1, 1, 1, 2, 2, 2, 2]);
  expect(Array.from({ length: 10 }, (_, number) => chosen(0, number).is)).not.toContain(true);
  expect(Array.from({ length: 10 }, (_, number) => chosen(1, number).is)).not.toContain(false);
});

const playlist = `#EXTM3U
#EXT-X-CONTENT-STEERING:SERVER-URI="https://tv.example/v1/steering/t",PATHWAY-ID="cdn-b"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio-cdn-b",URI="https://b.example/live/a96/index.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=1110000,AUDIO="audio-cdn-b",PATHWAY-ID="cdn-b",STABLE-VARIANT-ID="v360"
https://b.example/live/v360/index.m3u8?t=1&amp;u=2
#EXT-X-STREAM-INF:BANDWIDTH=460000,AUDIO="audio-cdn-b",PATHWAY-ID="cdn-b",STABLE-VARIANT-ID="v180"
https://b.example/live/v180/index.m3u8?t=1&amp;u=2
#EXT-X-STREAM-INF:BANDWIDTH=460000,AUDIO="audio-cdn-a",PATHWAY-ID="cdn-a",STABLE-VARIANT-ID="v180"
https://a.example/live/v180/index.m3u8
`;

test("of a playlist a player knows its steering, its pathways and the least picture of each", () => {
  const read = readPlaylist(playlist, true);
  expect(read.steering).toBe("https://tv.example/v1/steering/t");
  expect(read.pathways).toEqual(["cdn-b", "cdn-a"]);
  expect(read.addresses.get("cdn-b")).toBe("https://b.example/live/v180/index.m3u8?t=1&amp;u=2");
  expect(readPlaylist(playlist, false).addresses.size).toBe(0);
  expect(() => readPlaylist("#EXTM3U\n", false)).toThrow("without content steering");
});

const mpd = `<MPD suggestedPresentationDelay="PT8S"><BaseURL serviceLocation="cdn-a">https://a.example/?x=1&amp;y=2/</BaseURL>
<ContentSteering defaultServiceLocation="cdn-a" queryBeforeStart="false">https://tv.example/v1/steering/t</ContentSteering>
<SegmentTemplate timescale="1" duration="2"/><Representation id="v360" bandwidth="1" width="640"/>
<Representation id="v180" bandwidth="1" width="320"/><Representation id="a96" bandwidth="1"/>
<UTCTiming value="2026-11-25T12:00:00Z"/></MPD>`;

test("of an MPD a player knows which segment is played now by the platform's clock", () => {
  const read = readMpd(mpd, true);
  expect(read.steering).toBe("https://tv.example/v1/steering/t");
  expect(read.addresses.get("cdn-a")).toBe("https://a.example/?x=1&y=2/");
  const number = Math.floor((Date.parse("2026-11-25T12:00:00Z") / 1000 + 60 - 8) / 2);
  expect(read.segmentAt("https://a.example/", Date.now() + 60_500)).toBe(`https://a.example/v180/${number}.m4s`);
  expect(() => readMpd("<MPD/>", false)).toThrow("without content steering");
});

test("players report as theirs do", () => {
  expect(asHls("https://tv.example/s", "cdn-a", 8_000_000)).toBe("https://tv.example/s?_HLS_pathway=cdn-a&_HLS_throughput=8000000");
  const dash = new URL(asDash("https://tv.example/s?x=1", ["cdn-a", "cdn-b"], [5_140_000, 6_000_000]));
  expect(dash.searchParams.get("_DASH_pathway")).toBe('"cdn-a,cdn-b"');
  expect(dash.searchParams.get("_DASH_throughput")).toBe("5140000,6000000");
  expect(dash.searchParams.get("x")).toBe("1");
});

const asset = (name: string, durationS: number, tracking: readonly object[] = []): object => ({
  URI: `https://cdn.example/ads/${name}/index.m3u8`,
  DURATION: durationS,
  "X-AD-CREATIVE-SIGNALING": { version: 2, type: "slot", payload: [{ type: "linear", start: 0, tracking }] },
});
const assetList = (...assets: readonly unknown[]): string => JSON.stringify({ ASSETS: assets });

test("of a pod a player knows what to report and when; never to another ad server, nor what did not happen", () => {
  const tracking = (name: string): object[] => [
    { type: "impression", offset: 0, urls: [`https://tv.example/v1/ads/t/${name}-i`, "https://ads.example/pixel"] },
    { type: "complete", offset: 10, urls: [`https://tv.example/v1/ads/t/${name}-c`] },
    { type: "error", urls: [`https://tv.example/v1/ads/t/${name}-e`] },
  ];
  const pod = readAssetList(assetList(asset("a", 10, tracking("a")), asset("b", 10, tracking("b"))), 20);
  expect(pod?.ads).toBe(2);
  expect(pod?.beacons.map(({ atS, url }) => [atS, url.slice(-3)])).toEqual([
    [0, "a-i"],
    [10, "a-c"],
    [10, "b-i"],
    [20, "b-c"],
  ]);
});

test("an empty list is legal, and an asset without signalling too", () => {
  expect(readAssetList('{"ASSETS":[]}', 20)).toEqual({ ads: 0, beacons: [] });
  expect(readAssetList('{"ASSETS":[{"URI":"https://cdn.example/a","DURATION":5}]}', 20)).toEqual({ ads: 1, beacons: [] });
});

test.each([
  ["no JSON", "<VAST/>"],
  ["no list", "{}"],
  ["null", "null"],
  ["no array", '{"ASSETS":{}}'],
  ["no asset", assetList(null)],
  ["no address", assetList({ DURATION: 5 })],
  ["no length", assetList({ URI: "https://cdn.example/a" })],
  ["a length of nothing", assetList(asset("a", 0))],
  ["more than the break", assetList(asset("a", 10), asset("b", 10.5))],
])("an answer with %s is illegal", (_what, text) => {
  expect(readAssetList(text, 20)).toBeNull();
});
