import { Counter, Trend } from "k6/metrics";

/** How answers are told apart; a problem's status says enough, for its code has one. */
const ANSWERS = ["401", "403", "404", "409", "410", "422", "429", "4xx", "5xx", "none"] as const;

const counter = (name: string): Counter => new Counter(`tifo_${name}`);
const trend = (name: string): Trend => new Trend(`tifo_${name}`, true);

export const counters = {
  arrivals: counter("arrivals"),
  unmade: counter("unmade"),
  entered: counter("entered"),
  reloads: counter("reloads"),
  starts: counter("starts"),
  starts_failed: counter("starts_failed"),
  takeovers: counter("takeovers"),
  playlists: counter("playlists"),
  playlists_failed: counter("playlists_failed"),
  mpds: counter("mpds"),
  mpds_failed: counter("mpds_failed"),
  steerings: counter("steerings"),
  steerings_failed: counter("steerings_failed"),
  media_playlists: counter("media_playlists"),
  media_playlists_failed: counter("media_playlists_failed"),
  segments: counter("segments"),
  segments_failed: counter("segments_failed"),
  pods: counter("pods"),
  pods_in_window: counter("pods_in_window"),
  pods_in_time: counter("pods_in_time"),
  pods_failed: counter("pods_failed"),
  pods_illegal: counter("pods_illegal"),
  pods_empty: counter("pods_empty"),
  beacons: counter("beacons"),
  beacons_failed: counter("beacons_failed"),
  unsent: counter("unsent"),
  heartbeats: counter("heartbeats"),
  heartbeats_lost: counter("heartbeats_lost"),
  renewals: counter("renewals"),
  wrongly_ended: counter("wrongly_ended"),
  ended: counter("ended"),
  silent: counter("silent"),
  broken: counter("broken"),
};

export const trends = {
  start_ms: trend("start_ms"),
  arrival_ms: trend("arrival_ms"),
  playlist_ms: trend("playlist_ms"),
  mpd_ms: trend("mpd_ms"),
  heartbeat_ms: trend("heartbeat_ms"),
  steering_ms: trend("steering_ms"),
  media_playlist_ms: trend("media_playlist_ms"),
  segment_ms: trend("segment_ms"),
  pod_ms: trend("pod_ms"),
  beacon_ms: trend("beacon_ms"),
  plateau_ms: trend("plateau_ms"),
  late_ms: trend("late_ms"),
  spike_late_ms: trend("spike_late_ms"),
};

const answers = new Map(ANSWERS.map((kind) => [kind as string, counter(`answered_${kind}`)]));

/** Counts an answer that was not what a viewer hopes for; status 0 is none at all. */
export function refused(status: number): void {
  const kind = status === 0 ? "none" : status >= 500 ? "5xx" : answers.has(`${status}`) ? `${status}` : "4xx";
  answers.get(kind)?.add(1);
}

interface Sink {
  readonly values: Readonly<Record<string, number>>;
}

/** k6's end-of-test data as the flat document that the verdict is made from. */
export function found(metrics: Readonly<Record<string, Sink>>): Record<string, unknown> {
  const values = (name: string): Readonly<Record<string, number>> => metrics[`tifo_${name}`]?.values ?? {};
  const count = (name: string): number => values(name)["count"] ?? 0;
  const latency = (name: string): Record<string, number> => {
    const { "p(50)": p50 = 0, "p(95)": p95 = 0, "p(99)": p99 = 0, max = 0, count: of = 0 } = values(name);
    return { p50, p95, p99, max, count: of };
  };
  return {
    ...Object.fromEntries(Object.keys(counters).map((name) => [name, count(name)])),
    ...Object.fromEntries(Object.keys(trends).map((name) => [name, latency(name)])),
    answered: Object.fromEntries(ANSWERS.map((kind) => [kind, count(`answered_${kind}`)]).filter(([, n]) => n)),
    requests: metrics["http_reqs"]?.values["count"] ?? 0,
  };
}
