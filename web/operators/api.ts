import { call, file, type Call } from "../shared/http.ts";
import { type Billed, type BilledWanted, billedQuery } from "./billed.ts";
import type { Anomaly, EventLog, Letters, PastAnomaly } from "./log-types.ts";

/** One second of the match. `at` is in seconds since the epoch; `pathways` holds viewers by pathway. */
export interface Sample {
  readonly at: number;
  readonly viewers: number;
  readonly starts_per_s: number;
  readonly requests_per_s: number;
  readonly errors_per_s: number;
  readonly lag: number;
  readonly pathways: Readonly<Record<string, number>>;
  readonly pods_per_s: Readonly<Record<Filling, number>>;
  /** The largest budgets of line items, by id. */
  readonly pacing: Readonly<Record<string, PacePoint>>;
}

/** Impressions that were shown, and those due by the pace; null where delivery is not even. */
export interface PacePoint {
  readonly delivered: number;
  readonly due: number | null;
}

/** What the seconds of a break are filled with. */
export type Filling = "ad" | "house" | "slate" | "nothing";

/** One CDN. Shares are from 0 to 1, rates in bits/s; null where nobody has said. */
export interface Pathway {
  readonly id: string;
  readonly state: "in" | "draining" | "out";
  readonly viewers: number;
  readonly share: number;
  readonly weight: number | null;
  readonly fixed_share: number | null;
  readonly bps: number | null;
  readonly capacity_bps: number | null;
  /** What it was found to carry, where that is less than its capacity. */
  readonly learned_bps: number | null;
}

/** One change that the steering loop made. `at` is in seconds since the epoch; `isp` is empty where it holds for all. */
export interface Decision {
  readonly at: number;
  readonly what: "move" | "cap" | "uncap" | "warm-up" | "return" | "drain" | "freeze" | "learn";
  readonly pathway: string;
  readonly isp: string;
  readonly reason: string;
}

/** The steering loop. `bandwidth_max_bps` is 0 where nothing is capped; `decisions` come newest first. */
export interface Steering {
  readonly state: "steering" | "frozen" | "off";
  readonly since: number;
  readonly bandwidth_max_bps: number;
  readonly bandwidth_max_by_isp: Readonly<Record<string, number>>;
  readonly by_isp: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly decisions: readonly Decision[];
}

/** What viewers on one CDN, at one ISP, on one kind of device had. Ratios are from 0 to 1; null where nobody said. */
export interface QoeCell {
  readonly pathway: string;
  readonly isp: string;
  readonly device_kind: string;
  readonly viewers: number;
  readonly bps: number;
  readonly startup_p50_ms: number | null;
  readonly startup_p95_ms: number | null;
  readonly rebuffer_ratio: number | null;
  readonly error_ratio: number | null;
  readonly throughput_p50_bps: number | null;
}

export interface Qoe {
  readonly at: number;
  readonly window_s: number;
  readonly cells: readonly QoeCell[];
}

export interface RouteFigures {
  readonly route: string;
  readonly method: string;
  readonly requests_per_s: number;
  readonly errors_per_s: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
}

export interface Part {
  readonly name: string;
  readonly state: "starting" | "running" | "backing-off" | "stopped";
  readonly pid: number | null;
  readonly restarts: number;
  readonly since: number;
  readonly error: string;
}

export interface Breaks {
  readonly running: { readonly id: string; readonly ends_at: number } | null;
  readonly next: { readonly id: string; readonly starts_at: number } | null;
  /** Of the last minutes and the next ones, oldest first. */
  readonly timeline: readonly BreakSpan[];
}

/** One break, in seconds since the epoch. */
export interface BreakSpan {
  readonly id: string;
  readonly starts_at: number;
  readonly ends_at: number;
}

/** A line item with a budget: `due` is what an even delivery would have shown by now. */
export interface LineItem {
  readonly id: string;
  readonly state: "on-pace" | "behind" | "ahead" | "done" | "off" | "waiting" | "ended";
  readonly goal: number;
  readonly delivered: number;
  readonly due: number;
  readonly even: boolean;
  readonly starts: number;
  readonly ends: number;
}

/** What becomes of breaks. Shares of their seconds are from 0 to 1; `revision` 0 is the empty inventory. */
export interface Ads {
  readonly nodes: number;
  readonly revision: number;
  readonly since: number;
  readonly line_items: number;
  readonly pods_per_s: number;
  readonly refused_per_s: number;
  readonly capacity_per_s: number | null;
  readonly fill: number;
  readonly house: number;
  readonly slate: number;
  readonly nothing: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
  readonly items: readonly LineItem[];
  readonly servers: readonly AdServer[];
}

/** An outside ad server, as it was asked ahead of the last minutes' breaks; its circuit is open on some nodes. */
export interface AdServer {
  readonly id: string;
  readonly asked: number;
  readonly answered: number;
  readonly fetched: number;
  readonly timed_out: number;
  readonly failed: number;
  readonly shaped: number;
  readonly unasked: number;
  readonly nodes: number;
  readonly nodes_failing: number;
  readonly requests_per_s: number;
}

/** One respect in which viewers differ: the largest groups (an empty name: not known), and the rest together. */
export interface Split {
  readonly top: readonly { readonly name: string; readonly viewers: number }[];
  readonly others: number;
}

export interface AudienceSplits {
  readonly event: Split;
  readonly device_kind: Split;
  readonly isp: Split;
}

/** A store as all nodes together see it. `since` is in seconds since the epoch. */
export interface Store {
  readonly name: string;
  readonly kind: string;
  readonly state: "ok" | "failing";
  readonly since: number;
  readonly nodes: number;
  readonly nodes_failing: number;
  readonly commands_per_s: number;
  readonly round_trips_per_s: number;
}

export interface Cache {
  readonly name: string;
  readonly entries: number;
  readonly hits_per_s: number;
  readonly stale_per_s: number;
  readonly coalesced_per_s: number;
  readonly misses_per_s: number;
}

/** An event's live origin elsewhere, in one format, as all nodes together see it. */
export interface Origin {
  readonly event: string;
  readonly format: "hls" | "dash";
  readonly address: string;
  readonly state: "ok" | "stale" | "failing";
  readonly since: number;
  readonly error: string;
  readonly renditions: number;
  readonly nodes: number;
  readonly nodes_failing: number;
}

/** The steps of the degradation ladder, mildest first. */
export type PostureStep = "normal" | "guarded" | "event-page" | "lean" | "fail-open" | "waiting-room";

/** Whom ads are decided for: what operators have said, what is in force, and whose word that is. */
export interface AdLever {
  readonly ads: AdLeverPlace;
  readonly in_force: AdLeverPlace;
  readonly by: "nobody" | "operator" | "posture";
  readonly operator: string;
  readonly at: number;
  /** The lever of the posture's step. */
  readonly posture: AdLeverPlace;
}

export type AdLeverPlace = "personal" | "cohort" | "house" | "none";

/** Everything at this second. */
export interface Overview {
  readonly at: number;
  readonly viewers: number;
  readonly starts_per_s: number;
  readonly requests_per_s: number;
  readonly errors_per_s: number;
  readonly pathways: readonly Pathway[];
  readonly routes: readonly RouteFigures[];
  readonly eventlog: EventLog;
  readonly parts: readonly Part[];
  readonly breaks: Breaks;
  readonly board: { readonly state: "ok" | "failing" };
  readonly posture: PostureStep;
  readonly audience: AudienceSplits;
  readonly stores: readonly Store[];
  readonly caches: readonly Cache[];
  readonly steering: Steering;
  readonly qoe: Qoe;
  readonly origins: readonly Origin[];
  readonly ads: Ads;
  readonly ad_lever: AdLever;
  readonly anomalies: readonly Anomaly[];
  /** Over lately, the last first. */
  readonly anomalies_past: readonly PastAnomaly[];
  /** When they were last looked for, in seconds since the epoch; 0 where nobody has. */
  readonly anomalies_at: number;
  readonly reach: Reach;
}

/** How many different viewers there were, by sketch: right within the share `error` in 19 of 20 cases. */
export interface Reach {
  /** Sessions of the last two minutes. */
  readonly heard: number;
  /** Accounts that have watched each event so far, those of the most first. */
  readonly accounts: readonly { readonly name: string; readonly viewers: number }[];
  readonly error: number;
}

export interface Session {
  readonly session: string;
  readonly account: string;
  readonly event: string;
  readonly device: { readonly id: string; readonly kind: string };
  readonly since: string | number;
  readonly expires_at: string | number;
}

export interface SessionsPage {
  readonly sessions: readonly Session[];
  readonly next: string | null;
  readonly total: number;
}

/** Which sessions to list; empty texts mean all. */
export interface Wanted {
  readonly account: string;
  readonly event: string;
  readonly limit: number;
  readonly after: string | null;
}

/** Whom to send away: a session (with its account, so that its slot is free at once), an account, or an event. */
export interface Kick {
  readonly what: "session" | "account" | "event";
  readonly id: string;
  readonly reason: string;
  readonly account?: string;
}

export interface AuditEntry {
  readonly at: string;
  readonly operator: string;
  readonly action: string;
  readonly target: string;
  readonly detail: string;
}

const TOKEN_KEY = "tifo.operator-token";

/** The control API with the operator's token: kept for this tab only, absent where the server asks for none. */
export class Control {
  constructor(private readonly store: Storage) {}

  get token(): string | null {
    return this.store.getItem(TOKEN_KEY);
  }

  set token(value: string | null) {
    if (value === null) this.store.removeItem(TOKEN_KEY);
    else this.store.setItem(TOKEN_KEY, value);
  }

  sessions(wanted: Wanted, signal: AbortSignal): Promise<SessionsPage> {
    const query = new URLSearchParams({ limit: String(wanted.limit) });
    if (wanted.account) query.set("account", wanted.account);
    if (wanted.event) query.set("event", wanted.event);
    if (wanted.after) query.set("after", wanted.after);
    return this.call(`/v1/control/sessions?${query}`, { signal });
  }

  kick(kick: Kick): Promise<void> {
    return this.call("/v1/control/kicks", { method: "POST", body: kick });
  }

  end(session: Session): Promise<void> {
    const query = new URLSearchParams({ account: session.account });
    return this.call(`/v1/control/sessions/${encodeURIComponent(session.session)}/end?${query}`, { method: "POST" });
  }

  setPosture(step: PostureStep): Promise<{ step: PostureStep }> {
    return this.call("/v1/control/posture", { method: "PUT", body: { step } });
  }

  /** The whole word on a CDN: a share of null leaves it to the loop. */
  setPathway(id: string, state: Pathway["state"], share: number | null): Promise<void> {
    return this.call(`/v1/control/pathways/${encodeURIComponent(id)}`, { method: "PUT", body: { state, share } });
  }

  startBreak(seconds: number): Promise<unknown> {
    return this.call("/v1/control/breaks", { method: "POST", body: { duration_s: seconds } });
  }

  /** The early return of a break, or its end before it began. */
  returnBreak(id: string): Promise<unknown> {
    return this.call(`/v1/control/breaks/${encodeURIComponent(id)}`, { method: "DELETE" });
  }

  /** Whether a line item takes part, on every node within a second. */
  switchLineItem(id: string, active: boolean): Promise<unknown> {
    return this.call(`/v1/control/line-items/${encodeURIComponent(id)}`, { method: "PUT", body: { active } });
  }

  setAdLever(ads: AdLeverPlace): Promise<unknown> {
    return this.call("/v1/control/ad-lever", { method: "PUT", body: { ads } });
  }

  billed(wanted: BilledWanted): Promise<Billed> {
    return this.call(`/v1/control/billed?${billedQuery(wanted)}`);
  }

  /** Where the same is as a file. */
  billedCsvUrl(wanted: BilledWanted): string {
    return `/v1/control/billed.csv?${billedQuery(wanted)}`;
  }

  billedCsv(wanted: BilledWanted): Promise<Blob> {
    return file(this.billedCsvUrl(wanted), { token: this.token });
  }

  /** What a group of workers set aside, the oldest. */
  letters(group: string): Promise<Letters> {
    return this.call(`/v1/control/letters/${encodeURIComponent(group)}`);
  }

  /** Delivers so many of its letters again, the oldest, to this group only. */
  replayLetters(group: string, limit: number): Promise<{ replayed: number }> {
    return this.call(`/v1/control/letters/${encodeURIComponent(group)}/replay`, { method: "POST", body: { limit } });
  }

  async audit(): Promise<readonly AuditEntry[]> {
    return (await this.call<{ entries: AuditEntry[] }>("/v1/control/audit")).entries;
  }

  private call<T>(url: string, what: Call = {}): Promise<T> {
    return call(url, { ...what, token: this.token });
  }
}
