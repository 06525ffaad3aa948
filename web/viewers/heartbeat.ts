import { backoffMs, pause, type Random } from "../shared/backoff.ts";
import { Problem } from "../shared/http.ts";
import type { Renewed } from "./api.ts";

/** The first wait after a heartbeat that got no good answer, in milliseconds. */
const RETRY_MS = 1_000;

/** Heartbeats go out up to this part of their period early, so that a crowd that started together spreads. */
const EARLY_SHARE = 0.1;

/** Why a session is over for good: the server's code and its own words. */
export interface Verdict {
  readonly code: string;
  readonly detail: string;
}

/** The server's last word on a session, or null for an answer that says nothing about it (it is down, or busy). */
export function verdictOf(error: unknown): Verdict | null {
  if (!(error instanceof Problem)) return null;
  if (error.status === 401) return { code: "bad-token", detail: error.detail };
  if (error.status === 410) return { code: error.code || "ended", detail: error.detail };
  return null;
}

/** How long to wait after failure number `failures` (from 1), in milliseconds; never longer than the period itself. */
export function retryMs(error: unknown, failures: number, periodMs: number, random: Random): number {
  const own = backoffMs(failures - 1, RETRY_MS, periodMs, random);
  const asked = error instanceof Problem ? (error.retryAfterS ?? 0) * 1000 : 0;
  return Math.max(own, asked);
}

/** How long to wait after a good heartbeat, in milliseconds. */
export function periodMs(heartbeatS: number, random: Random): number {
  return heartbeatS * 1000 * (1 - EARLY_SHARE * random());
}

/**
 * Renews a session until the server says that it is over, and returns that verdict.
 *
 * No failure of the network or of the server ends the loop: who is watching goes on watching.
 * Rejects only when `signal` aborts.
 */
export async function keepAlive(
  heartbeatS: number,
  beat: () => Promise<Renewed>,
  onBeat: (failures: number) => void,
  signal: AbortSignal,
  random: Random,
): Promise<Verdict> {
  let everyS = heartbeatS;
  let failures = 0;
  let waitMs = periodMs(everyS, random);
  for (;;) {
    await pause(waitMs, signal);
    try {
      everyS = (await beat()).heartbeat_s;
      failures = 0;
      waitMs = periodMs(everyS, random);
    } catch (error) {
      const verdict = verdictOf(error);
      if (verdict) return verdict;
      failures += 1;
      waitMs = retryMs(error, failures, everyS * 1000, random);
    }
    signal.throwIfAborted();
    onBeat(failures);
  }
}
