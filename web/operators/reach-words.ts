import { count } from "../shared/format.ts";
import type { Reach } from "./api.ts";

const EVENTS_MAX = 3;

/** Who has watched so far, in a sentence; empty before anybody has. */
export function reachWords(reach: Reach): string {
  if (reach.accounts.length === 0) return "";
  const events = reach.accounts.slice(0, EVENTS_MAX).map(({ name, viewers }) => `${count(viewers)} of ${name}`);
  const error = (100 * reach.error).toFixed(1);
  return `Accounts that have watched so far: ${events.join(", ")} (by sketch, within ${error} %).`;
}
