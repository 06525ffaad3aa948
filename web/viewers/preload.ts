/** The class of date ranges that say in which time to fetch what another one names (RFC 8216bis, appendix F). */
const PRELOAD = "com.apple.hls.preload";

/** A date range of a playlist, as hls.js reads it; `duration` is in seconds. */
export interface Range {
  readonly id: string;
  readonly class: string;
  readonly startDate: Date;
  readonly duration: number | null;
  readonly attr: Readonly<Record<string, unknown>>;
}

type Ranges = Readonly<Record<string, Range | undefined>>;

/**
 * When this player asks for the ads of a break: at a moment of its own, within the time that the playlist gives.
 *
 * hls.js does not read preload ranges: it asks as soon as a break is nearer to the live edge than its look-ahead, which
 * is the same for everybody. So each viewer has a look-ahead that is drawn anew for each break.
 */
export class Preloads {
  private drawn = new Map<string, number>();

  /** `random` is from 0 to 1; `usualS` is the look-ahead, in seconds, where no playlist says anything. */
  constructor(
    private readonly random: () => number,
    private readonly usualS: number,
  ) {}

  /** The look-ahead for the next break after `edgeMs`, the instant at the live edge. */
  lookAheadS(ranges: Ranges, edgeMs: number): number {
    const drawn = new Map<string, number>();
    let [next, lookAhead] = [Infinity, this.usualS];
    for (const range of Object.values(ranges)) {
      const startMs = range ? targetOf(range, ranges) : null;
      if (!range || startMs === null) continue;
      const own = this.drawn.get(range.id) ?? (startMs - range.startDate.getTime()) / 1000 - this.random() * (range.duration ?? 0);
      drawn.set(range.id, own);
      if (startMs > edgeMs && startMs < next) [next, lookAhead] = [startMs, own];
    }
    // Those that have left the playlist are forgotten.
    this.drawn = drawn;
    return lookAhead;
  }
}

/** The instant at which the target of a preload range begins; null for any other range. */
function targetOf(range: Range, ranges: Ranges): number | null {
  if (range.class !== PRELOAD) return null;
  const target = ranges[String(range.attr["X-TARGET-ID"])];
  return target ? target.startDate.getTime() : null;
}
