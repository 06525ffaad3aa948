import { MediaPlayer, type MediaPlayerClass } from "dashjs";
import type { AddressBook } from "./addresses.ts";
import { bufferedAhead, type MatchPlayer, type Picture, type PlayerEvents } from "./match-player.ts";
import type { Recovery } from "./recovery.ts";

/** Seconds behind live that dash.js aims at: what hls.js holds of three segments of 2 s and what it takes to get them. */
const LIVE_DELAY_S = 8;

/** How often CMCD time-interval events go out, in seconds. */
const CMCD_INTERVAL_S = 10;

/** What a CMCD record says; dash.js says nothing that is not on the list, not even whose record it is. */
const CMCD_KEYS = ["br", "bl", "bs", "cid", "e", "ec", "msd", "mtp", "pr", "sf", "sid", "sn", "st", "sta", "tb", "ts", "v"];

/** What dash.js calls the answer of the steering server; its types do not know it. */
const STEERED = "contentSteeringRequestCompleted";

interface Steered {
  readonly currentSteeringResponseData?: { readonly pathwayPriority?: readonly string[] };
}

/** How long a failing address is tried again before the next pathway's is: together less than the buffer holds. */
const RETRIES = 1;
const RETRY_MS = 250;

/**
 * The MPD of an origin elsewhere may have to be read again every few seconds, and dash.js ends the playback when that
 * fails for good: together longer than any of our processes takes to come back.
 */
const MPD_RETRIES = 20;
const MPD_RETRY_MS = 1_000;

/** dash.js on one video element, for one session. A DASH match has no ads in it. */
export class DashPlayer implements MatchPlayer {
  private readonly dash: MediaPlayerClass = MediaPlayer().create();
  private pathway = "";
  private known: readonly string[] = [];
  private steeredAt: number | null = null;

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly eventId: string,
    private readonly session: string,
    private readonly book: AddressBook,
    private readonly recovery: Recovery,
    private readonly on: PlayerEvents,
  ) {
    this.listen();
    this.configure();
    this.renew();
  }

  play(url: string): void {
    this.dash.initialize(this.video, url, true);
  }

  destroy(): void {
    this.dash.destroy();
  }

  tick(): void {
    // Nothing goes by the position: there are no ads to track.
  }

  get picture(): Picture {
    const ready = this.dash.isReady();
    const shown = ready ? this.dash.getCurrentRepresentationForType("video") : null;
    return {
      pathway: this.pathway,
      pathways: this.known,
      steeredAt: this.steeredAt,
      latencyS: positive(ready ? this.dash.getCurrentLiveLatency() : 0),
      bufferS: bufferedAhead(this.video),
      throughput: positive(ready ? this.dash.getAverageThroughput("video") * 1000 : 0),
      height: shown?.height || null,
      bitrate: shown?.bandwidth || null,
      ad: null,
    };
  }

  private configure(): void {
    this.dash.updateSettings({
      streaming: {
        applyContentSteering: true,
        delay: { liveDelay: LIVE_DELAY_S },
        retryAttempts: { MediaSegment: RETRIES, InitializationSegment: RETRIES, MPD: MPD_RETRIES },
        retryIntervals: { MediaSegment: RETRY_MS, InitializationSegment: RETRY_MS, MPD: MPD_RETRY_MS },
        cmcd: {
          enabled: true,
          version: 2,
          sid: this.session,
          cid: this.eventId,
          // No keys on media requests: a query of one's own on each segment would make every CDN cache useless.
          // One kind must be named, or dash.js reports nothing; the steering manifest is nobody's to cache.
          includeInRequests: ["steering"],
          eventTargets: [
            { enabled: true, url: "/v1/cmcd", events: ["ps", "e", "t"], interval: CMCD_INTERVAL_S, enabledKeys: CMCD_KEYS },
          ],
        },
      },
    });
  }

  private renew(): void {
    // The addresses of the MPD stay as they were; each request leaves with the newest.
    this.dash.addRequestInterceptor(async (request) => {
      request.url = await this.book.fresh(request.url);
      return request;
    });
  }

  private listen(): void {
    const { dash } = this;
    const events = MediaPlayer.events;
    dash.on(events.FRAGMENT_LOADING_COMPLETED, ({ request, response }) => {
      if (response && request.mediaType === "video" && request.serviceLocation) this.carriedBy(request.serviceLocation);
    });
    dash.on(STEERED, (told: Steered) => {
      this.steeredAt = Date.now();
      this.known = told.currentSteeringResponseData?.pathwayPriority ?? this.known;
    });
    dash.on(events.PLAYBACK_NOT_ALLOWED, () => this.on.blocked());
    dash.on(events.ERROR, ({ error }) => this.onError(String(error)));
  }

  private carriedBy(pathway: string): void {
    if (pathway === this.pathway) return;
    this.pathway = pathway;
    this.on.pathway(pathway);
  }

  private onError(details: string): void {
    this.on.error(details);
    const remedy = this.recovery.next(false);
    this.on.lost(remedy.kind === "rebuild" ? remedy.waitMs : null);
  }
}

function positive(value: number): number | null {
  return Number.isFinite(value) && value > 0 ? value : null;
}
