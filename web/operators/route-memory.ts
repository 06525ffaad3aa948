import type { RouteFigures } from "./api.ts";

export const routeKey = (route: RouteFigures): string => `${route.method} ${route.route}`;

interface Seen {
  readonly latest: RouteFigures;
  readonly peak: number;
}

/** Every route seen so far, quiet ones at zero, in an order that settles: by the busiest second of each. */
export class RouteMemory {
  private seen = new Map<string, Seen>();

  with(routes: readonly RouteFigures[]): readonly RouteFigures[] {
    const now = new Map(routes.map((route) => [routeKey(route), route]));
    for (const [key, { latest, peak }] of this.seen) {
      if (!now.has(key)) this.seen.set(key, { latest: { ...latest, requests_per_s: 0, errors_per_s: 0 }, peak });
    }
    for (const [key, latest] of now) {
      this.seen.set(key, { latest, peak: Math.max(latest.requests_per_s, this.seen.get(key)?.peak ?? 0) });
    }
    return [...this.seen].sort(([a, x], [b, y]) => y.peak - x.peak || a.localeCompare(b)).map(([, { latest }]) => latest);
  }
}
