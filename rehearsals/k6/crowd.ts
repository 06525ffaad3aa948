import { Agenda } from "./agenda.ts";
import { Api } from "./api.ts";
import { counters, trends } from "./figures.ts";
import { arrivalsOf, endsAtMs, type Plan } from "./plan.ts";
import { type Plays, Viewer, type World } from "./viewer.ts";

/** How often a crowd looks at what is due, in milliseconds. */
const TICK_MS = 10;

/**
 * One part of all viewers, in one virtual user of k6: a virtual user for each viewer would cost some 100 KB of
 * memory for every person who mostly waits.
 *
 * Arrivals are an open model: their times are drawn from the plan alone, and no answer is waited for.
 */
export class Crowd {
  private readonly world: World;
  private planned = 0;
  private before = 0;

  constructor(
    private readonly plan: Plan,
    private readonly shard: number,
    private readonly tokenOf: (viewer: number) => string,
    private readonly plays: Plays,
    beganAtMs: number,
  ) {
    const now = (): number => Date.now() - beganAtMs;
    this.world = { plan, api: new Api(plan, now), agenda: new Agenda(), now, random: Math.random };
  }

  /** Until the last of them has left and every answer is there. */
  async run(): Promise<void> {
    const { agenda, api, now } = this.world;
    const over = endsAtMs(this.plan);
    for (let at = now(); at < over; at = now()) {
      this.planAhead(at);
      for (const act of agenda.due(at)) act.run();
      if (at > (this.plan.whistle_at_s + this.plan.whistle_s + 1) * 1000 && api.open === 0) return;
      await new Promise<void>((done) => setTimeout(() => done(), TICK_MS));
    }
  }

  /** Puts the arrivals of this second and the next on the agenda, each at a moment of its own. */
  private planAhead(atMs: number): void {
    const { agenda, random } = this.world;
    for (; this.planned < Math.min(atMs / 1000 + 1, this.plan.arrivals_per_s.length); this.planned += 1) {
      for (const viewer of arrivalsOf(this.plan, this.shard, this.planned, this.before)) {
        const dueMs = (this.planned + random()) * 1000;
        agenda.at(dueMs, () => this.arrive(viewer, dueMs));
      }
      this.before += this.plan.arrivals_per_s[this.planned] ?? 0;
    }
  }

  private arrive(viewer: number, dueMs: number): void {
    trends.late_ms.add(this.world.now() - dueMs);
    if (this.world.api.full) {
      counters.unmade.add(1);
      return;
    }
    counters.arrivals.add(1);
    new Viewer(this.world, viewer, this.tokenOf(viewer), this.plays).arrive().catch((error: unknown) => {
      counters.broken.add(1);
      console.error(String(error));
    });
  }
}
