import { describe, expect, it } from "vitest";

import { reachWords } from "../operators/reach-words.ts";

describe("who has watched so far", () => {
  it("is nothing before anybody has", () => {
    expect(reachWords({ heard: 0, accounts: [], error: 0.018 })).toBe("");
  });

  it("is said of the largest events, with the error", () => {
    const accounts = ["final", "semi", "quiz", "news"].map((name, n) => ({ name, viewers: 3_210_000 / 10 ** n }));
    expect(reachWords({ heard: 5, accounts, error: 0.0179 })).toBe(
      "Accounts that have watched so far: 3,210,000 of final, 321,000 of semi, 32,100 of quiz (by sketch, within 1.8 %).",
    );
  });
});
