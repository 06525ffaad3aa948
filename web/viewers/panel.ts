import { byId, make, setText } from "../shared/dom.ts";
import { bitrate, duration, UNKNOWN } from "../shared/format.ts";
import type { Started } from "./api.ts";
import type { AdNow, Picture } from "./match-player.ts";

const data = document.documentElement.dataset;
const at = (id: string): HTMLElement => byId(id, HTMLElement);

/** The facts beside the pictures. What tests and operators read stands in `<html data-...>` too. */
export class Panel {
  private moves = 0;
  private errors = 0;
  private chips = "";
  private beatAt: number | null = null;
  private failures = 0;
  private renewals = 0;
  private renewedAt: number | null = null;

  session(started: Started): void {
    data["session"] = started.session;
    this.renewedAt = null;
    setText(at("session"), started.session);
    setText(at("streams"), `${started.streams.used} of ${started.streams.limit}`);
    this.heartbeat(0);
  }

  /** A heartbeat was answered (0), or has failed this many times in a row. */
  heartbeat(failures: number): void {
    this.failures = failures;
    if (failures === 0) this.beatAt = Date.now();
  }

  /** The addresses of the pictures are new. */
  renewed(): void {
    this.renewals += 1;
    this.renewedAt = Date.now();
    data["renewals"] = String(this.renewals);
  }

  pathway(pathway: string): void {
    const former = data["pathway"];
    if (former && former !== pathway) this.moves += 1;
    data["pathway"] = pathway;
    data["moves"] = String(this.moves);
    setText(at("pathway"), pathway);
    setText(at("moves"), String(this.moves));
  }

  error(): void {
    this.errors += 1;
    data["errors"] = String(this.errors);
    setText(at("errors"), String(this.errors));
  }

  ad(creative: string): void {
    data["ad"] = creative;
    if (creative) at("beacons").replaceChildren();
  }

  beacon(type: string): void {
    at("beacons").append(make("li", {}, type));
  }

  /** The picture of this moment; null when nothing plays. */
  update(picture: Picture | null): void {
    setText(at("latency"), picture?.latencyS ? `${picture.latencyS.toFixed(1)} s` : UNKNOWN);
    setText(at("buffer"), picture ? `${picture.bufferS.toFixed(1)} s` : UNKNOWN);
    setText(at("throughput"), picture?.throughput ? bitrate(picture.throughput) : UNKNOWN);
    setText(at("rendition"), rendition(picture));
    setText(at("steered"), ago(picture?.steeredAt ?? null));
    setText(at("heartbeat"), this.failures ? `no answer (${this.failures})` : ago(this.beatAt));
    setText(at("addresses"), this.renewedAt === null ? UNKNOWN : `renewed ${ago(this.renewedAt)}`);
    this.showPathways(picture?.pathways ?? [], picture?.pathway ?? "");
    this.showAd(picture?.ad ?? null);
  }

  private showPathways(pathways: readonly string[], current: string): void {
    const chips = `${current}:${pathways.join()}`;
    if (chips === this.chips) return;
    this.chips = chips;
    at("pathways").replaceChildren(...pathways.map((id) => make("li", { "aria-current": String(id === current) }, id)));
  }

  private showAd(ad: AdNow | null): void {
    const words = ad ? `${ad.creative} · ${ad.place} of ${ad.of} · ${Math.ceil(ad.leftS)} s left` : "None running";
    setText(at("ad"), words);
    at("ad-flag").hidden = ad === null;
    if (ad) setText(at("ad-flag"), `Ad ${ad.place} of ${ad.of} · ${Math.ceil(ad.leftS)} s`);
    const bar = at("ad-bar");
    bar.hidden = ad === null;
    if (ad && bar.firstElementChild instanceof HTMLElement) {
      bar.firstElementChild.style.width = `${Math.round(ad.played * 100)}%`;
    }
  }
}

function rendition(picture: Picture | null): string {
  if (!picture?.height || !picture.bitrate) return UNKNOWN;
  return `${picture.height}p · ${bitrate(picture.bitrate)}`;
}

function ago(at: number | null): string {
  return at === null ? UNKNOWN : `${duration((Date.now() - at) / 1000)} ago`;
}
