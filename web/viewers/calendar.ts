import type { MatchEvent } from "./api.ts";

const RANK: Readonly<Record<MatchEvent["state"], number>> = { live: 0, upcoming: 1, over: 2 };

/** What can be watched now first, then what comes next, then what is over, latest first. */
export function inOrder(events: readonly MatchEvent[]): readonly MatchEvent[] {
  return [...events].sort((a, b) => RANK[a.state] - RANK[b.state] || byStart(a, b));
}

function byStart(a: MatchEvent, b: MatchEvent): number {
  const later = Date.parse(a.starts_at) - Date.parse(b.starts_at);
  return a.state === "over" ? -later : later;
}
