import { byId, make, setText } from "../shared/dom.ts";
import { count, duration, millis, rate } from "../shared/format.ts";
import type { Part, RouteFigures } from "./api.ts";
import { RouteMemory, routeKey } from "./route-memory.ts";
import { Rows, type Row } from "./rows.ts";

const PART_TONES = { running: "good", starting: "warn", "backing-off": "bad", stopped: "" } as const;

/** The parts of this machine. `serverNow` is in seconds since the epoch by the server's clock. */
export class Parts {
  private serverNow = 0;
  private readonly rows = new Rows<Part>(byId("part-rows", HTMLElement), (part) => part.name, (part) => this.row(part));

  update(parts: readonly Part[], serverNow: number): void {
    this.serverNow = serverNow;
    this.rows.show(parts);
  }

  private row(first: Part): Row<Part> {
    const badge = make("span", { class: "badge" });
    const error = make("div", { class: "fault" });
    const pid = make("td", { class: "number mono" });
    const restarts = make("td", { class: "number" });
    const since = make("td", { class: "number" });
    const name = make("th", { scope: "row" }, first.name, error);
    const element = make("tr", { "data-part": first.name }, name, make("td", {}, badge), since, restarts, pid);
    const update = (part: Part): void => {
      element.dataset["partState"] = part.state;
      setText(badge, part.state);
      badge.dataset["tone"] = PART_TONES[part.state];
      setText(error, part.error);
      setText(pid, part.pid === null ? "" : String(part.pid));
      setText(restarts, count(part.restarts));
      restarts.classList.toggle("warn", part.restarts > 0);
      setText(since, duration(this.serverNow - part.since));
    };
    return { element, update };
  }
}

/** Requests by route. A route that was seen stays, and the busiest second of each decides its place: rows must not jump. */
export class Routes {
  private readonly rows = new Rows<RouteFigures>(byId("route-rows", HTMLElement), routeKey, routeRow);
  private readonly memory = new RouteMemory();

  update(routes: readonly RouteFigures[]): void {
    this.rows.show(this.memory.with(routes));
  }
}

function routeRow(first: RouteFigures): Row<RouteFigures> {
  const cells = Array.from({ length: 4 }, () => make("td", { class: "number" }));
  const name = make("th", { scope: "row", class: "mono" }, make("span", { class: "method" }, first.method), ` ${first.route}`);
  const element = make("tr", { "data-route": routeKey(first) }, name, ...cells);
  const update = (route: RouteFigures): void => {
    const texts = [rate(route.requests_per_s), rate(route.errors_per_s), millis(route.p50_ms), millis(route.p99_ms)];
    cells.forEach((cell, i) => setText(cell, texts[i] ?? ""));
    cells[1]?.classList.toggle("bad", route.errors_per_s > 0);
  };
  return { element, update };
}
