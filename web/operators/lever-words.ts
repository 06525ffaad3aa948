import { clock } from "../shared/format.ts";
import type { AdLever, AdLeverPlace } from "./api.ts";

/** Whom ads are decided for, mildest first. */
export const LEVERS: readonly AdLeverPlace[] = ["personal", "cohort", "house", "none"];

/** What each does, for the operator who is about to take it. */
export const LEVER_DOES: Readonly<Record<AdLeverPlace, string>> = {
  personal: "Ads are decided for each viewer.",
  cohort: "Ads are decided once for all who are alike. Outside ad servers are not asked: their places get house ads.",
  house: "Breaks are filled with house ads: no line item is shown, and nothing is billed.",
  none: "Breaks are empty, and the channel shows its own picture: no line item is shown, and nothing is billed.",
};

/** Whether a step leaves fewer ads that somebody pays for. */
export function costsMoney(from: AdLeverPlace, to: AdLeverPlace): boolean {
  return (to === "house" || to === "none") && from !== "house" && from !== "none";
}

/** What is in force and whose word that is: "house, said by ada at 20:15:02". */
export function leverWords(lever: AdLever): string {
  if (lever.by === "posture") return `${lever.in_force}, by the posture; operators say ${lever.ads}`;
  if (lever.operator === "") return `${lever.in_force}, as ever`;
  return `${lever.in_force}, said by ${lever.operator} at ${clock(lever.at * 1000)}`;
}

/** What the question says before the lever is moved to `to`. */
export function leverLines(lever: AdLever, to: AdLeverPlace, adsPerS: number): readonly string[] {
  const lines = [LEVER_DOES[to]];
  if (costsMoney(lever.in_force, to)) lines.push(`This costs money: ${paid(adsPerS)}.`);
  if (LEVERS.indexOf(lever.posture) > LEVERS.indexOf(to)) lines.push(`The posture is stricter: ${lever.posture} stays in force until it is eased.`);
  return [...lines, `On every node within a second, instead of ${lever.in_force}.`];
}

function paid(adsPerS: number): string {
  return adsPerS > 0 ? `${adsPerS.toFixed(1)} pods a second have ads of line items now` : "the next break earns nothing";
}
