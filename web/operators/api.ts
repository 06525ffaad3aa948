import { call, type Call } from "../shared/http.ts";

/** One second of the match. `at` is in seconds since the epoch; `pathways` holds viewers by pathway. */
export interface Sample {
  readonly at: number;
  readonly viewers: number;
  readonly starts_per_s: number;
  readonly requests_per_s: number;
  readonly errors_per_s: number;
  readonly lag: number;
  readonly pathways: Readonly<Record<string, number>>;
}

export interface Pathway {
  readonly id: string;
  readonly state: "in" | "out";
  readonly viewers: number;
  readonly share: number;
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

export interface EventLog {
  readonly state: "ok" | "failing";
  readonly events_per_s: number;
  readonly lag: number;
  readonly groups: readonly { readonly group: string; readonly topic: string; readonly lag: number }[];
}

export interface Breaks {
  readonly running: { readonly id: string; readonly ends_at: number } | null;
  readonly next: { readonly id: string; readonly starts_at: number } | null;
}

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

  sessions(account: string, limit: number, after: string | null, signal: AbortSignal): Promise<SessionsPage> {
    const query = new URLSearchParams({ limit: String(limit) });
    if (account) query.set("account", account);
    if (after) query.set("after", after);
    return this.call(`/v1/control/sessions?${query}`, { signal });
  }

  kick(session: string, reason: string): Promise<void> {
    return this.call(`/v1/control/sessions/${encodeURIComponent(session)}/kick`, { method: "POST", body: { reason } });
  }

  end(session: string): Promise<void> {
    return this.call(`/v1/control/sessions/${encodeURIComponent(session)}/end`, { method: "POST" });
  }

  setPathway(id: string, state: Pathway["state"]): Promise<{ id: string; state: Pathway["state"] }> {
    return this.call(`/v1/control/pathways/${encodeURIComponent(id)}`, { method: "PUT", body: { state } });
  }

  async audit(): Promise<readonly AuditEntry[]> {
    return (await this.call<{ entries: AuditEntry[] }>("/v1/control/audit")).entries;
  }

  private call<T>(url: string, what: Call = {}): Promise<T> {
    return call(url, { ...what, token: this.token });
  }
}
