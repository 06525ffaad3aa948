/** One tracking point of a creative: fire every address once the creative has played `offset` seconds. */
export interface Tracking {
  readonly type: string;
  readonly offset: number;
  readonly urls: readonly string[];
}

/** What an asset list says about one ad (X-AD-CREATIVE-SIGNALING). */
export interface Creative {
  readonly id: string;
  readonly duration: number;
  readonly tracking: readonly Tracking[];
  /** Where to tell that it could not be played, with a macro in place of VAST's number of the error. */
  readonly errors: readonly string[];
}

/** VAST's number for an ad that could not be played (VAST 4.3, section 2.3.6.3). */
export const LINEAR_ERROR = 400;

const ERROR_CODE = "[ERRORCODE]";

/** Addresses remembered as fired; far more than one evening's breaks hold. */
const FIRED_MAX = 2_000;

/** An ad that stops this close to its end has been seen to its end, in seconds. */
const COMPLETE_SLACK_S = 0.75;

/** Playback that begins this little after a tracking point has still begun before it, in seconds. */
const JOIN_SLACK_S = 0.25;

type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json => typeof value === "object" && value !== null;
const listOf = (value: unknown): readonly Json[] => (Array.isArray(value) ? value.filter(isObject) : []);
const numberOf = (value: unknown): number => (typeof value === "number" && Number.isFinite(value) ? value : 0);

/** The creative of one asset of a list; null when the asset carries no signalling. Foreign input: nothing is trusted. */
export function creativeOf(asset: unknown): Creative | null {
  if (!isObject(asset)) return null;
  const signaling = asset["X-AD-CREATIVE-SIGNALING"];
  const linear = isObject(signaling) ? listOf(signaling["payload"]).find((p) => p["type"] === "linear") : undefined;
  if (!linear) return null;
  // A point without an offset is not reached by playing on: it happens, or it does not.
  const points = listOf(linear["tracking"]);
  const identifier = listOf(linear["identifiers"])[0]?.["value"];
  return {
    id: typeof identifier === "string" ? identifier : "",
    duration: numberOf(linear["duration"]) || numberOf(asset["DURATION"]),
    tracking: points.filter((t) => typeof t["offset"] === "number").map((t) => trackingOf(t, numberOf(linear["start"]))),
    errors: points.filter((t) => t["type"] === "error").flatMap((t) => trackingOf(t, 0).urls),
  };
}

function trackingOf(point: Json, start: number): Tracking {
  const urls: readonly unknown[] = Array.isArray(point["urls"]) ? point["urls"] : [];
  return {
    type: typeof point["type"] === "string" ? point["type"] : "",
    offset: start + numberOf(point["offset"]),
    urls: urls.filter((url): url is string => typeof url === "string" && /^https?:/.test(url)),
  };
}

/** Fires tracking addresses, each at most once in the life of the page. */
export class Beacons {
  private readonly seen = new Set<string>();

  constructor(private readonly fire: (url: string, type: string) => void) {}

  /**
   * The creative has played from `from` to `position`, in seconds. Who joined a break in the middle has not seen the
   * quartiles before that; the impression counts whenever the ad comes on screen.
   */
  reached(creative: Creative, from: number, position: number): void {
    for (const point of creative.tracking) {
      const seen = point.offset >= from - JOIN_SLACK_S || point.type === "impression";
      if (seen && point.offset <= position) for (const url of point.urls) this.fireOnce(url, point.type);
    }
  }

  /** The creative stopped at `position` seconds; at its end, what is due there is due now. */
  stopped(creative: Creative, from: number, position: number): void {
    const toTheEnd = position >= creative.duration - COMPLETE_SLACK_S;
    this.reached(creative, from, toTheEnd ? creative.duration : position);
  }

  /** The creative could not be played, or not to its end. */
  failed(creative: Creative, code: number): void {
    for (const url of creative.errors) this.fireOnce(url.replace(ERROR_CODE, String(code)), "error");
  }

  private fireOnce(url: string, type: string): void {
    if (this.seen.has(url) || this.seen.size >= FIRED_MAX) return;
    this.seen.add(url);
    this.fire(url, type);
  }
}
