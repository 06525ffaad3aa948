import { byId, make, setText } from "../shared/dom.ts";
import { count, UNKNOWN } from "../shared/format.ts";
import type { Control, Pathway } from "./api.ts";
import { Chart, pathwayColour, pathwaysChart } from "./charts.ts";
import type { History } from "./history.ts";
import { act } from "./notice.ts";
import { Rows, type Row } from "./rows.ts";
import { askShare } from "./share-choice.ts";
import { load, wanted } from "./steering-words.ts";

/** The CDNs: how the viewers divide over them, what each shall have, and the buttons that say so. */
export class Pathways {
  private readonly rows: Rows<Pathway>;
  private ids: readonly string[] = [];
  private chart: Chart | null = null;

  constructor(
    private readonly control: Control,
    private readonly onChange: () => void,
  ) {
    const body = byId("pathway-rows", HTMLElement);
    this.rows = new Rows(body, (p) => p.id, (p) => this.row(p));
  }

  update(pathways: readonly Pathway[], history: History): void {
    const sorted = [...pathways].sort((a, b) => a.id.localeCompare(b.id));
    this.useChartFor(sorted.map((p) => p.id));
    this.rows.show(sorted);
    this.chart?.show(history.stacked(this.ids, (sample) => sample.pathways));
  }

  private useChartFor(ids: readonly string[]): void {
    if (ids.join() === this.ids.join()) return;
    this.ids = ids;
    const host = byId("pathways-chart", HTMLElement);
    host.replaceChildren();
    this.chart = pathwaysChart(host, ids);
  }

  private row(first: Pathway): Row<Pathway> {
    const element = make("tr", { "data-pathway": first.id });
    const swatch = make("span", { class: "swatch" });
    swatch.style.background = pathwayColour(this.ids.indexOf(first.id));
    const badge = make("span", { class: "badge" });
    const [viewers, share, aim] = Array.from({ length: 3 }, () => make("td", { class: "number" })) as [Cell, Cell, Cell];
    const meter = new Meter();
    const actions = new Actions(first, (button, word, done) => this.say(button, first.id, word, done));
    const name = make("th", { scope: "row" }, swatch, first.id);
    element.append(name, make("td", {}, badge), viewers, share, aim, meter.cell, actions.cell);
    const update = (pathway: Pathway): void => {
      element.dataset["pathwayState"] = pathway.state;
      setText(badge, pathway.state);
      badge.dataset["tone"] = TONES[pathway.state];
      setText(viewers, count(pathway.viewers));
      setText(share, whole(pathway.share));
      setText(aim, aimWords(pathway));
      meter.update(pathway);
      actions.update(pathway);
    };
    return { element, update };
  }

  private async say(button: HTMLButtonElement, id: string, word: Word, done: string): Promise<void> {
    if (await act(button, done, () => this.control.setPathway(id, word.state, word.fixed_share))) this.onChange();
  }
}

type Cell = HTMLTableCellElement;
type Word = Pick<Pathway, "state" | "fixed_share">;
type Say = (button: HTMLButtonElement, word: Word, done: string) => Promise<void>;

const TONES = { in: "good", draining: "warn", out: "bad" } as const;
const whole = (share: number): string => `${Math.round(share * 100)} %`;

function aimWords(pathway: Pathway): string {
  const aim = wanted(pathway);
  if (aim === null) return UNKNOWN;
  return aim.isFixed ? `fixed ${whole(aim.share)}` : whole(aim.share);
}

/** Traffic beside capacity, in words and as a bar. */
class Meter {
  private readonly words = make("span");
  private readonly fill = make("span", { class: "bar-fill" });
  private readonly track = make("span", { class: "bar-track" }, this.fill);
  readonly cell = make("td", { class: "meter" }, this.words, this.track);

  update(pathway: Pathway): void {
    const { words, fill, tone } = load(pathway);
    setText(this.words, words);
    this.cell.dataset["tone"] = tone;
    this.track.hidden = fill === null;
    this.fill.style.width = `${(fill ?? 0) * 100}%`;
  }
}

/** The buttons of one CDN: out or back in at once, little by little, and its share. */
class Actions {
  private readonly toggle = make("button", { type: "button", "data-action": "pathway" });
  private readonly gently = make("button", { type: "button", "data-action": "drain" });
  private readonly share = make("button", { type: "button", "data-action": "share" }, "Share…");
  readonly cell = make("td", { class: "actions" }, this.toggle, this.gently, this.share);

  constructor(
    private latest: Pathway,
    private readonly say: Say,
  ) {
    this.toggle.addEventListener("click", () => void this.go(this.toggle, this.latest.state === "in" ? "out" : "in"));
    this.gently.addEventListener("click", () => void this.go(this.gently, this.latest.state === "in" ? "draining" : "out"));
    this.share.addEventListener("click", () => void this.choose());
  }

  update(pathway: Pathway): void {
    this.latest = pathway;
    setText(this.toggle, pathway.state === "in" ? "Take out" : "Bring back");
    this.toggle.dataset["tone"] = pathway.state === "in" ? "bad" : "main";
    setText(this.gently, pathway.state === "in" ? "Drain" : "Take out");
    this.gently.dataset["tone"] = pathway.state === "in" ? "" : "bad";
    this.gently.hidden = pathway.state === "out";
  }

  private go(button: HTMLButtonElement, state: Pathway["state"]): Promise<void> {
    return this.say(button, { state, fixed_share: this.latest.fixed_share }, SAID[state](this.latest.id));
  }

  private async choose(): Promise<void> {
    const { id, fixed_share } = this.latest;
    const answer = await askShare(id, fixed_share);
    if (answer === null) return;
    const share = answer === "loop" ? null : answer;
    const done = share === null ? `The share of ${id} is the loop's again.` : `${id} has ${whole(share)} from now on.`;
    await this.say(this.share, { state: this.latest.state, fixed_share: share }, done);
  }
}

const SAID: Readonly<Record<Pathway["state"], (id: string) => string>> = {
  in: (id) => `${id} is back in.`,
  draining: (id) => `${id} is draining: its viewers leave it little by little.`,
  out: (id) => `${id} is out: its viewers are moving to the others.`,
};
