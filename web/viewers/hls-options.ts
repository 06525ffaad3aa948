import type { HlsConfig, LoadPolicy } from "hls.js";
import type { AddressBook } from "./addresses.ts";
import { type PathwayLog, reportSender } from "./cmcd.ts";

/** How often CMCD time-interval events go out, in seconds. */
const CMCD_INTERVAL_S = 10;

type Retries = Exclude<LoadPolicy["default"]["errorRetry"], null>;

function policy(firstByteMs: number, loadMs: number, retries: number, retryDelayMs: number): LoadPolicy {
  const errorRetry: Retries = { maxNumRetry: retries, retryDelayMs, maxRetryDelayMs: retryDelayMs * 4 };
  // A time-out is never tried again on the same pathway: each try would cost its whole length once more.
  return { default: { maxTimeToFirstByteMs: firstByteMs, maxLoadTimeMs: loadMs, timeoutRetry: null, errorRetry } };
}

/**
 * The options of hls.js for a live match with 2 s segments on several pathways.
 *
 * hls.js leaves a pathway only after every level of it has failed, and by default it first retries each for tens of
 * seconds. The viewer holds about 6 s of pictures, so all tries on a dead CDN together must fit into that.
 */
export function hlsOptions(eventId: string, session: string, book: AddressBook, pathways: PathwayLog): Partial<HlsConfig> {
  return {
    // hls.js never changes a variant's address by itself; what a playlist names by relative ones follows.
    xhrSetup: async (xhr, url) => {
      const fresh = await book.fresh(url);
      if (fresh !== url) xhr.open("GET", fresh, true);
    },
    playlistLoadPolicy: policy(2_000, 5_000, 1, 250),
    fragLoadPolicy: policy(2_500, 8_000, 1, 250),
    // The multivariant playlist and the steering manifest come from Tifo itself, not from a CDN.
    manifestLoadPolicy: policy(6_000, 10_000, 4, 500),
    steeringManifestLoadPolicy: policy(4_000, 6_000, 0, 1_000),
    interstitialAssetListLoadPolicy: policy(2_500, 4_000, 1, 300),
    liveSyncDurationCount: 3,
    // After stalls the player may trail; beyond this it jumps to the live edge rather than show old pictures.
    liveMaxLatencyDurationCount: 12,
    maxBufferLength: 20,
    backBufferLength: 30,
    lowLatencyMode: false,
    // The channel is fragmented MP4: there is nothing to transmux, so a worker would only copy bytes.
    enableWorker: false,
    // House ads carry picture and sound in one track, the match in two: source buffers cannot be shared.
    interstitialAppendInPlace: false,
    cmcd: {
      version: 2,
      sessionId: session,
      contentId: eventId,
      // No keys on media requests: a query of one's own on each segment would make every CDN cache useless.
      includeKeys: [],
      eventTargets: [{ url: "/v1/cmcd", events: ["ps", "bc", "e", "t"], interval: CMCD_INTERVAL_S }],
      loader: reportSender(eventId, pathways, Date.now),
    },
  };
}
