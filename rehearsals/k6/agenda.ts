/** Acts that are due at about the same time lie in one slot: one timer for a crowd instead of one each. */
const SLOT_MS = 20;

export interface Act {
  readonly atMs: number;
  readonly run: () => void;
}

/** What a crowd has to do and when, in milliseconds from the beginning. */
export class Agenda {
  private readonly slots = new Map<number, Act[]>();
  private next = 0;

  at(atMs: number, run: () => void): void {
    // What is overdue goes into the first slot that has not been emptied yet.
    const slot = Math.max(Math.floor(atMs / SLOT_MS), this.next);
    const there = this.slots.get(slot);
    if (there) there.push({ atMs, run });
    else this.slots.set(slot, [{ atMs, run }]);
  }

  /** The acts of every slot that is over, earliest slot first; each is given once. */
  *due(nowMs: number): Generator<Act> {
    for (const past = Math.floor(nowMs / SLOT_MS); this.next < past; ) {
      const acts = this.slots.get(this.next) ?? [];
      this.slots.delete(this.next);
      this.next += 1;
      yield* acts;
    }
  }
}
