import type { Playback } from "../k6/api.ts";
import { chosen } from "../k6/plan.ts";
import { steer } from "../k6/steering.ts";
import type { Visit } from "../k6/viewer.ts";
import { type Presentation, readMpd, readPlaylist } from "./presentations.ts";
import { asDash, asHls } from "./reports.ts";

/** What a player may measure of its connection, in bits a second. */
const THROUGHPUT_BPS_MIN = 2_000_000;
const THROUGHPUT_BPS_MAX = 30_000_000;

/** Plays HLS or DASH by the plan's share of the players. */
export async function player(visit: Visit, playback: Playback): Promise<void> {
  const { api, plan } = visit.world;
  const dash = chosen(plan.shares["dash"] ?? 0, visit.number);
  const among = dash.is ? dash.among : visit.number - dash.among;
  const answer = await (dash.is ? api.document("mpd", playback.dash) : api.document("playlist", playback.hls));
  if (answer.status !== 200) return;
  const sampled = chosen(plan.shares["segments"] ?? 0, among).is;
  const presentation = (dash.is ? readMpd : readPlaylist)(answer.body, sampled);
  const playing = dash.is ? new Dash(visit, presentation) : new Hls(visit, presentation);
  visit.act(steer(visit, presentation.steering, playing));
}

/** A player that stays on the first pathway it is told and has, and asks there where it is one of the sample. */
abstract class Player {
  protected pathway: string;
  private readonly random: () => number;

  constructor(
    protected readonly visit: Visit,
    protected readonly presentation: Presentation,
  ) {
    this.pathway = presentation.pathways[0] ?? "";
    this.random = visit.world.random;
  }

  abstract asks(url: string): string;

  hears(manifest: { readonly "PATHWAY-PRIORITY"?: readonly string[] }): void {
    const told = manifest["PATHWAY-PRIORITY"]?.find((one) => this.presentation.pathways.includes(one));
    if (told) this.moves(told);
    const address = this.presentation.addresses.get(this.pathway);
    if (address) this.visit.act(this.loads(address));
  }

  protected moves(to: string): void {
    this.pathway = to;
  }

  protected abstract loads(address: string): Promise<unknown>;

  protected throughputBps(): number {
    return Math.round(THROUGHPUT_BPS_MIN + this.random() * (THROUGHPUT_BPS_MAX - THROUGHPUT_BPS_MIN));
  }
}

class Hls extends Player {
  asks(url: string): string {
    return asHls(url, this.pathway, this.throughputBps());
  }

  /** The media playlist and its newest segment, which has no token of its own where that is in the query. */
  protected async loads(address: string): Promise<void> {
    const { api } = this.visit.world;
    const playlist = await api.media("media_playlist", address);
    if (playlist.status !== 200 || address.includes("?")) return;
    const newest = playlist.body.trimEnd().split("\n").at(-1) ?? "";
    await api.media("segment", address.slice(0, address.lastIndexOf("/") + 1) + newest);
  }
}

class Dash extends Player {
  /** The pathways since the last question. */
  private used = [this.pathway];

  asks(url: string): string {
    const used = this.used;
    this.used = [this.pathway];
    return asDash(url, used, used.map(() => this.throughputBps()));
  }

  protected override moves(to: string): void {
    if (to !== this.pathway) this.used.push(to);
    this.pathway = to;
  }

  protected loads(address: string): Promise<unknown> {
    return this.visit.world.api.media("segment", this.presentation.segmentAt(address, Date.now()));
  }
}
