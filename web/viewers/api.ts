import { call } from "../shared/http.ts";
import type { Addresses } from "./addresses.ts";

/** One match in the calendar. Times are RFC 3339. */
export interface MatchEvent {
  readonly id: string;
  readonly title: string;
  readonly starts_at: string;
  readonly ends_at: string;
  readonly state: "upcoming" | "live" | "over";
}

export interface Device {
  readonly id: string;
  readonly kind: string;
}

/** A started session: its playback token, how often to renew it, where the pictures are (empty: not in that format)
 * and when that is renewed. */
export interface Started {
  readonly session: string;
  readonly token: string;
  readonly heartbeat_s: number;
  readonly expires_at: string;
  readonly playback: { readonly hls: string; readonly dash: string; readonly renew_s: number };
  readonly streams: { readonly limit: number; readonly used: number };
  /** What this device may start with again while nobody can log in. */
  readonly grace_token?: string;
}

export interface Renewed {
  readonly heartbeat_s: number;
  readonly expires_at: string;
  readonly token?: string;
}

/** One of the account's running sessions, as the refusal `stream-limit` lists them. */
export interface RunningSession {
  readonly id: string;
  readonly device: Device;
  readonly event: string;
  readonly since: string;
}

/** Permission, good once, to start although the account is at its limit, by ending session `end`. */
export interface Takeover {
  readonly takeover: string;
  readonly end: string;
}

export async function events(): Promise<readonly MatchEvent[]> {
  return (await call<{ events: MatchEvent[] }>("/v1/events")).events;
}

export function event(id: string): Promise<MatchEvent> {
  return call(`/v1/events/${encodeURIComponent(id)}`);
}

/** The access token of a demo account, from the laptop's own issuer. */
export async function signIn(account: string): Promise<string> {
  const answer = await call<{ access_token: string }>("/v1/dev/login", { method: "POST", body: { account } });
  return answer.access_token;
}

export function start(accessToken: string, event: string, device: Device, takeover: Takeover | null): Promise<Started> {
  return call("/v1/sessions", { method: "POST", token: accessToken, body: { event, device, ...takeover } });
}

export function heartbeat(session: string, token: string): Promise<Renewed> {
  return call(`/v1/sessions/${encodeURIComponent(session)}/heartbeat`, { method: "POST", token });
}

/** The session's addresses anew. */
export function addresses(token: string): Promise<Addresses> {
  return call(`/v1/playback/${encodeURIComponent(token)}/addresses`);
}

/** Says that this player will come for breaks. `token` is the one in its playlist: it leads to who will be asked. */
export function present(token: string): Promise<void> {
  return call(`/v1/ads/${encodeURIComponent(token)}/present`, { method: "POST" });
}

/** Ends the session; outlives the page. */
export function end(session: string, token: string): Promise<void> {
  return call(`/v1/sessions/${encodeURIComponent(session)}`, { method: "DELETE", token, keepalive: true });
}
