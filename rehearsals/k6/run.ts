/**
 * A crowd in k6: `tifo rehearse` writes the plan, starts a scenario's main file, and judges what it found.
 *
 * Environment: TIFO_PLAN is the plan's file, TIFO_TOKENS one of tokens by line (or none), TIFO_FOUND where the
 * figures go.
 */
import { SharedArray } from "k6/data";
import exec from "k6/execution";
import type { Options } from "k6/options";
import { Crowd } from "./crowd.ts";
import { found } from "./figures.ts";
import { endsAtMs, type Plan } from "./plan.ts";
import type { Plays } from "./viewer.ts";

const plan = JSON.parse(open(__ENV["TIFO_PLAN"] ?? "plan.json")) as Plan;
const tokensFile = __ENV["TIFO_TOKENS"] ?? "";
const tokens = new SharedArray("tokens", () => (tokensFile ? open(tokensFile).trim().split("\n") : []));

export const options: Options = {
  scenarios: {
    viewers: {
      executor: "per-vu-iterations",
      vus: plan.shards,
      iterations: 1,
      maxDuration: `${Math.ceil(endsAtMs(plan) / 1000) + 30}s`,
    },
  },
  // Metrics by address would be one time series for each session.
  systemTags: [],
  summaryTrendStats: ["p(50)", "p(95)", "p(99)", "max", "count"],
  batch: 1_000,
  batchPerHost: 1_000,
  noCookiesReset: true,
};

/** This virtual user's part of the crowd, with the scenario's player. */
export async function run(plays: Plays): Promise<void> {
  const shard = exec.vu.idInTest - 1;
  await new Crowd(plan, shard, (viewer) => tokens[viewer] ?? "", plays, exec.scenario.startTime).run();
}

export function handleSummary(data: { metrics: Record<string, { values: Record<string, number> }> }): Record<string, string> {
  return { [__ENV["TIFO_FOUND"] ?? "found.json"]: JSON.stringify(found(data.metrics)) };
}
