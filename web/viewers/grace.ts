import { Problem } from "../shared/http.ts";
import type { Started } from "./api.ts";

const KEY = "tifo.grace";

/** The token that this device may start with while nobody can log in: the newest one of an account. */
export class Grace {
  private readonly key: string;

  /** `store` is the one that the device's own name is kept in: the token is good for that device only. */
  constructor(
    private readonly store: Storage,
    account: string,
  ) {
    this.key = `${KEY}.${account}`;
  }

  get token(): string {
    return this.store.getItem(this.key) ?? "";
  }

  /** What `signIn` gives; an empty text when it does not answer and there is another way in. */
  async signIn(signIn: () => Promise<string>): Promise<string> {
    return await signIn().catch((error: unknown) => {
      if (this.token === "" || isRefusal(error)) throw error;
      return "";
    });
  }

  /** Starts by a log-in, and by grace where there is none or its time is over; keeps the token that comes back. */
  async start(access: string, start: (token: string) => Promise<Started>): Promise<Started> {
    const started = await start(access || this.token).catch((error: unknown) => {
      if (access === "" || this.token === "" || !isOver(error)) throw error;
      return start(this.token);
    });
    // A start by grace brings none, and the old one stays.
    if (started.grace_token) this.store.setItem(this.key, started.grace_token);
    return started;
  }
}

/** Whether somebody answered and said no, rather than nobody being there. */
function isRefusal(error: unknown): boolean {
  return error instanceof Problem && error.status < 500;
}

/** Whether a start failed because the log-in's time is over. */
function isOver(error: unknown): boolean {
  return error instanceof Problem && error.status === 401 && error.members["reason"] === "expired";
}
