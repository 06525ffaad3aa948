import { type Agenda } from "./agenda.ts";
import { type Answer, type Api, bodyOf, type Playback, type Renewed, retryAfterS, type Started, type Takeover } from "./api.ts";
import { counters, trends } from "./figures.ts";
import type { Plan } from "./plan.ts";

// The watch page's own numbers: web/viewers/heartbeat.ts, watch.ts and web/shared/http.ts.
const EARLY_SHARE = 0.1;
const RETRY_MS = 1_000;
const ENTER_TRIES_MAX = 30;
const ENTER_MS = 1_000;
const ENTER_MS_MAX = 15_000;
const RETRY_AFTER_S_MAX = 300;

/** How long a person takes to press "watch here instead". */
const DECIDE_MS = 2_000;

/** What the viewers of one crowd share. */
export interface World {
  readonly plan: Plan;
  readonly api: Api;
  readonly agenda: Agenda;
  readonly now: () => number;
  readonly random: () => number;
}

/** One load of the page by one viewer, as what plays in it sees it. */
export interface Visit {
  readonly world: World;
  /** The viewer's place in the whole crowd, from 0. */
  readonly number: number;
  /** The newest playback token. */
  readonly token: () => string;
  /** Whether the viewer has left or reloaded: what this visit began is over. */
  readonly over: () => boolean;
  readonly later: (waitMs: number, act: () => Promise<void>) => void;
  /** Lets something happen that nobody waits for. */
  readonly act: (what: Promise<unknown>) => void;
}

/** What a scenario's player does with a session; done when its playlist is there, and goes on by itself. */
export type Plays = (visit: Visit, playback: Playback) => Promise<void>;

/** One person, from log-in until they leave. */
export class Viewer {
  private readonly account: string;
  private session = "";
  private token = "";
  private access: string;
  private left = false;
  private entered = false;
  /** Counts the page's loads: what an earlier load began is over. */
  private visit = 0;

  constructor(
    private readonly world: World,
    private readonly number: number,
    access: string,
    private readonly plays: Plays,
  ) {
    this.account = `${world.plan.prefix}-${number}`;
    this.access = access;
  }

  /** Comes to the page: title, log-in, session, what plays; then beats until the whistle. */
  async arrive(): Promise<void> {
    const { plan, agenda, random } = this.world;
    const leavesAt = (plan.whistle_at_s + random() * plan.whistle_s) * 1000;
    agenda.at(leavesAt, () => this.act(this.leave()));
    for (const goal of plan.goals) {
      if (random() < goal.reload_share) agenda.at((goal.at_s + random() * goal.within_s) * 1000, () => this.act(this.reload()));
    }
    await this.load();
  }

  private async reload(): Promise<void> {
    if (this.left || !this.entered) return;
    counters.reloads.add(1);
    await this.load();
  }

  private async load(): Promise<void> {
    this.visit += 1;
    const { api, plan, now } = this.world;
    const began = now();
    // The page asks for its title beside everything else.
    if (!plan.without.includes("calendar")) this.act(api.calendar());
    if (plan.without.includes("sessions")) {
      this.token = this.access;
      await this.play(this.visit, began, broughtBy(this.token));
    } else {
      await this.enter(this.visit, began, 0, null);
    }
  }

  private async enter(visit: number, began: number, tries: number, takeover: Takeover | null): Promise<void> {
    if (this.left || visit !== this.visit) return;
    counters.starts.add(1);
    const answer = await this.startOnce(takeover);
    if (answer.status === 201) {
      const started = bodyOf<Started>(answer);
      this.session = started.session;
      this.token = started.token;
      this.nextBeat(visit, started.heartbeat_s, 0);
      await this.play(visit, began, started.playback);
      return;
    }
    if (answer.status === 409 && this.takeOver(visit, began, tries, answer)) return;
    counters.starts_failed.add(1);
    if (answer.status === 401) this.access = "";
    const waitMs = this.comeBackMs(answer, tries);
    if (waitMs !== null) this.later(waitMs, () => this.enter(visit, began, tries + 1, null));
  }

  private async startOnce(takeover: Takeover | null): Promise<Answer> {
    const { api, plan } = this.world;
    if (!this.access && plan.login) {
      const answer = await api.login(this.account);
      if (answer.status !== 200) return answer;
      this.access = bodyOf<{ access_token: string }>(answer).access_token;
    }
    return api.start(this.access, this.account, takeover);
  }

  /** At the stream limit the page lists what runs; this person ends the first of it. */
  private takeOver(visit: number, began: number, tries: number, refusal: Answer): boolean {
    const said = bodyOf<{ code?: string; takeover?: string; sessions?: readonly { id: string }[] }>(refusal);
    const end = said.sessions?.[0]?.id;
    if (!said.takeover || !end || tries >= ENTER_TRIES_MAX) return false;
    counters.takeovers.add(1);
    const takeover = { takeover: said.takeover, end };
    this.later(DECIDE_MS, () => this.enter(visit, began, tries + 1, takeover));
    return true;
  }

  private comeBackMs(answer: Answer, tries: number): number | null {
    const { random } = this.world;
    if (tries >= ENTER_TRIES_MAX) return null;
    if (answer.status === 0) return backoffMs(tries, ENTER_MS, ENTER_MS_MAX, random);
    const asked = retryAfterS(answer, RETRY_AFTER_S_MAX);
    if (asked !== null) return (asked + random()) * 1000;
    return answer.status === 401 && tries === 0 ? ENTER_MS : null;
  }

  private async play(visit: number, began: number, playback: Playback): Promise<void> {
    if (!this.entered) counters.entered.add(1);
    this.entered = true;
    await this.plays(
      {
        world: this.world,
        number: this.number,
        token: () => this.token,
        over: () => this.left || visit !== this.visit,
        later: (waitMs, act) => this.later(waitMs, act),
        act: (what) => this.act(what),
      },
      playback,
    );
    trends.arrival_ms.add(this.world.now() - began);
  }

  private nextBeat(visit: number, heartbeatS: number, failures: number, askedS = 0): void {
    const { random } = this.world;
    const periodMs = heartbeatS * 1000;
    const waitMs = failures
      ? Math.max(backoffMs(failures - 1, RETRY_MS, periodMs, random), askedS * 1000)
      : periodMs * (1 - EARLY_SHARE * random());
    this.later(waitMs, () => this.beat(visit, heartbeatS, failures));
  }

  private async beat(visit: number, heartbeatS: number, failures: number): Promise<void> {
    if (this.left || visit !== this.visit) return;
    const answer = await this.world.api.heartbeat(this.session, this.token);
    // Who left or reloaded meanwhile has no use for the answer, whatever it is.
    if (this.left || visit !== this.visit) return;
    if (answer.status === 200) {
      const renewed = bodyOf<Renewed>(answer);
      if (renewed.token) counters.renewals.add(1);
      this.token = renewed.token ?? this.token;
      this.nextBeat(visit, renewed.heartbeat_s, 0);
      return;
    }
    counters.heartbeats_lost.add(1);
    if (answer.status === 401 || answer.status === 410) this.thrownOut();
    else this.nextBeat(visit, heartbeatS, failures + 1, retryAfterS(answer, RETRY_AFTER_S_MAX) ?? 0);
  }

  /** The server's last word on a session that nobody wanted to end. */
  private thrownOut(): void {
    counters.wrongly_ended.add(1);
    this.left = true;
  }

  private async leave(): Promise<void> {
    if (this.left) return;
    this.left = true;
    if (!this.session) return;
    if (this.world.random() < this.world.plan.silent_share) {
      counters.silent.add(1);
      return;
    }
    counters.ended.add(1);
    await this.world.api.end(this.session, this.token);
  }

  private later(waitMs: number, act: () => Promise<void>): void {
    const dueMs = this.world.now() + waitMs;
    this.world.agenda.at(dueMs, () => {
      trends.late_ms.add(this.world.now() - dueMs);
      this.act(act());
    });
  }

  /** Lets something happen that nobody waits for; what goes wrong in it is counted, and stops no other viewer. */
  private act(what: Promise<unknown>): void {
    what.catch((error: unknown) => {
      counters.broken.add(1);
      console.error(String(error));
    });
  }
}

/** Where the playlists of a session are whose playback token is given. */
function broughtBy(token: string): Playback {
  return { hls: `/v1/playback/${token}/master.m3u8`, dash: `/v1/playback/${token}/manifest.mpd` };
}

/** Half of a ceiling that doubles from `baseMs` to `maxMs`, and chance up to all of it. */
function backoffMs(attempt: number, baseMs: number, maxMs: number, random: () => number): number {
  const ceiling = Math.min(maxMs, baseMs * 2 ** Math.min(attempt, 30));
  return ceiling / 2 + (random() * ceiling) / 2;
}
