import { expect, test } from "vitest";
import { Agenda } from "../../rehearsals/sessions/agenda.ts";
import { arrivalsOf, endsAtMs, type Plan } from "../../rehearsals/sessions/plan.ts";

const plan: Plan = {
  target: "http://127.0.0.1:8080",
  event: "demo",
  prefix: "rehearsal",
  login: true,
  arrivals_per_s: [5, 0, 13, 2],
  goals: [],
  whistle_at_s: 9,
  whistle_s: 5,
  silent_share: 0.1,
  without: [],
  shards: 4,
  open_requests_max: 100,
  request_s_max: 8,
};

test("every viewer arrives once, in their second, in one shard only", () => {
  let before = 0;
  for (const [second, count] of plan.arrivals_per_s.entries()) {
    const shards = Array.from({ length: plan.shards }, (_, shard) => [...arrivalsOf(plan, shard, second, before)]);
    const all = shards.flat().sort((one, other) => one - other);
    expect(all).toEqual(Array.from({ length: count }, (_, n) => before + n));
    for (const [shard, numbers] of shards.entries()) expect(numbers.every((number) => number % plan.shards === shard)).toBe(true);
    before += count;
  }
});

test("it is over when the last viewer has left and their last request is given up", () => {
  expect(endsAtMs(plan)).toBe(22_000);
});

test("acts come in the order of their time, each once, and none before it is due", () => {
  const agenda = new Agenda();
  for (const at of [500, 100, 300, 100]) agenda.at(at, () => undefined);
  expect([...agenda.due(90)]).toHaveLength(0);
  expect([...agenda.due(400)].map((act) => act.atMs)).toEqual([100, 100, 300]);
  expect([...agenda.due(400)]).toHaveLength(0);
  expect([...agenda.due(1_000)].map((act) => act.atMs)).toEqual([500]);
});

test("what is overdue comes next, also when it is put down by an act", () => {
  const agenda = new Agenda();
  const done: string[] = [];
  agenda.at(100, () => {
    done.push("first");
    agenda.at(50, () => done.push("late"));
  });
  for (const act of agenda.due(1_000)) act.run();
  expect(done).toEqual(["first", "late"]);
});
