import { backoffMs, pause } from "../shared/backoff.ts";
import { Problem, problemOf } from "../shared/http.ts";
import type { Control, Overview, Sample } from "./api.ts";
import { SseParser, type ServerEvent } from "./sse.ts";

/** The stream speaks each second; silent for this long, it counts as lost. In milliseconds. */
const SILENCE_MS_MAX = 5_000;

/** The first and the longest wait before the stream is opened again, in milliseconds. */
const REOPEN_MS = 500;
const REOPEN_MS_MAX = 10_000;

export interface LiveEvents {
  history(samples: readonly Sample[]): void;
  overview(overview: Overview): void;
  /** The stream is gone; what is on screen grows old from now on. */
  lost(why: unknown): void;
  /** The server wants an operator's token; resolves when there is one. */
  wantsToken(): Promise<void>;
}

/** Follows the control stream for as long as the page lives. */
export async function follow(control: Control, on: LiveEvents): Promise<never> {
  for (let failures = 0; ; failures += 1) {
    try {
      await readOnce(control, on, () => {
        failures = 0;
      });
      on.lost(null);
    } catch (error) {
      on.lost(error);
      if (error instanceof Problem && error.status === 401) await on.wantsToken();
    }
    await pause(backoffMs(failures, REOPEN_MS, REOPEN_MS_MAX, Math.random), new AbortController().signal);
  }
}

async function readOnce(control: Control, on: LiveEvents, onAlive: () => void): Promise<void> {
  const silence = new Silence(SILENCE_MS_MAX);
  try {
    const response = await open(control, silence.signal);
    const parser = new SseParser();
    const decoder = new TextDecoder();
    for (const reader = response.body!.getReader(); ; ) {
      const { done, value } = await reader.read();
      if (done) return;
      silence.broken();
      for (const event of parser.push(decoder.decode(value, { stream: true }))) {
        onAlive();
        dispatch(event, on);
      }
    }
  } finally {
    silence.end();
  }
}

async function open(control: Control, signal: AbortSignal): Promise<Response> {
  const headers = new Headers({ Accept: "text/event-stream" });
  if (control.token) headers.set("Authorization", `Bearer ${control.token}`);
  const response = await fetch("/v1/control/stream", { headers, cache: "no-store", signal });
  if (!response.ok) throw await problemOf(response);
  return response;
}

function dispatch({ event, data }: ServerEvent, on: LiveEvents): void {
  if (event === "history") on.history((JSON.parse(data) as { samples: Sample[] }).samples);
  else if (event === "overview") on.overview(JSON.parse(data) as Overview);
}

/** Aborts what it watches over when nothing has been heard for a while. */
class Silence {
  private readonly controller = new AbortController();
  private timer = 0;

  constructor(private readonly ms: number) {
    this.broken();
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  broken(): void {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.controller.abort(new Error("the stream fell silent")), this.ms);
  }

  end(): void {
    clearTimeout(this.timer);
    this.controller.abort();
  }
}
