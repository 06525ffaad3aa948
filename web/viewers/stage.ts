import { byId, make, setText } from "../shared/dom.ts";
import { clock } from "../shared/format.ts";
import type { Problem } from "../shared/http.ts";
import type { RunningSession, Takeover } from "./api.ts";

/** Where the viewer stands; `<html data-state>` says it to style sheets, tests and operators. */
export type State = "signing-in" | "starting" | "playing" | "waiting" | "refused" | "ended" | "kicked" | "error";

const WORDS: Readonly<Record<State, string>> = {
  "signing-in": "signing in",
  starting: "starting",
  playing: "live",
  waiting: "waiting",
  refused: "refused",
  ended: "ended",
  kicked: "ended by an operator",
  error: "error",
};

const TONES: Readonly<Partial<Record<State, string>>> = { playing: "good", waiting: "warn", refused: "warn", kicked: "bad", error: "bad" };

/** The screen and what stands on it: state, words, the choice of a takeover, and the buttons. */
export class Stage {
  readonly video = byId("video", HTMLVideoElement);
  private readonly message = byId("message", HTMLElement);
  private readonly badge = byId("state", HTMLElement);
  private readonly takeover = byId("takeover", HTMLElement);
  private readonly again = byId("again", HTMLButtonElement);
  private readonly stop = byId("stop", HTMLButtonElement);
  private readonly unmute = byId("unmute", HTMLButtonElement);

  constructor(on: { again(): void; stop(): void }) {
    this.again.addEventListener("click", () => on.again());
    this.stop.addEventListener("click", () => on.stop());
    this.unmute.addEventListener("click", () => {
      this.video.muted = false;
    });
    this.video.addEventListener("volumechange", () => this.showUnmute());
  }

  get state(): State {
    return document.documentElement.dataset["state"] as State;
  }

  /** Shows a state. `again` names the button that tries once more; without it there is none. */
  show(state: State, words: string, again = ""): void {
    document.documentElement.dataset["state"] = state;
    setText(this.badge, WORDS[state]);
    this.badge.dataset["tone"] = TONES[state] ?? "";
    setText(this.message, words);
    setText(this.again, again);
    this.again.hidden = again === "";
    this.stop.hidden = state !== "playing" && state !== "waiting";
    this.takeover.hidden = true;
    this.showUnmute();
  }

  /** Who is watching on this account, each with a button to watch here instead. */
  offerTakeover(refusal: Problem, choose: (takeover: Takeover) => void): void {
    this.show("refused", refusal.detail || refusal.title, "Try again");
    const sessions = (refusal.members["sessions"] ?? []) as readonly RunningSession[];
    const code = String(refusal.members["takeover"] ?? "");
    const rows = sessions.map((running) => {
      const button = make("button", { type: "button", "data-tone": "main" }, "Watch here instead");
      button.addEventListener("click", () => choose({ takeover: code, end: running.id }));
      return make("li", { "data-session": running.id }, describe(running), button);
    });
    this.takeover.replaceChildren(make("ul", {}, ...rows));
    this.takeover.hidden = code === "" || rows.length === 0;
  }

  private showUnmute(): void {
    this.unmute.hidden = !this.video.muted || this.state !== "playing";
  }
}

function describe(running: RunningSession): HTMLElement {
  const since = clock(Date.parse(running.since));
  const what = make("div", {}, `${running.event} on ${running.device.kind}, since ${since}`);
  return make("div", {}, what, make("div", { class: "mono" }, running.device.id));
}
