/**
 * One pathway's address in parts: `before` + `token` + `after`, a path, and `query`.
 *
 * A token stands in the path, where it is one segment, or in the query; the other of the two is empty.
 */
export interface Address {
  readonly pathway: string;
  readonly before: string;
  readonly token: string;
  readonly after: string;
  readonly query: string;
}

/** What `GET /v1/playback/{token}/addresses` answers. */
export interface Addresses {
  readonly addresses: readonly Address[];
  readonly valid_s: number;
  readonly renew_s: number;
}

/** The longest that a request waits for addresses when those at hand have run out, in milliseconds. */
const WAIT_MS_MAX = 4_000;

/**
 * A session's newest addresses, for a player that asks here before each request.
 *
 * It imports nothing, so that another page can have it as it is. Every address that it does not know passes
 * unchanged: steering, ads, and whatever is asked for before the first addresses are there.
 */
export class AddressBook {
  private addresses: readonly Address[] = [];
  private goodUntil = Infinity;
  private readonly waiting = new Set<() => void>();

  /** `now` is the wall clock in milliseconds: it runs on while a computer sleeps. */
  constructor(private readonly now: () => number) {}

  /** Use these from now on. They were asked for at `askedAt`, before which nobody can have signed them. */
  take(told: Addresses, askedAt: number): void {
    this.addresses = told.addresses.map((one) => ({ ...one, before: normal(one.before) }));
    this.goodUntil = askedAt + told.valid_s * 1000;
    for (const done of this.waiting) done();
  }

  /** The same address with the newest token. One whose token has run out waits a moment for the next. */
  async fresh(url: string): Promise<string> {
    const place = this.find(url);
    if (place === null) return url;
    if (this.now() >= this.goodUntil) await this.next();
    return signed(this.find(url) ?? place);
  }

  private find(url: string): Place | null {
    const asked = normal(url);
    for (const address of this.addresses) {
      const rest = restOf(address, asked);
      if (rest !== null) return { address, rest };
    }
    return null;
  }

  private next(): Promise<void> {
    return new Promise((done) => {
      const over = (): void => {
        clearTimeout(timer);
        this.waiting.delete(over);
        done();
      };
      const timer = setTimeout(over, WAIT_MS_MAX);
      this.waiting.add(over);
    });
  }
}

/** An address and what follows it. */
interface Place {
  readonly address: Address;
  readonly rest: string;
}

/** The URL with scheme, host and port as browsers write them: in small letters, and without the usual port. */
function normal(url: string): string {
  const origin = /^[a-z]+:\/\/[^/?#]+/i.exec(url)?.[0] ?? "";
  const usual = origin.toLowerCase().replace(/^(http:.*):80$|^(https:.*):443$/, "$1$2");
  return usual + url.slice(origin.length);
}

/** What follows a pathway's address in a URL, whatever token it has; null for a URL that is not the pathway's. */
function restOf(address: Address, url: string): string | null {
  if (!url.startsWith(address.before)) return null;
  const from = address.token === "" ? address.before.length : url.indexOf("/", address.before.length);
  return from !== -1 && url.startsWith(address.after, from) ? url.slice(from + address.after.length) : null;
}

function signed({ address, rest }: Place): string {
  const base = address.before + address.token + address.after;
  if (address.query === "") return base + rest;
  const [path = "", query = ""] = rest.split("?", 2);
  const names = new Set(address.query.split("&").map(nameOf));
  const others = query.split("&").filter((one) => one !== "" && !names.has(nameOf(one)));
  return `${base}${path}?${[...others, address.query].join("&")}`;
}

const nameOf = (parameter: string): string => parameter.split("=", 1)[0] ?? "";
