import { byId, setText } from "../shared/dom.ts";
import { duration, UNKNOWN } from "../shared/format.ts";
import type { Breaks, Control } from "./api.ts";
import { confirm } from "./confirm.ts";
import { act } from "./notice.ts";

/** Longest break that may be asked for, in seconds. */
const BREAK_S_MAX = 3_600;

/** The seconds in a field; null when they are no break. */
export function breakSeconds(text: string): number | null {
  const seconds = Number(text.trim());
  return text.trim() !== "" && seconds >= 1 && seconds <= BREAK_S_MAX ? seconds : null;
}

/** What the tile says: its title, how long, and the break whose end may be brought forward. */
export function breakWords({ running, next }: Pick<Breaks, "running" | "next">, serverNow: number): { title: string; figure: string; id: string } {
  if (running) return { title: "In a break", figure: `${duration(running.ends_at - serverNow)} left`, id: running.id };
  const figure = next ? `in ${duration(next.starts_at - serverNow)}` : UNKNOWN;
  return { title: "Next break", figure, id: next?.id ?? "" };
}

/** The break that runs or comes next, and the two things that an operator does about breaks. */
export class BreakTile {
  private readonly tile = byId("break-tile", HTMLElement);
  private readonly length = byId("break-length", HTMLElement);
  private readonly seconds = byId("break-seconds", HTMLInputElement);
  private readonly start = byId("break-start", HTMLButtonElement);
  private readonly back = byId("break-return", HTMLButtonElement);
  private breaks: Breaks = { running: null, next: null, timeline: [] };

  constructor(
    private readonly control: Control,
    private readonly onChange: () => void,
  ) {
    this.start.addEventListener("click", () => void this.startOne());
    this.back.addEventListener("click", () => void this.giveBack());
  }

  update(breaks: Breaks): void {
    this.breaks = breaks;
    const { running, next } = breaks;
    this.tile.dataset["tone"] = running ? "warn" : "";
    this.start.hidden = this.length.hidden = running !== null;
    this.back.hidden = running === null && next === null;
    setText(this.back, running ? "Return early" : "Call off");
  }

  tick(serverNow: number): void {
    const { title, figure, id } = breakWords(this.breaks, serverNow);
    setText(byId("break-title", HTMLElement), title);
    setText(byId("break", HTMLElement), figure);
    setText(byId("break-id", HTMLElement), id);
  }

  private async startOne(): Promise<void> {
    const seconds = breakSeconds(this.seconds.value);
    if (seconds === null) {
      this.seconds.reportValidity();
      return;
    }
    const lines = (): string[] => [`Every viewer goes into a break of ${duration(seconds)}, in a few seconds.`];
    const answer = await confirm({ title: "Start a break", lines, label: "Start", tone: "main" });
    if (answer === null) return;
    if (await act(this.start, `A break of ${duration(seconds)} begins.`, () => this.control.startBreak(seconds))) this.onChange();
  }

  private async giveBack(): Promise<void> {
    const { running, next } = this.breaks;
    const id = running?.id ?? next?.id;
    if (id === undefined) return;
    const [label, done] = running ? ["Return early", "The match goes on."] : ["Call off", "The break is called off."];
    const lines = (): string[] => [running ? `The match goes on, and ${id} is over.` : `${id} does not take place.`];
    const answer = await confirm({ title: label, lines, label, tone: "main" });
    if (answer === null) return;
    if (await act(this.back, done, () => this.control.returnBreak(id))) this.onChange();
  }
}
