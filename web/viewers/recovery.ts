import { backoffMs, type Random } from "../shared/backoff.ts";

/** Fatal errors within this many milliseconds count together. */
const WINDOW_MS = 600_000;

/** Fatal errors in that window after which the player gives up. */
const FATALS_MAX = 24;

/** A second media error within this many milliseconds means that flushing the decoder did not help. */
const MEDIA_AGAIN_MS = 8_000;

/** The first and the longest wait before a player is built anew, in milliseconds. */
const REBUILD_MS = 500;
const REBUILD_MS_MAX = 30_000;

export type Remedy = { readonly kind: "flush" } | { readonly kind: "rebuild"; readonly waitMs: number } | { readonly kind: "give-up" };

/**
 * What to do about a fatal error of the player. hls.js has left every pathway it could before it calls an error fatal,
 * so the remedies are: flush the decoder (media errors), build the player anew, and after `FATALS_MAX` give up.
 */
export class Recovery {
  private fatals: number[] = [];
  private flushedAt = -Infinity;

  constructor(
    private readonly now: () => number,
    private readonly random: Random,
  ) {}

  next(isMediaError: boolean): Remedy {
    const now = this.now();
    this.fatals = this.fatals.filter((at) => at > now - WINDOW_MS);
    this.fatals.push(now);
    if (this.fatals.length > FATALS_MAX) return { kind: "give-up" };
    if (isMediaError && now - this.flushedAt > MEDIA_AGAIN_MS) {
      this.flushedAt = now;
      return { kind: "flush" };
    }
    return { kind: "rebuild", waitMs: backoffMs(this.fatals.length - 1, REBUILD_MS, REBUILD_MS_MAX, this.random) };
  }
}
