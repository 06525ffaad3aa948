import Hls, {
  ErrorTypes,
  Events,
  type AssetListJSON,
  type ErrorData,
  type InterstitialAssetErrorData,
  type InterstitialAssetStartedData,
  type Level,
} from "hls.js";
import type { AddressBook } from "./addresses.ts";
import { Beacons, creativeOf, LINEAR_ERROR, type Creative } from "./ads.ts";
import { PathwayLog } from "./cmcd.ts";
import { hlsOptions } from "./hls-options.ts";
import { type AdNow, bufferedAhead, type MatchPlayer, type Picture, type PlayerEvents } from "./match-player.ts";
import { Preloads } from "./preload.ts";
import { Recovery } from "./recovery.ts";

interface RunningAd {
  readonly creative: Creative;
  readonly data: InterstitialAssetStartedData;
  /** Where playback of it began, in seconds: past 0 for who joins in the middle. */
  readonly from: number;
}

/** hls.js on one video element, for one session. Its CMCD, its steering, its ads and its errors. */
export class HlsPlayer implements MatchPlayer {
  private readonly hls: Hls;
  private readonly pathways = new PathwayLog();
  private readonly preloads = new Preloads(Math.random, Hls.DefaultConfig.interstitialLiveLookAhead);
  private pathway = "";
  private known: readonly string[] = [];
  private steeredAt: number | null = null;
  private running: RunningAd | null = null;

  constructor(
    private readonly video: HTMLVideoElement,
    eventId: string,
    session: string,
    book: AddressBook,
    private readonly beacons: Beacons,
    private readonly recovery: Recovery,
    private readonly on: PlayerEvents,
  ) {
    this.hls = new Hls(hlsOptions(eventId, session, book, this.pathways));
    this.listen();
  }

  /** Whether this browser can play at all: hls.js needs Media Source Extensions. */
  static get isSupported(): boolean {
    return Hls.isSupported();
  }

  play(url: string): void {
    this.hls.loadSource(url);
    this.hls.attachMedia(this.video);
    this.video.play().catch((error: unknown) => {
      if (error instanceof DOMException && error.name === "NotAllowedError") this.on.blocked();
    });
  }

  destroy(): void {
    this.hls.destroy();
    this.endAd();
  }

  /** The tracking of the ad on screen goes by its position; call a few times a second. */
  tick(): void {
    if (!this.running) return;
    const { creative, data, from } = this.running;
    this.beacons.reached(creative, from, data.player.currentTime);
  }

  get picture(): Picture {
    const hls = this.hls;
    const level = hls.levels[hls.currentLevel] ?? hls.loadLevelObj;
    const inMatch = hls.media !== null && this.pathway !== "" && this.video.readyState >= this.video.HAVE_CURRENT_DATA;
    return {
      pathway: this.pathway,
      pathways: this.known,
      steeredAt: this.steeredAt,
      latencyS: inMatch && hls.latency > 0 ? hls.latency : null,
      bufferS: bufferedAhead(this.video),
      throughput: Number.isFinite(hls.bandwidthEstimate) ? hls.bandwidthEstimate : null,
      height: level?.height || null,
      bitrate: level?.bitrate || null,
      ad: this.adNow(),
    };
  }

  private listen(): void {
    const hls = this.hls;
    hls.on(Events.MANIFEST_LOADED, (_, data) => {
      const ids = data.levels.map((level) => level.attrs?.["PATHWAY-ID"] ?? ".");
      this.known = [...new Set(ids)];
    });
    hls.on(Events.LEVEL_UPDATED, (_, { details }) => {
      const edge = details.fragments.at(-1)?.endProgramDateTime ?? Date.now();
      hls.config.interstitialLiveLookAhead = this.preloads.lookAheadS(details.dateRanges, edge);
    });
    hls.on(Events.FRAG_LOADED, (_, data) => {
      if (data.frag.type === "main") this.carriedBy(hls.levels[data.frag.level]);
    });
    hls.on(Events.STEERING_MANIFEST_LOADED, (_, data) => {
      this.steeredAt = Date.now();
      this.known = data.steeringManifest["PATHWAY-PRIORITY"];
    });
    hls.on(Events.INTERSTITIAL_ASSET_STARTED, (_, data) => this.beginAd(data));
    hls.on(Events.INTERSTITIAL_ASSET_ENDED, () => this.endAd());
    hls.on(Events.INTERSTITIAL_ASSET_ERROR, (_, data) => this.onAdError(data));
    hls.on(Events.INTERSTITIAL_ENDED, () => this.endAd());
    hls.on(Events.ERROR, (_, data) => this.onError(data));
  }

  private carriedBy(level: Level | undefined): void {
    if (!level || level.pathwayId === this.pathway) return;
    this.pathway = level.pathwayId;
    this.pathways.add(Date.now(), this.pathway);
    this.on.pathway(this.pathway);
  }

  private beginAd(data: InterstitialAssetStartedData): void {
    this.endAd();
    const creative = creativeOf(assetOf(data.event.assetListResponse, data.assetListIndex)) ?? unsigned(data);
    this.running = { creative, data, from: startOf(data) };
    this.on.ad(creative.id);
    this.tick();
  }

  private endAd(): void {
    if (!this.running) return;
    const { creative, data, from } = this.running;
    this.running = null;
    this.beacons.stopped(creative, from, data.player.currentTime);
    this.on.ad("");
  }

  private adNow(): AdNow | null {
    if (!this.running) return null;
    const { creative, data } = this.running;
    const position = Math.min(data.player.currentTime, creative.duration);
    return {
      creative: creative.id,
      place: data.assetListIndex + 1,
      of: data.event.assetList.length,
      leftS: creative.duration - position,
      played: creative.duration > 0 ? position / creative.duration : 0,
    };
  }

  /** hls.js goes on with the next ad, or waits until the match comes back: it does not rejoin the match before that. */
  private onAdError(data: InterstitialAssetErrorData): void {
    this.on.error(data.details);
    if (!data.fatal) return;
    const failed = creativeOf(assetOf(data.event.assetListResponse, data.assetListIndex));
    if (failed) this.beacons.failed(failed, LINEAR_ERROR);
    if (data.asset?.identifier === this.running?.data.asset.identifier) this.endAd();
    this.on.adFailed();
  }

  private onError(data: ErrorData): void {
    this.on.error(data.details);
    if (!data.fatal) return;
    const remedy = this.recovery.next(data.type === ErrorTypes.MEDIA_ERROR);
    if (remedy.kind === "flush") this.hls.recoverMediaError();
    else this.on.lost(remedy.kind === "rebuild" ? remedy.waitMs : null);
  }
}

function assetOf(list: AssetListJSON | null, index: number): unknown {
  const assets: readonly unknown[] = list?.ASSETS ?? [];
  return assets[index];
}

/** Where in the asset this player starts; hls.js sets it for who joins while the break runs. */
function startOf(data: InterstitialAssetStartedData): number {
  return Math.max(0, data.player.hls?.config.startPosition ?? 0);
}

/** An ad whose list says nothing about it: named by its folder, tracked by nobody. */
function unsigned(data: InterstitialAssetStartedData): Creative {
  const id = new URL(data.asset.uri, location.href).pathname.split("/").at(-2) ?? "";
  return { id, duration: data.asset.duration ?? 0, tracking: [], errors: [] };
}
