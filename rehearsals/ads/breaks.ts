import type { Answer } from "../k6/api.ts";
import { counters, trends } from "../k6/figures.ts";
import type { Spike } from "../k6/plan.ts";
import type { Visit } from "../k6/viewer.ts";
import { type Beacon, readAssetList } from "./asset-list.ts";

/**
 * Asks for the pod of each break to come, at a moment that no answer moves. Nothing else: playlists and steering
 * are other rehearsals'.
 */
export async function breaks(visit: Visit): Promise<void> {
  const { now, plan, random } = visit.world;
  for (const spike of plan.spikes) {
    const dueMs = (spike.at_s + random() * spike.spread_s) * 1000;
    if (dueMs > now()) visit.later(dueMs - now(), () => asks(visit, spike, dueMs));
  }
}

async function asks(visit: Visit, spike: Spike, dueMs: number): Promise<void> {
  if (visit.over()) return;
  const { api, now, plan } = visit.world;
  counters.pods.add(1);
  const askedMs = now();
  trends.spike_late_ms.add(askedMs - dueMs);
  if (api.full) {
    counters.unsent.add(1);
    counters.pods_failed.add(1);
    return;
  }
  if (askedMs < (spike.at_s + spike.spread_s) * 1000) counters.pods_in_window.add(1);
  const answer = await api.get(`/v1/ads/${visit.token()}/breaks/${spike.brk}`);
  const ms = tookMs(answer);
  trends.pod_ms.add(ms);
  const beacons = judged(answer, spike, ms <= plan.pod_s_max * 1000);
  for (const beacon of beacons) visit.later(beacon.atS * 1000, () => reports(visit, beacon));
}

/** Counts what the answer is; the beacons of a good one. */
function judged(answer: Answer, spike: Spike, inTime: boolean): readonly Beacon[] {
  const pod = answer.status === 200 ? readAssetList(answer.body, spike.length_s) : null;
  if (!pod) {
    counters.pods_failed.add(1);
    if (answer.status === 200) counters.pods_illegal.add(1);
    return [];
  }
  if (inTime) counters.pods_in_time.add(1);
  if (pod.ads === 0) counters.pods_empty.add(1);
  return pod.beacons;
}

async function reports(visit: Visit, beacon: Beacon): Promise<void> {
  if (visit.over()) return;
  counters.beacons.add(1);
  if (visit.world.api.full) {
    counters.unsent.add(1);
    counters.beacons_failed.add(1);
    return;
  }
  const answer = await visit.world.api.get(beacon.url);
  trends.beacon_ms.add(tookMs(answer));
  if (answer.status !== 204) counters.beacons_failed.add(1);
}

/** From the question on: in a spike, a connection that is still to be made is a part of the wait. */
function tookMs({ timings }: Answer): number {
  return timings.blocked + timings.connecting + timings.tls_handshaking + timings.duration;
}
