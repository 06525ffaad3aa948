/** One thing that looks wrong. Times are in seconds since the epoch; the subject is empty where it is everybody. */
export interface Anomaly {
  readonly id: string;
  readonly kind: string;
  readonly subject: string;
  readonly since: number;
  readonly evidence: string;
}

export interface PastAnomaly extends Anomaly {
  readonly until: number;
}

/** How far behind a group of workers is on a topic; `lost` were forgotten before it had handled them. */
export interface GroupLag {
  readonly group: string;
  readonly topic: string;
  readonly lag: number;
  readonly lost: number;
}

/** Events of one node that wait on its disk. `dropped` and `refused` since its process began. */
export interface Spool {
  readonly state: "ok" | "holding" | "refusing" | "absent";
  readonly records: number;
  readonly bytes: number;
  readonly bytes_max: number;
  readonly oldest_s: number;
  readonly dropped: Readonly<Record<string, number>>;
  readonly refused: number;
}

/** The event log; `topics` is what nodes append to each, per second. */
export interface EventLog {
  readonly state: "ok" | "failing";
  readonly events_per_s: number;
  readonly lag: number;
  readonly groups: readonly GroupLag[];
  readonly spools: Readonly<Record<string, Spool>>;
  readonly topics: Readonly<Record<string, number>>;
}

/** A record that a group of workers could not handle; its value lacks its end where it is `cut`. */
export interface Letter {
  readonly parked_at: string;
  readonly reason: string;
  readonly topic: string;
  readonly key: string;
  readonly type: string;
  readonly id: string;
  readonly at: string;
  readonly value: string;
  readonly cut: boolean;
}

/** The oldest letters of a group, and whether there are more. */
export interface Letters {
  readonly letters: readonly Letter[];
  readonly more: boolean;
}
