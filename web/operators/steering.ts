import { byId, make, setText } from "../shared/dom.ts";
import { clock, duration } from "../shared/format.ts";
import type { Decision, Steering } from "./api.ts";
import { Rows, type Row } from "./rows.ts";
import { about, decisions, ispWords, stateWords } from "./steering-words.ts";

const TONES = { steering: "good", frozen: "warn", off: "" } as const;

/** The steering loop: whether it steers, and what it did last and why. */
export class SteeringLoop {
  private readonly rows = new Rows<Decision & { key: string }>(byId("decisions", HTMLElement), (one) => one.key, decisionRow);
  private readonly isps = new Rows<string>(byId("steering-isps", HTMLElement), (words) => words, ispRow);

  /** `serverNow` is in seconds since the epoch by the server's clock. */
  update(steering: Steering, serverNow: number): void {
    const state = byId("steering-state", HTMLElement);
    setText(state, steering.state);
    state.dataset["tone"] = TONES[steering.state];
    setText(byId("steering-since", HTMLElement), steering.since > 0 ? `decided ${duration(serverNow - steering.since)} ago` : "");
    setText(byId("steering-words", HTMLElement), stateWords(steering));
    this.isps.show(ispWords(steering.by_isp));
    this.rows.show(decisions(steering));
    byId("decisions-note", HTMLElement).hidden = steering.decisions.length > 0;
  }
}

function ispRow(words: string): Row<string> {
  return { element: make("li", {}, words), update: () => undefined };
}

function decisionRow(first: Decision): Row<Decision> {
  const what = make("p", {}, make("strong", {}, first.what), ` ${about(first)}`);
  const reason = make("p", { class: "soft" }, first.reason);
  const element = make("li", {}, make("time", {}, clock(first.at * 1000)), make("div", {}, what, reason));
  return { element, update: (one) => setText(reason, one.reason) };
}
