import { byId, make, setText } from "../shared/dom.ts";
import { count } from "../shared/format.ts";
import type { AudienceSplits, Reach } from "./api.ts";
import { reachWords } from "./reach-words.ts";
import { Rows, type Row } from "./rows.ts";
import { bars, type Bar } from "./split.ts";

/** Who watches, as bars: by event, kind of device and ISP. */
export class Audience {
  private readonly events: Rows<Bar>;
  private readonly kinds = list("by-device-kind");
  private readonly isps = list("by-isp");

  constructor(onEvent: (event: string) => void) {
    this.events = list("by-event", onEvent);
  }

  update(audience: AudienceSplits, reach: Reach): void {
    this.events.show(bars(audience.event));
    this.kinds.show(bars(audience.device_kind));
    this.isps.show(bars(audience.isp));
    byId("audience-note", HTMLElement).hidden = audience.event.top.length > 0;
    setText(byId("reach", HTMLElement), reachWords(reach));
  }
}

function list(id: string, onPick?: (name: string) => void): Rows<Bar> {
  return new Rows<Bar>(byId(id, HTMLElement), (bar) => `${bar.name === null} ${bar.label}`, (bar) => row(bar, onPick));
}

function row(first: Bar, onPick?: (name: string) => void): Row<Bar> {
  const { name, label } = first;
  const title = onPick && name !== null ? picker(name, onPick) : make("span", { title: label }, label);
  title.classList.add("bar-name");
  const figure = make("span", { class: "bar-figure" });
  const fill = make("span", { class: "bar-fill" });
  const element = make("li", { class: "bar", "data-group": label }, title, figure, make("span", { class: "bar-track" }, fill));
  const update = (bar: Bar): void => {
    setText(figure, `${count(bar.viewers)} · ${Math.round(bar.share * 100)} %`);
    fill.style.width = `${Math.max(bar.length * 100, 0.5)}%`;
  };
  return { element, update };
}

function picker(name: string, onPick: (name: string) => void): HTMLElement {
  const button = make("button", { type: "button", class: "plain", title: `Show the sessions of ${name}` }, name);
  button.addEventListener("click", () => onPick(name));
  return button;
}
