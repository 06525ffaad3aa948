import { expect, test } from "vitest";
import { feedNote, gravity, kindWords, pastWords, ranked, sinceWords } from "../operators/anomaly-words.ts";
import { lettersNote, replayLines, valueWords } from "../operators/letter-words.ts";
import type { Anomaly, EventLog, Letter, Spool } from "../operators/log-types.ts";
import { fullness, oldestWords, topics, troubles } from "../operators/log-words.ts";
import { bytes, clock } from "../shared/format.ts";

const AT = 1_800_000_000;

const spool: Spool = { state: "ok", records: 0, bytes: 0, bytes_max: 1_024, oldest_s: 0, dropped: {}, refused: 0 };
const holding: Spool = { ...spool, state: "holding", records: 6_000, bytes: 512, oldest_s: 90 };

const log: EventLog = {
  state: "ok",
  events_per_s: 10,
  lag: 3,
  groups: [
    { group: "lake", topic: "ads", lag: 90, lost: 0 },
    { group: "billing", topic: "ads", lag: 3, lost: 0 },
  ],
  spools: {},
  topics: { sessions: 4, ads: 6.5 },
};

const kafka = { name: "eventlog", kind: "kafka", state: "failing" as const, since: AT - 300, nodes: 3, nodes_failing: 3, commands_per_s: 0, round_trips_per_s: 0 };

const wrong = (changes: Partial<EventLog>, stores = [] as readonly (typeof kafka)[]) =>
  troubles({ at: AT, eventlog: { ...log, ...changes }, stores }).map((one) => `${one.tone}: ${one.words}`);

const anomaly = (kind: string, since = AT): Anomaly => ({ id: kind, kind, subject: "", since, evidence: "" });

test("a log that is well has no troubles", () => {
  expect(wrong({ spools: { "node-1": spool } })).toEqual([]);
});

test("a Kafka that does not answer is said with since when, and what waits for it", () => {
  const spools = { a: holding, b: { ...holding, records: 6_340 }, c: spool };
  expect(wrong({ state: "failing", spools }, [kafka])).toEqual([
    `bad: Kafka does not answer since ${clock((AT - 300) * 1000)}; 12,340 events wait on 2 nodes' disks.`,
  ]);
  expect(wrong({ state: "failing" }, [{ ...kafka, nodes_failing: 1 }])).toEqual([
    `bad: Kafka does not answer 1 of 3 nodes since ${clock((AT - 300) * 1000)}.`,
  ]);
});

test("what still waits after its return is said with the oldest", () => {
  const one = { ...holding, records: 1 };
  expect(wrong({ state: "failing", spools: { a: one } })).toEqual([
    `warn: 1 event waits on 1 node's disk, the oldest since ${clock((AT - 90) * 1000)}.`,
  ]);
});

test("the worst comes first: no room, and what was lost, before what was dropped", () => {
  const spools = {
    a: { ...spool, dropped: { playback: 1_000, ads: 0 } },
    b: { ...spool, state: "absent" as const, dropped: { playback: 200 } },
    c: { ...spool, state: "refusing" as const },
  };
  const groups = [{ group: "insight", topic: "playback", lag: 5, lost: 30 }];
  expect(wrong({ state: "failing", spools, groups })).toEqual([
    "bad: c has no room left: it refuses events that may not be dropped.",
    "bad: 30 events of playback were forgotten before insight had handled them.",
    "warn: b cannot use its spool: while the log is gone its events have no place but memory.",
    "warn: Since the nodes began, events without room on the disk were dropped: 1,200 of playback.",
  ]);
});

test("a log that fails without a spool is said too", () => {
  expect(wrong({ state: "failing" })).toEqual(["bad: The event log does not keep what nodes append: events wait in their memory."]);
});

test("each topic has its rate and those who read it", () => {
  expect(topics(log).map((one) => [one.topic, one.perSecond, one.groups.map((group) => group.group)])).toEqual([
    ["ads", 6.5, ["billing", "lake"]],
    ["sessions", 4, []],
  ]);
});

test("a spool is as full as its bytes, and has an oldest while something waits", () => {
  expect([fullness(holding), fullness({ ...spool, bytes: 2_000 }), fullness({ ...spool, bytes_max: 0 })]).toEqual([0.5, 1, 0]);
  expect([oldestWords(holding), oldestWords(spool)]).toEqual(["1 min 30 s", ""]);
});

test("the gravest anomalies come first, then the newest", () => {
  const some = [anomaly("strays", AT), anomaly("cdn-lost", AT - 60), anomaly("isp-lost", AT - 5)];
  expect(ranked(some).map((one) => one.kind)).toEqual(["isp-lost", "cdn-lost", "strays"]);
  expect([gravity("audience-lost"), gravity("audience-low")]).toEqual(["bad", "warn"]);
});

test("anomalies are said in words, with their time", () => {
  expect([kindWords("cdn-lost"), kindWords("new-kind")]).toEqual(["A CDN has lost its viewers", "new-kind"]);
  expect(sinceWords(anomaly("strays", AT - 65), AT)).toBe(`since ${clock((AT - 65) * 1000)}, for 1 min 05 s`);
  expect(pastWords({ ...anomaly("strays", AT - 60), until: AT })).toBe(`${clock((AT - 60) * 1000)} to ${clock(AT * 1000)}, 1 min 00 s`);
});

test("that nothing looks wrong is said only while somebody looks", () => {
  expect(feedNote(0, AT - 5, AT)).toEqual({ words: "Nothing looks wrong.", tone: "good" });
  expect(feedNote(2, AT - 5, AT).words).toBe("");
  expect(feedNote(0, 0, AT).words).toContain("Nobody looks");
  expect(feedNote(0, AT - 300, AT)).toMatchObject({ tone: "warn", words: expect.stringContaining(clock((AT - 300) * 1000)) });
});

test("values of letters are readable, whatever they are", () => {
  expect(valueWords('{"a":1}', false)).toBe('{\n  "a": 1\n}');
  expect(valueWords("\ufffd", false)).toBe("\ufffd");
  expect(valueWords('{"a":', true)).toBe('{"a":…');
});

test("letters are counted, and a replay says what it does", () => {
  const one = {} as Letter;
  expect(lettersNote("insight", { letters: [], more: false })).toBe("insight has set nothing aside.");
  expect(lettersNote("insight", { letters: [one], more: false })).toBe("1 letter, the oldest first.");
  expect(lettersNote("insight", { letters: [one, one], more: true })).toBe("The oldest 2 letters; there are more.");
  expect(replayLines("insight", 1)[0]).toBe("The letter of insight is delivered to it again, and to nobody else.");
  expect(replayLines("insight", 2)[0]).toBe("The oldest 2 letters of insight are delivered to it again, and to nobody else.");
});

test("bytes have the precision that their size deserves", () => {
  expect([0, 640 * 1024, 1.25 * 1024 ** 2, 20 * 1024 ** 3].map(bytes)).toEqual(["0 B", "640 KiB", "1.3 MiB", "20 GiB"]);
});
