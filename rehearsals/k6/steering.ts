import { bodyOf } from "./api.ts";
import type { Visit } from "./viewer.ts";

/** What players wait until a steering manifest has told them its lifetime. */
const STEERING_S = 300;

export interface SteeringManifest {
  readonly TTL?: number;
  readonly "RELOAD-URI"?: string;
  readonly "PATHWAY-PRIORITY"?: readonly string[];
}

/** How a player asks, and what it does with the answer. */
export interface Steered {
  /** The address with what the player reports of itself. */
  readonly asks: (url: string) => string;
  readonly hears: (manifest: SteeringManifest) => void;
}

/** Asks for the steering manifest at once, and then whenever its lifetime is over; after a failure, the last one's. */
export async function steer(visit: Visit, url: string, steered: Steered, lastS = STEERING_S): Promise<void> {
  if (visit.over()) return;
  const answer = await visit.world.api.document("steering", steered.asks(url));
  if (visit.over()) return;
  if (answer.status !== 200) {
    visit.later(lastS * 1000, () => steer(visit, url, steered, lastS));
    return;
  }
  const said = bodyOf<SteeringManifest>(answer);
  steered.hears(said);
  const ttlS = said.TTL ?? STEERING_S;
  visit.later(ttlS * 1000, () => steer(visit, said["RELOAD-URI"] ?? url, steered, ttlS));
}
