/** The ad on screen: its place in the break and how long it still runs. */
export interface AdNow {
  readonly creative: string;
  readonly place: number;
  readonly of: number;
  readonly leftS: number;
  /** How much of it has played, 0 to 1. */
  readonly played: number;
}

/** What the panel shows; a number is null while it is not known. */
export interface Picture {
  readonly pathway: string;
  readonly pathways: readonly string[];
  readonly steeredAt: number | null;
  readonly latencyS: number | null;
  readonly bufferS: number;
  readonly throughput: number | null;
  readonly height: number | null;
  readonly bitrate: number | null;
  readonly ad: AdNow | null;
}

export interface PlayerEvents {
  /** From now on this CDN carries the match. */
  pathway(pathway: string): void;
  /** An ad begins, goes on or is over (empty). */
  ad(creative: string): void;
  /** An ad could not be fetched. */
  adFailed(): void;
  /** The browser does not start by itself: the viewer must press play. */
  blocked(): void;
  /** The player met an error; it survives most of them. */
  error(details: string): void;
  /** This player is finished: build another after `waitMs`, or tell the viewer (null). */
  lost(waitMs: number | null): void;
}

/** What plays the match on one video element, for one session. */
export interface MatchPlayer {
  play(url: string): void;
  destroy(): void;
  /** What goes by the position; call a few times a second. */
  tick(): void;
  readonly picture: Picture;
}

/** Seconds of pictures held ahead of the playhead. */
export function bufferedAhead(video: HTMLVideoElement): number {
  const { buffered, currentTime } = video;
  for (let i = 0; i < buffered.length; i += 1) {
    if (buffered.start(i) <= currentTime + 0.1 && buffered.end(i) > currentTime) return buffered.end(i) - currentTime;
  }
  return 0;
}
