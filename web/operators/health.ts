import { byId, make, setText } from "../shared/dom.ts";
import { count, duration, rate, UNKNOWN } from "../shared/format.ts";
import type { Cache, Store } from "./api.ts";
import { hitShare } from "./hit-share.ts";
import { Rows, type Row } from "./rows.ts";

/** The stores: whether they answer, since when, and how much they are asked. */
export class Stores {
  private serverNow = 0;
  private readonly rows = new Rows<Store>(byId("store-rows", HTMLElement), (s) => `${s.name} ${s.kind}`, (s) => this.row(s));

  /** `serverNow` is in seconds since the epoch by the server's clock. */
  update(stores: readonly Store[], serverNow: number): void {
    this.serverNow = serverNow;
    this.rows.show(stores);
    showOne("stores", stores.length > 0);
  }

  private row(first: Store): Row<Store> {
    const badge = make("span", { class: "badge" });
    const [since, commands, trips] = [number(), number(), number()];
    const name = make("th", { scope: "row" }, first.name, " ", make("span", { class: "soft" }, first.kind));
    const element = make("tr", { "data-store": first.name }, name, make("td", {}, badge), since, commands, trips);
    const update = (store: Store): void => {
      element.dataset["storeState"] = store.state;
      setText(badge, store.state === "ok" ? "ok" : `failing on ${store.nodes_failing} of ${store.nodes}`);
      badge.dataset["tone"] = store.state === "ok" ? "good" : "bad";
      setText(since, duration(this.serverNow - store.since));
      setText(commands, rate(store.commands_per_s));
      setText(trips, rate(store.round_trips_per_s));
    };
    return { element, update };
  }
}

/** The caches: which share of reads they answer by themselves, and how. */
export class Caches {
  private readonly rows = new Rows<Cache>(byId("cache-rows", HTMLElement), (cache) => cache.name, cacheRow);

  update(caches: readonly Cache[]): void {
    this.rows.show(caches);
    showOne("caches", caches.length > 0);
  }
}

function cacheRow(first: Cache): Row<Cache> {
  const cells = Array.from({ length: 5 }, number);
  const element = make("tr", { "data-cache": first.name }, make("th", { scope: "row" }, first.name), ...cells);
  const update = (cache: Cache): void => {
    const hits = hitShare(cache);
    const texts = [
      hits === null ? UNKNOWN : `${Math.floor(hits * 1000) / 10} %`,
      rate(cache.stale_per_s),
      rate(cache.coalesced_per_s),
      rate(cache.misses_per_s),
      count(cache.entries),
    ];
    cells.forEach((cell, i) => setText(cell, texts[i] ?? ""));
    cells[1]?.classList.toggle("warn", cache.stale_per_s > 0);
  };
  return { element, update };
}

/** The table where there is something in it, else the note that there is not. */
function showOne(what: string, some: boolean): void {
  byId(`${what}-note`, HTMLElement).hidden = some;
  byId(`${what}-table`, HTMLElement).hidden = !some;
}

const number = (): HTMLTableCellElement => make("td", { class: "number" });
