import { clock, count, duration } from "../shared/format.ts";
import type { Overview, Store } from "./api.ts";
import type { EventLog, GroupLag, Spool } from "./log-types.ts";

/** What is wrong, by a key that stays while its figures move. */
export interface Trouble {
  readonly key: string;
  readonly words: string;
  readonly tone: "bad" | "warn";
}

/** What is known of one topic: what nodes append to it per second, and how far its readers are. */
export interface Topic {
  readonly topic: string;
  readonly perSecond: number;
  readonly groups: readonly GroupLag[];
  readonly lost: number;
}

export const SPOOL_WORDS: Readonly<Record<Spool["state"], string>> = {
  ok: "empty",
  holding: "events wait",
  refusing: "full",
  absent: "not usable",
};

export const SPOOL_TONES: Readonly<Record<Spool["state"], "good" | "warn" | "bad">> = {
  ok: "good",
  holding: "warn",
  refusing: "bad",
  absent: "warn",
};

/** Topics by name, each with those who read it. */
export function topics(log: Pick<EventLog, "groups" | "topics">): readonly Topic[] {
  const names = new Set([...Object.keys(log.topics), ...log.groups.map((one) => one.topic)]);
  return [...names].sort().map((topic) => {
    const groups = log.groups.filter((one) => one.topic === topic).sort((a, b) => a.group.localeCompare(b.group));
    return { topic, perSecond: log.topics[topic] ?? 0, groups, lost: sum(groups.map((one) => one.lost)) };
  });
}

/** What is wrong with the event log, in sentences, the worst first; none when nothing is. */
export function troubles(overview: Pick<Overview, "at" | "eventlog" | "stores">): readonly Trouble[] {
  const { eventlog, stores, at } = overview;
  const spools = Object.entries(eventlog.spools);
  const store = stores.find((one) => one.name === "eventlog" && one.state === "failing");
  const found = [
    ...keeping(eventlog, store, at),
    ...spools.filter(([, spool]) => spool.state === "refusing").map(([node]) => bad(`refusing ${node}`, `${node} has no room left: it refuses events that may not be dropped.`)),
    ...eventlog.groups.filter((one) => one.lost > 0).map((one) => bad(`lost ${one.group} ${one.topic}`, `${count(one.lost)} events of ${one.topic} were forgotten before ${one.group} had handled them.`)),
    ...spools.filter(([, spool]) => spool.state === "absent").map(([node]) => warn(`absent ${node}`, `${node} cannot use its spool: while the log is gone its events have no place but memory.`)),
    ...dropped(spools.map(([, spool]) => spool)),
  ];
  return found.sort((a, b) => Number(a.tone === "warn") - Number(b.tone === "warn"));
}

function keeping(eventlog: EventLog, store: Store | undefined, at: number): readonly Trouble[] {
  const waiting = Object.values(eventlog.spools).filter((spool) => spool.records > 0);
  const records = sum(waiting.map((spool) => spool.records));
  const nodes = waiting.length === 1 ? "1 node's disk" : `${waiting.length} nodes' disks`;
  const wait = `${count(records)} ${records === 1 ? "event waits" : "events wait"} on ${nodes}`;
  if (store) {
    const name = store.kind === "kafka" ? "Kafka" : "The event log";
    const whom = store.nodes_failing < store.nodes ? ` ${store.nodes_failing} of ${store.nodes} nodes` : "";
    return [bad("log", `${name} does not answer${whom} since ${clock(store.since * 1000)}${waiting.length > 0 ? `; ${wait}` : ""}.`)];
  }
  if (waiting.length > 0) {
    const oldest = Math.max(...waiting.map((spool) => spool.oldest_s));
    return [warn("waits", `${wait}, the oldest since ${clock((at - oldest) * 1000)}.`)];
  }
  const known = eventlog.state === "failing" && !Object.values(eventlog.spools).some((spool) => spool.state === "refusing");
  return known ? [bad("log", "The event log does not keep what nodes append: events wait in their memory.")] : [];
}

function dropped(spools: readonly Spool[]): readonly Trouble[] {
  const by = new Map<string, number>();
  for (const spool of spools) {
    for (const [topic, records] of Object.entries(spool.dropped)) by.set(topic, (by.get(topic) ?? 0) + records);
  }
  const told = [...by].filter(([, records]) => records > 0).map(([topic, records]) => `${count(records)} of ${topic}`);
  return told.length > 0 ? [warn("dropped", `Since the nodes began, events without room on the disk were dropped: ${told.sort().join(", ")}.`)] : [];
}

/** How old the oldest that waits is; nothing where none does. */
export const oldestWords = (spool: Spool): string => (spool.records > 0 ? duration(spool.oldest_s) : "");

/** How full, from 0 to 1. */
export const fullness = (spool: Spool): number => (spool.bytes_max > 0 ? Math.min(1, spool.bytes / spool.bytes_max) : 0);

export const droppedOf = (spool: Spool): number => sum(Object.values(spool.dropped));

const sum = (values: readonly number[]): number => values.reduce((all, one) => all + one, 0);
const bad = (key: string, words: string): Trouble => ({ key, words, tone: "bad" });
const warn = (key: string, words: string): Trouble => ({ key, words, tone: "warn" });
