import { backoffMs, pause } from "../shared/backoff.ts";
import { byId, setText } from "../shared/dom.ts";
import { inWords, Problem, Unreachable } from "../shared/http.ts";
import { AddressBook, type Addresses } from "./addresses.ts";
import { Beacons } from "./ads.ts";
import * as api from "./api.ts";
import { thisDevice } from "./device.ts";
import { Grace } from "./grace.ts";
import { keepAlive, type Verdict } from "./heartbeat.ts";
import { Panel } from "./panel.ts";
import { HlsPlayer } from "./hls.ts";
import type { MatchPlayer, PlayerEvents } from "./match-player.ts";
import { Recovery } from "./recovery.ts";
import { renewAddresses } from "./renewal.ts";
import { Stage } from "./stage.ts";

/** How often the panel is brought up to date and ads' tracking is checked, in milliseconds. */
const TICK_MS = 250;

/** The latest moment after it starts at which the page says that it will come for breaks, in milliseconds. */
const PRESENT_MS_MAX = 30_000;

/** Tries to enter before the viewer is asked to press a button, and the waits between them in milliseconds. */
const ENTER_TRIES_MAX = 30;
const ENTER_MS = 1_000;
const ENTER_MS_MAX = 15_000;

const eventId = decodeURIComponent(location.pathname.split("/")[2] ?? "");
const query = new URLSearchParams(location.search);
const account = query.get("account") ?? "demo";

/** `?player=dash` plays the MPD with dash.js, which only then is fetched. */
const wantsDash = query.get("player") === "dash";

/** One try to watch: everything in it ends with `leaving`. */
interface Visit {
  readonly leaving: AbortController;
  started: api.Started | null;
  token: string;
  player: MatchPlayer | null;
}

class Watch {
  private readonly panel = new Panel();
  private readonly stage = new Stage({ again: () => this.again(), stop: () => this.stop() });
  private readonly device = thisDevice(sessionStorage);
  private readonly grace = new Grace(sessionStorage, account);
  private readonly beacons = new Beacons((url, type) => this.track(url, type));
  private recovery = new Recovery(Date.now, Math.random);
  private visit: Visit | null = null;
  private access = "";

  constructor() {
    const video = this.stage.video;
    video.addEventListener("playing", () => this.onPlaying());
    video.addEventListener("waiting", () => this.onWaiting());
    setInterval(() => this.tick(), TICK_MS);
  }

  async enter(takeover: api.Takeover | null): Promise<void> {
    this.leave();
    const visit: Visit = { leaving: new AbortController(), started: null, token: "", player: null };
    this.visit = visit;
    const { signal } = visit.leaving;
    try {
      const started = await this.start(takeover, signal);
      await this.play(visit, started);
      this.onVerdict(await this.keepAlive(visit, started));
    } catch (error) {
      if (!signal.aborted) this.onRefused(error);
    }
  }

  private again(): void {
    this.recovery = new Recovery(Date.now, Math.random);
    void this.enter(null);
  }

  private stop(): void {
    const visit = this.visit;
    this.leave();
    if (visit?.started) void api.end(visit.started.session, visit.token).catch(() => undefined);
    this.stage.show("ended", "You stopped watching.", "Watch again");
  }

  private leave(): void {
    this.visit?.leaving.abort();
    this.visit?.player?.destroy();
    this.visit = null;
  }

  /** Starts a session, again and again while nobody answers or the answer says when to come back. */
  private async start(takeover: api.Takeover | null, signal: AbortSignal): Promise<api.Started> {
    for (let tries = 0; ; tries += 1) {
      try {
        return await this.startOnce(takeover, signal);
      } catch (error) {
        signal.throwIfAborted();
        const waitMs = comeBackMs(error, tries);
        if (waitMs === null) throw error;
        await this.countDown(error, waitMs, signal);
      }
    }
  }

  private async startOnce(takeover: api.Takeover | null, signal: AbortSignal): Promise<api.Started> {
    if (!this.access) {
      this.stage.show("signing-in", "Signing in…");
      this.access = await this.grace.signIn(() => api.signIn(account));
      signal.throwIfAborted();
    }
    this.stage.show("starting", "Starting the match…");
    const enter = (token: string): Promise<api.Started> => api.start(token, eventId, this.device, takeover);
    const started = await this.grace.start(this.access, enter).catch((error: unknown) => {
      // The next try signs in anew, should the access token have run out.
      if (error instanceof Problem && error.status === 401) this.access = "";
      throw error;
    });
    signal.throwIfAborted();
    return started;
  }

  private async countDown(error: unknown, waitMs: number, signal: AbortSignal): Promise<void> {
    const until = Date.now() + waitMs;
    const state = error instanceof Problem ? "refused" : "error";
    for (let left = waitMs; left > 0; left = until - Date.now()) {
      this.stage.show(state, `${inWords(error)} Trying again in ${Math.ceil(left / 1000)} s.`, "Try now");
      await pause(Math.min(left, 1000), signal);
    }
  }

  private async play(visit: Visit, started: api.Started): Promise<void> {
    visit.started = started;
    visit.token = started.token;
    this.panel.session(started);
    const { hls, dash } = started.playback;
    // An origin elsewhere may offer only one of the two.
    const inDash = dash !== "" && (wantsDash || hls === "");
    const book = new AddressBook(Date.now);
    const player = await this.playerOf(inDash, started.session, book, this.eventsOf(visit));
    visit.leaving.signal.throwIfAborted();
    visit.player = player;
    player.play(`${inDash ? dash : hls}?renew=1`);
    this.renew(visit, started, book);
    if (!inDash) void this.tellPresent(visit, started.token);
  }

  /** Once, and at a moment of its own, for many start together. Without it the first break has house ads. */
  private async tellPresent(visit: Visit, token: string): Promise<void> {
    try {
      await pause(Math.random() * PRESENT_MS_MAX, visit.leaving.signal);
      await api.present(token);
    } catch {
      // The viewer left, or nobody answers: nothing that is watched depends on it.
    }
  }

  private async playerOf(inDash: boolean, session: string, book: AddressBook, events: PlayerEvents): Promise<MatchPlayer> {
    const { video } = this.stage;
    if (!inDash) return new HlsPlayer(video, eventId, session, book, this.beacons, this.recovery, events);
    const { DashPlayer } = await import("./dash.ts");
    return new DashPlayer(video, eventId, session, book, this.recovery, events);
  }

  /** Keeps the player's addresses new while the visit lasts; what becomes of the session the heartbeats say. */
  private renew(visit: Visit, started: api.Started, book: AddressBook): void {
    const ask = (): Promise<Addresses> => api.addresses(visit.token);
    const onRenewed = (): void => this.panel.renewed();
    const { signal } = visit.leaving;
    renewAddresses(book, started.playback.renew_s, ask, onRenewed, signal, Math.random).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }

  private eventsOf(visit: Visit): PlayerEvents {
    return {
      pathway: (pathway) => this.panel.pathway(pathway),
      ad: (creative) => this.panel.ad(creative),
      adFailed: () => this.stage.show("waiting", "This ad cannot be shown. The match is back in a moment."),
      error: () => this.panel.error(),
      blocked: () => this.stage.show("waiting", "Press play to start."),
      lost: (waitMs) => void this.onLost(visit, waitMs),
    };
  }

  private keepAlive(visit: Visit, started: api.Started): Promise<Verdict> {
    const beat = async (): Promise<api.Renewed> => {
      const renewed = await api.heartbeat(started.session, visit.token);
      visit.token = renewed.token ?? visit.token;
      return renewed;
    };
    const onBeat = (failures: number): void => this.panel.heartbeat(failures);
    return keepAlive(started.heartbeat_s, beat, onBeat, visit.leaving.signal, Math.random);
  }

  /** The player found no way on: a new one on the same session, or words. */
  private async onLost(visit: Visit, waitMs: number | null): Promise<void> {
    visit.player?.destroy();
    visit.player = null;
    if (waitMs === null) {
      this.leave();
      this.stage.show("error", "The pictures cannot be reached just now.", "Watch again");
      return;
    }
    this.stage.show("waiting", "Looking for another way to the pictures…");
    await pause(waitMs, visit.leaving.signal).then(
      () => this.enter(null),
      () => undefined,
    );
  }

  private onVerdict(verdict: Verdict): void {
    this.leave();
    const [state, words] = farewell(verdict);
    this.stage.show(state, words, "Watch again");
  }

  private onRefused(error: unknown): void {
    this.leave();
    if (error instanceof Problem && error.code === "stream-limit") {
      this.stage.offerTakeover(error, (takeover) => void this.enter(takeover));
    } else {
      this.stage.show(error instanceof Problem ? "refused" : "error", inWords(error), "Try again");
    }
  }

  private onPlaying(): void {
    if (this.visit?.player) this.stage.show("playing", "");
  }

  private onWaiting(): void {
    if (this.visit?.player && this.stage.state === "playing") this.stage.show("waiting", "Waiting for pictures…");
  }

  private track(url: string, type: string): void {
    this.panel.beacon(type);
    void fetch(url, { keepalive: true, mode: "no-cors", cache: "no-store" }).catch(() => undefined);
  }

  private tick(): void {
    this.visit?.player?.tick();
    this.panel.update(this.visit?.player?.picture ?? null);
  }
}

/** When to try to start again by oneself, in milliseconds; null when only a person can decide. */
function comeBackMs(error: unknown, tries: number): number | null {
  if (tries >= ENTER_TRIES_MAX) return null;
  if (error instanceof Unreachable) return backoffMs(tries, ENTER_MS, ENTER_MS_MAX, Math.random);
  if (error instanceof Problem && error.retryAfterS !== null) return (error.retryAfterS + Math.random()) * 1000;
  if (error instanceof Problem && error.status === 401 && tries === 0) return ENTER_MS;
  return null;
}

function farewell(verdict: Verdict): ["kicked" | "ended", string] {
  const because = verdict.detail ? ` ${verdict.detail}` : "";
  if (verdict.code === "kicked") return ["kicked", `An operator ended this session.${because}`];
  if (verdict.code === "bad-token") return ["ended", `The permission to watch is no longer valid.${because}`];
  return ["ended", `This session has ended.${because}`];
}

async function showTitle(): Promise<void> {
  const match = await api.event(eventId);
  setText(byId("title", HTMLElement), match.title);
  document.title = `${match.title} · Tifo`;
}

function main(): void {
  setText(byId("title", HTMLElement), eventId);
  setText(byId("who", HTMLElement), `Watching as ${account}`);
  void showTitle().catch(() => undefined);
  const watch = new Watch();
  if (HlsPlayer.isSupported) void watch.enter(null);
  else byId("message", HTMLElement).textContent = "This browser cannot play the match: it has no Media Source Extensions.";
}

main();
