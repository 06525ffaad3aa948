/** A burst of viewers who reload the page: what a goal does to people whose picture is behind their neighbour's. */
export interface Goal {
  readonly at_s: number;
  /** The part of those who watch that reloads, 0 to 1. */
  readonly reload_share: number;
  readonly within_s: number;
}

/** A break: from `at_s` on, all who watch ask for its pod, each at a moment of their own within `spread_s`. */
export interface Spike {
  readonly at_s: number;
  readonly spread_s: number;
  readonly length_s: number;
  readonly brk: string;
}

/** What `tifo rehearse` asks of a generator. Times are seconds from the beginning. */
export interface Plan {
  readonly scenario: string;
  readonly target: string;
  readonly event: string;
  /** Accounts are named by this and their number. */
  readonly prefix: string;
  /**
   * Whether viewers log in at the laptop's own issuer; else they take a line of the tokens' file: an access token,
   * or a playback token where sessions are left out.
   */
  readonly login: boolean;
  /** How many viewers arrive in each second; they come when they come, whatever the answers. */
  readonly arrivals_per_s: readonly number[];
  readonly goals: readonly Goal[];
  readonly spikes: readonly Spike[];
  /** From here to the whistle all of them watch. */
  readonly plateau_at_s: number;
  /** The final whistle: from here on everybody leaves, within `whistle_s`. */
  readonly whistle_at_s: number;
  readonly whistle_s: number;
  /** The part of those who leave without a word, 0 to 1. */
  readonly silent_share: number;
  readonly without: readonly ("calendar" | "playlist" | "steering" | "sessions")[];
  /** The scenario's own parts of the viewers, 0 to 1. */
  readonly shares: Readonly<Record<string, number>>;
  /** Virtual users of k6, each with a part of the crowd. */
  readonly shards: number;
  /** Requests without an answer, of all shards, past which nobody arrives any more. */
  readonly open_requests_max: number;
  /** Seconds until one request is given up. */
  readonly request_s_max: number;
  /** Seconds inside which a pod must be there. */
  readonly pod_s_max: number;
}

/** When the last viewer has left and every answer must be there, in milliseconds. */
export function endsAtMs(plan: Plan): number {
  return (plan.whistle_at_s + plan.whistle_s + plan.request_s_max) * 1000;
}

/**
 * Which of a row of viewers makes up `share` of them: the first one, and from there on evenly. `among` is how many
 * before `number` were chosen.
 */
export function chosen(share: number, number: number): { readonly is: boolean; readonly among: number } {
  const among = Math.ceil(number * share);
  return { is: Math.ceil((number + 1) * share) > among, among };
}

/** The numbers, counted through the whole crowd, of those who arrive in second `second` and belong to `shard`. */
export function* arrivalsOf(plan: Plan, shard: number, second: number, before: number): Generator<number> {
  const past = before + (plan.arrivals_per_s[second] ?? 0);
  const skipped = (((shard - before) % plan.shards) + plan.shards) % plan.shards;
  for (let number = before + skipped; number < past; number += plan.shards) yield number;
}
