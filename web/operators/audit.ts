import { byId, make, setText } from "../shared/dom.ts";
import { clock } from "../shared/format.ts";
import { inWords } from "../shared/http.ts";
import type { AuditEntry, Control } from "./api.ts";

/** How often the list is read again, in milliseconds, and how much of it is shown. */
const REFRESH_MS = 10_000;
const SHOWN_MAX = 50;

/** Who did what in the control room, newest first. */
export class Audit {
  private timer = 0;
  private shown = "";

  constructor(private readonly control: Control) {}

  refresh(): void {
    clearTimeout(this.timer);
    void this.load().finally(() => {
      clearTimeout(this.timer);
      this.timer = window.setTimeout(() => this.refresh(), REFRESH_MS);
    });
  }

  private async load(): Promise<void> {
    const note = byId("audit-note", HTMLElement);
    try {
      const entries = (await this.control.audit()).slice(0, SHOWN_MAX);
      this.show(entries);
      setText(note, entries.length === 0 ? "Nothing yet." : "");
    } catch (error) {
      setText(note, inWords(error));
    }
  }

  private show(entries: readonly AuditEntry[]): void {
    const shown = JSON.stringify(entries);
    if (shown === this.shown) return;
    this.shown = shown;
    byId("audit", HTMLElement).replaceChildren(...entries.map(line));
  }
}

function line(entry: AuditEntry): HTMLElement {
  const what = make("div", {}, make("strong", {}, entry.action), " ", make("span", { class: "mono" }, entry.target));
  const who = make("div", { class: "soft" }, [entry.operator, entry.detail].filter(Boolean).join(" · "));
  return make("li", {}, make("time", { datetime: entry.at }, clock(Date.parse(entry.at))), make("div", {}, what, who));
}
