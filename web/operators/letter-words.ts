import { count } from "../shared/format.ts";
import type { Letters } from "./log-types.ts";

/** A value as people read it: JSON with a line for each field, anything else as it is; cut off where it was. */
export function valueWords(value: string, cut: boolean): string {
  if (cut) return `${value}…`;
  try {
    return JSON.stringify(JSON.parse(value), null, 2);
  } catch {
    return value;
  }
}

/** How many letters a group has; the answer has the oldest of them. */
export function lettersNote(group: string, { letters, more }: Letters): string {
  if (letters.length === 0) return `${group} has set nothing aside.`;
  const number = letters.length === 1 ? "1 letter" : `${count(letters.length)} letters`;
  return more ? `The oldest ${number}; there are more.` : `${number}, the oldest first.`;
}

/** What the operator is asked before letters go out again. */
export function replayLines(group: string, number: number): readonly string[] {
  const which = number === 1 ? "The letter" : `The oldest ${count(number)} letters`;
  return [
    `${which} of ${group} ${number === 1 ? "is" : "are"} delivered to it again, and to nobody else.`,
    "Mend the reason first: what fails again is set aside again.",
  ];
}

/** What came of it. */
export function replayedWords(group: string, number: number): string {
  return `${count(number)} delivered again to ${group}.`;
}
