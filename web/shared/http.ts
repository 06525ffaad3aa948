/** The longest wait that a server's Retry-After may impose on a page, in seconds. */
const RETRY_AFTER_S_MAX = 300;

/** The longest that one call to our own API may take, in milliseconds. */
const CALL_MS_MAX = 8_000;

/** An answer of RFC 9457: a stable code, words for people, and the members that this code carries. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly title: string,
    readonly detail: string,
    readonly retryAfterS: number | null,
    readonly members: Readonly<Record<string, unknown>>,
  ) {
    super([title, detail].filter(Boolean).map(asSentence).join(" "));
    this.name = "Problem";
  }
}

function asSentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

/** No answer at all: the network, or nobody listening, or too late. */
export class Unreachable extends Error {
  constructor(cause: unknown) {
    super("No answer from the server.", { cause });
    this.name = "Unreachable";
  }
}

/** What a call needs beyond its address. `token` goes out as a bearer token, `body` as JSON. */
export interface Call {
  readonly method?: "GET" | "POST" | "PUT" | "DELETE";
  readonly token?: string | null;
  readonly body?: unknown;
  readonly keepalive?: boolean;
  readonly signal?: AbortSignal;
}

/** The JSON of a 2xx answer (undefined when it has no body). Throws `Problem` or `Unreachable`. */
export async function call<T>(url: string, what: Call = {}): Promise<T> {
  const response = await send(url, what);
  if (!response.ok) throw await problemOf(response);
  return (response.status === 204 ? undefined : await bodyOf(response)) as T;
}

/** What a 2xx answer carries, as a file. Throws like `call`. */
export async function file(url: string, what: Call = {}): Promise<Blob> {
  const response = await send(url, what);
  if (!response.ok) throw await problemOf(response);
  try {
    return await response.blob();
  } catch (error) {
    throw new Unreachable(error);
  }
}

async function send(url: string, what: Call): Promise<Response> {
  const timeout = AbortSignal.timeout(CALL_MS_MAX);
  try {
    return await fetch(url, {
      method: what.method ?? "GET",
      headers: headersOf(what),
      body: what.body === undefined ? null : JSON.stringify(what.body),
      keepalive: what.keepalive ?? false,
      cache: "no-store",
      signal: what.signal ? AbortSignal.any([what.signal, timeout]) : timeout,
    });
  } catch (error) {
    throw new Unreachable(error);
  }
}

async function bodyOf(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch (error) {
    throw new Unreachable(error);
  }
}

function headersOf(what: Call): Headers {
  const headers = new Headers({ Accept: "application/json, application/problem+json" });
  if (what.token) headers.set("Authorization", `Bearer ${what.token}`);
  if (what.body !== undefined) headers.set("Content-Type", "application/json");
  return headers;
}

/** The problem that a refused answer states; an answer without one (a proxy's) is described by its status. */
export async function problemOf(response: Response): Promise<Problem> {
  const members = await membersOf(response);
  const text = (name: string): string => (typeof members[name] === "string" ? members[name] : "");
  return new Problem(
    response.status,
    text("code"),
    text("title") || `The server answered ${response.status}`,
    text("detail"),
    retryAfterS(response.headers.get("Retry-After")),
    members,
  );
}

async function membersOf(response: Response): Promise<Record<string, unknown>> {
  try {
    const body: unknown = await response.json();
    return typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** Delta seconds of a Retry-After, bounded; null when there is none or it is a date (our servers send seconds). */
export function retryAfterS(header: string | null): number | null {
  if (header === null || !/^\d{1,9}$/.test(header.trim())) return null;
  return Math.min(Number(header), RETRY_AFTER_S_MAX);
}

/** An error in words for a person. */
export function inWords(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
