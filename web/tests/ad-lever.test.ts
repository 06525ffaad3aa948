import { expect, test } from "vitest";
import type { AdLever } from "../operators/api.ts";
import { costsMoney, leverLines, leverWords } from "../operators/lever-words.ts";

const usual: AdLever = { ads: "personal", in_force: "personal", by: "nobody", operator: "", at: 0, posture: "personal" };
const lean: AdLever = { ...usual, in_force: "cohort", by: "posture", posture: "cohort" };

test("the lever says whose word it is", () => {
  expect(leverWords(usual)).toBe("personal, as ever");
  expect(leverWords(lean)).toBe("cohort, by the posture; operators say personal");
  expect(leverWords({ ...usual, ads: "house", in_force: "house", by: "operator", operator: "ada", at: 0 })).toMatch(/^house, said by ada at \d\d:\d\d:00$/);
});

test("only the step to no paid ads costs money", () => {
  expect(costsMoney("personal", "cohort")).toBe(false);
  expect(costsMoney("cohort", "house")).toBe(true);
  expect(costsMoney("personal", "none")).toBe(true);
  expect(costsMoney("house", "none")).toBe(false);
  expect(costsMoney("none", "personal")).toBe(false);
});

test("the question says what it costs, and what a stricter posture makes of it", () => {
  expect(leverLines(usual, "none", 12.3)[1]).toBe("This costs money: 12.3 pods a second have ads of line items now.");
  expect(leverLines(usual, "house", 0)[1]).toBe("This costs money: the next break earns nothing.");
  expect(leverLines(lean, "personal", 5)[1]).toBe("The posture is stricter: cohort stays in force until it is eased.");
  expect(leverLines(usual, "cohort", 5)).toHaveLength(2);
});
