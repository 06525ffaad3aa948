import { make } from "../shared/dom.ts";
import { clock, duration } from "../shared/format.ts";
import { AFTER_S, BEFORE_S, places, type Place } from "./ads-words.ts";
import type { BreakSpan } from "./api.ts";
import { Rows, type Row } from "./rows.ts";

/** Minutes between two labels below the line. */
const STEP_MIN = 5;

/** Breaks on a line that moves: what was, what runs, what comes. */
export class Timeline {
  private readonly track = make("div", { class: "timeline-track" });
  private readonly rows = new Rows<Place>(this.track, (place) => place.id, (place) => this.row(place));
  private breaks: readonly BreakSpan[] = [];

  constructor(host: HTMLElement) {
    const now = make("span", { class: "timeline-now" });
    now.style.left = `${(BEFORE_S / (BEFORE_S + AFTER_S)) * 100}%`;
    host.append(this.track, now, labels());
  }

  update(breaks: readonly BreakSpan[]): void {
    this.breaks = breaks;
  }

  tick(serverNow: number): void {
    this.rows.show(places(this.breaks, serverNow));
  }

  private row(first: Place): Row<Place> {
    const element = make("span", { class: "timeline-break", title: this.title(first.id) });
    const update = (place: Place): void => {
      element.dataset["breakState"] = place.state;
      element.style.left = `${place.from * 100}%`;
      element.style.width = `${place.length * 100}%`;
    };
    return { element, update };
  }

  private title(id: string): string {
    const found = this.breaks.find((one) => one.id === id);
    if (!found) return id;
    return `${id}: ${duration(found.ends_at - found.starts_at)} from ${clock(found.starts_at * 1000)}`;
  }
}

function labels(): HTMLElement {
  const minutes = Array.from({ length: (BEFORE_S + AFTER_S) / 60 / STEP_MIN + 1 }, (_, n) => n * STEP_MIN - BEFORE_S / 60);
  return make("div", { class: "timeline-labels", "aria-hidden": "true" }, ...minutes.map((minute) => make("span", {}, label(minute))));
}

function label(minute: number): string {
  if (minute === 0) return "now";
  return minute < 0 ? `−${-minute} min` : `+${minute}`;
}
