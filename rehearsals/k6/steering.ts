import { bodyOf } from "./api.ts";
import type { Visit } from "./viewer.ts";

/** What players wait when a steering manifest has no lifetime, and after a failure. */
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

/** Asks for the steering manifest at once, and then whenever its lifetime is over. */
export async function steer(visit: Visit, url: string, steered: Steered): Promise<void> {
  if (visit.over()) return;
  const answer = await visit.world.api.document("steering", steered.asks(url));
  if (visit.over()) return;
  if (answer.status !== 200) {
    visit.later(STEERING_S * 1000, () => steer(visit, url, steered));
    return;
  }
  const said = bodyOf<SteeringManifest>(answer);
  steered.hears(said);
  visit.later((said.TTL ?? STEERING_S) * 1000, () => steer(visit, said["RELOAD-URI"] ?? url, steered));
}
