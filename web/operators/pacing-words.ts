import { count } from "../shared/format.ts";
import type { LineItem } from "./api.ts";

/** How far delivery is from its pace: "900, 100 behind its pace". */
export function offPace({ delivered, due, even, goal }: Pick<LineItem, "delivered" | "due" | "even" | "goal">): string {
  if (!even) return `${count(delivered)} of ${count(goal)}, as fast as it goes`;
  if (delivered === due) return `${count(delivered)}, on its pace`;
  return `${count(delivered)}, ${count(Math.abs(delivered - due))} ${delivered < due ? "behind" : "ahead of"} its pace`;
}
