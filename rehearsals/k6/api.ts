import http, { type RefinedResponse } from "k6/http";
import { counters, refused, trends } from "./figures.ts";
import type { Plan } from "./plan.ts";

export type Answer = RefinedResponse<"text">;

export interface Started {
  readonly session: string;
  readonly token: string;
  readonly heartbeat_s: number;
  readonly playback: Playback;
}

/** Where a session's playlists are. */
export interface Playback {
  readonly hls: string;
  readonly dash: string;
}

export interface Renewed {
  readonly heartbeat_s: number;
  readonly token?: string;
}

/** Permission to start at the stream limit by ending session `end`. */
export interface Takeover {
  readonly takeover: string;
  readonly end: string;
}

/** A document that the platform writes for each session: its playlist, its MPD or its steering manifest. */
export type Document = "playlist" | "mpd" | "steering";

/** What a CDN serves at a signed address. */
export type Media = "media_playlist" | "segment";

/** The calls of players and pages, each counted and timed. None of them throws: an answer of status 0 is none. */
export class Api {
  /** Requests that wait for their answer. */
  open = 0;

  constructor(
    private readonly plan: Plan,
    private readonly now: () => number,
  ) {}

  /** Whether so many requests wait that nothing new is begun. */
  get full(): boolean {
    return this.open >= this.plan.open_requests_max / this.plan.shards;
  }

  login(account: string): Promise<Answer> {
    return this.call("POST", "/v1/dev/login", null, { account });
  }

  calendar(): Promise<Answer> {
    return this.call("GET", `/v1/events/${this.plan.event}`, null);
  }

  async start(access: string, device: string, takeover: Takeover | null): Promise<Answer> {
    const body = { event: this.plan.event, device: { id: device, kind: "web" }, ...takeover };
    const answer = await this.call("POST", "/v1/sessions", access, body);
    trends.start_ms.add(answer.timings.duration);
    return answer;
  }

  async document(kind: Document, url: string): Promise<Answer> {
    const askedS = this.now() / 1000;
    const answer = await this.call("GET", url, null);
    this.counted(kind, answer);
    if (askedS >= this.plan.plateau_at_s && askedS < this.plan.whistle_at_s) trends.plateau_ms.add(answer.timings.duration);
    return answer;
  }

  /** Asks a CDN, at the address as it is; a segment's bytes are not kept. */
  async media(kind: Media, url: string): Promise<Answer> {
    const responseType = kind === "segment" ? "none" : "text";
    const answer = await this.send("GET", url, null, {}, responseType);
    this.counted(kind, answer);
    return answer;
  }

  private counted(kind: Document | Media, answer: Answer): void {
    counters[`${kind}s`].add(1);
    trends[`${kind}_ms`].add(answer.timings.duration);
    if (answer.status !== 200) counters[`${kind}s_failed`].add(1);
  }

  /** A GET at the platform. */
  get(url: string): Promise<Answer> {
    return this.call("GET", url, null);
  }

  async heartbeat(session: string, token: string): Promise<Answer> {
    const answer = await this.call("POST", `/v1/sessions/${session}/heartbeat`, token);
    counters.heartbeats.add(1);
    trends.heartbeat_ms.add(answer.timings.duration);
    return answer;
  }

  end(session: string, token: string): Promise<Answer> {
    return this.call("DELETE", `/v1/sessions/${session}`, token);
  }

  /** Addresses that the platform hands out are absolute; they are asked for at the target, as behind a proxy. */
  private call(method: string, url: string, token: string | null, body?: object): Promise<Answer> {
    const headers: Record<string, string> = { Accept: "application/json, application/problem+json" };
    if (token) headers["Authorization"] = `Bearer ${token}`;
    if (body) headers["Content-Type"] = "application/json";
    return this.send(method, this.plan.target + pathOf(url), body ? JSON.stringify(body) : null, headers, "text");
  }

  private async send(
    method: string,
    url: string,
    body: string | null,
    headers: Record<string, string>,
    responseType: "text" | "none",
  ): Promise<Answer> {
    this.open += 1;
    try {
      const timeout = this.plan.request_s_max * 1000;
      const answer = await http.asyncRequest(method as "GET", url, body, { headers, timeout, responseType });
      if (answer.status < 200 || answer.status >= 300) refused(answer.status);
      return answer as Answer;
    } finally {
      this.open -= 1;
    }
  }
}

export function pathOf(url: string): string {
  return url.startsWith("/") ? url : url.replace(/^https?:\/\/[^/]*/, "");
}

export function bodyOf<T>(answer: Answer): T {
  return JSON.parse(answer.body) as T;
}

/** Seconds of a Retry-After, bounded; null when there is none. */
export function retryAfterS(answer: Answer, max: number): number | null {
  const header = answer.headers["Retry-After"] ?? "";
  return /^\d{1,9}$/.test(header) ? Math.min(Number(header), max) : null;
}
