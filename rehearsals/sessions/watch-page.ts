import type { Playback } from "../k6/api.ts";
import { steer } from "../k6/steering.ts";
import type { Visit } from "../k6/viewer.ts";

/** The playlist, and the steering manifest at its lifetime. */
export async function watchPage(visit: Visit, playback: Playback): Promise<void> {
  const { api, plan } = visit.world;
  if (plan.without.includes("playlist")) return;
  const playlist = await api.document("playlist", playback.hls);
  const steering = /SERVER-URI="([^"]+)"/.exec(playlist.body ?? "")?.[1];
  if (!steering || plan.without.includes("steering")) return;
  visit.act(steer(visit, steering, { asks: (url) => url, hears: () => undefined }));
}
