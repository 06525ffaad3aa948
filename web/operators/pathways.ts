import { byId, make, setText } from "../shared/dom.ts";
import { count } from "../shared/format.ts";
import type { Control, Pathway } from "./api.ts";
import { Chart, pathwayColour, pathwaysChart } from "./charts.ts";
import type { History } from "./history.ts";
import { act } from "./notice.ts";
import { Rows, type Row } from "./rows.ts";

/** The CDNs: how the viewers divide over them, and the button that takes one out or brings it back. */
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
    this.chart?.show(history.stacked(this.ids));
  }

  private useChartFor(ids: readonly string[]): void {
    if (ids.join() === this.ids.join()) return;
    this.ids = ids;
    const host = byId("pathways-chart", HTMLElement);
    host.replaceChildren();
    this.chart = pathwaysChart(host, ids);
  }

  private row(first: Pathway): Row<Pathway> {
    let state = first.state;
    const swatch = make("span", { class: "swatch" });
    swatch.style.background = pathwayColour(this.ids.indexOf(first.id));
    const badge = make("span", { class: "badge" });
    const viewers = make("td", { class: "number" });
    const share = make("td", { class: "number" });
    const button = make("button", { type: "button", "data-action": "pathway" });
    button.addEventListener("click", () => void this.toggle(button, first.id, state));
    const name = make("th", { scope: "row" }, swatch, first.id);
    const element = make("tr", { "data-pathway": first.id }, name, make("td", {}, badge), viewers, share, make("td", { class: "actions" }, button));
    const update = (pathway: Pathway): void => {
      state = pathway.state;
      element.dataset["pathwayState"] = state;
      setText(badge, state);
      badge.dataset["tone"] = state === "in" ? "good" : "warn";
      setText(viewers, count(pathway.viewers));
      setText(share, `${Math.round(pathway.share * 100)} %`);
      setText(button, state === "in" ? "Take out" : "Bring back");
      button.dataset["tone"] = state === "in" ? "bad" : "main";
    };
    return { element, update };
  }

  private async toggle(button: HTMLButtonElement, id: string, state: Pathway["state"]): Promise<void> {
    const wanted = state === "in" ? "out" : "in";
    const done = wanted === "out" ? `${id} is out: its viewers are moving to the others.` : `${id} is back in.`;
    if (await act(button, done, () => this.control.setPathway(id, wanted))) this.onChange();
  }
}
