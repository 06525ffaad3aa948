import { byId, make, setText } from "../shared/dom.ts";
import { count, percent, UNKNOWN } from "../shared/format.ts";
import { inWords } from "../shared/http.ts";
import type { Control } from "./api.ts";
import type { Billed } from "./billed.ts";
import { billedRows, money, reconciledWords, ROWS_MAX, shareTone, type BilledRow } from "./billing-words.ts";
import { act } from "./notice.ts";
import { Rows, type Row } from "./rows.ts";

/** How often the books are read again, in milliseconds: they are written a few seconds behind the beacons. */
const REFRESH_MS = 15_000;

const at = (id: string): HTMLElement => byId(id, HTMLElement);

/** What is billed: by campaign and line item, as the books have it, against what was decided. */
export class Billing {
  private readonly hours = byId("billing-hours", HTMLSelectElement);
  private readonly event = byId("billing-event", HTMLInputElement);
  private readonly link = byId("billing-csv", HTMLAnchorElement);
  private readonly rows = new Rows<BilledRow>(at("billing-rows"), (one) => one.key, (one) => this.row(one));
  private currency = "";
  private timer = 0;
  private asked = 0;

  constructor(private readonly control: Control) {
    for (const field of [this.hours, this.event]) field.addEventListener("change", () => this.refresh());
    this.link.addEventListener("click", (event) => this.download(event));
  }

  refresh(): void {
    clearTimeout(this.timer);
    this.link.href = this.control.billedCsvUrl(this.wanted());
    void this.load().finally(() => {
      clearTimeout(this.timer);
      this.timer = window.setTimeout(() => this.refresh(), REFRESH_MS);
    });
  }

  private wanted(): { event: string; hours: string } {
    return { event: this.event.value.trim(), hours: this.hours.value };
  }

  private async load(): Promise<void> {
    const asked = ++this.asked;
    try {
      const billed = await this.control.billed(this.wanted());
      // An answer that was overtaken by another choice is of no use.
      if (asked === this.asked) this.show(billed);
    } catch (error) {
      if (asked === this.asked) setText(at("billing-note"), inWords(error));
    }
  }

  private show(billed: Billed): void {
    this.currency = billed.currency;
    const rows = billedRows(billed);
    at("billing-table").hidden = rows.length === 0;
    this.rows.show(rows);
    const rest = billed.line_items.length > ROWS_MAX ? "; the file has all line items" : "";
    setText(at("billing-note"), rows.length > 0 ? `${reconciledWords(billed)}${rest}.` : "Nothing was counted yet.");
    setText(at("billing-sum"), money(billed.campaigns.reduce((sum, one) => sum + one.amount_micros, 0), billed.currency));
  }

  private row(first: BilledRow): Row<BilledRow> {
    const cells = Array.from({ length: 10 }, () => make("td", { class: "number" }));
    const name = first.kind === "campaign" ? first.of.campaign : first.of.line_item || "house ads and slate";
    const owner = first.kind === "campaign" ? make("span", { class: "soft" }, ` ${first.of.advertiser}`) : "";
    const element = make("tr", { "data-billed": first.key, class: `billed-${first.kind}` }, make("th", { scope: "row" }, name, owner), ...cells);
    const update = (row: BilledRow): void => {
      cells.forEach((cell, n) => setText(cell, this.texts(row)[n] ?? ""));
      cells[2]?.setAttribute("data-tone", shareTone(row.of.share));
      cells[8]?.classList.toggle("warn", row.of.late > 0);
    };
    return { element, update };
  }

  private texts(row: BilledRow): readonly string[] {
    const { decided, impressions, share, completes, clicks, late, amount_micros } = row.of;
    const quartiles = row.kind === "item" ? [row.of.first_quartiles, row.of.midpoints, row.of.third_quartiles].map(count) : ["", "", ""];
    const amount = row.kind === "item" && row.of.cpm_cents === 0 ? UNKNOWN : money(amount_micros, this.currency);
    const shown = [count(decided), count(impressions), share === null ? UNKNOWN : percent(share)];
    return [...shown, ...quartiles, count(completes), count(clicks), count(late), amount];
  }

  /** A link carries no token: where one is needed, the file is asked for with it. */
  private download(event: Event): void {
    if (this.control.token === null) return;
    event.preventDefault();
    void act(this.link, "The file is here.", async () => {
      const url = URL.createObjectURL(await this.control.billedCsv(this.wanted()));
      make("a", { href: url, download: "billed.csv" }).click();
      URL.revokeObjectURL(url);
    });
  }
}
