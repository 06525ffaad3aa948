import type { Overview, Sample } from "./api.ts";
import { pacingOf, podsByFilling } from "./ads-words.ts";

/** Seconds of the match that the plots show. */
export const HISTORY_S = 900;

/** Samples further apart than this are not joined by a line, in seconds. */
const GAP_S = 4;

/** One column of a plot; null where nothing is known. */
export type Column = (number | null)[];

/** The last minutes, oldest first, one sample a second at most. */
export class History {
  private samples: Sample[] = [];

  /** The server's own memory replaces ours: after a reconnect it has what we missed. */
  replace(samples: readonly Sample[]): void {
    this.samples = [];
    for (const sample of samples) this.add(sample);
  }

  add(sample: Sample): void {
    const last = this.samples.at(-1);
    if (last && sample.at < last.at) return;
    if (last && Math.floor(sample.at) === Math.floor(last.at)) this.samples.pop();
    this.samples.push(sample);
    const oldest = sample.at - HISTORY_S;
    while (this.samples[0] && this.samples[0].at < oldest) this.samples.shift();
  }

  /** Instants, then one column per reading, with an empty row in each gap. */
  columns(readings: readonly ((sample: Sample) => number | null)[]): [Column, ...Column[]] {
    const times: Column = [];
    const columns: Column[] = readings.map(() => []);
    let previous: Sample | undefined;
    for (const sample of this.samples) {
      if (previous && sample.at - previous.at > GAP_S) {
        times.push(previous.at + 1);
        for (const column of columns) column.push(null);
      }
      times.push(sample.at);
      readings.forEach((read, i) => columns[i]?.push(read(sample)));
      previous = sample;
    }
    return [times, ...columns];
  }

  /** The figures of each name, viewers by pathway for one, each standing on those before it: the top line is the sum. */
  stacked(names: readonly string[], of: (sample: Sample) => Readonly<Record<string, number>>): [Column, ...Column[]] {
    const upTo = (last: number) => (sample: Sample) =>
      names.slice(0, last + 1).reduce((sum, name) => sum + (of(sample)[name] ?? 0), 0);
    return this.columns(names.map((_, i) => upTo(i)));
  }
}

export function sampleOf(overview: Overview): Sample {
  const { at, viewers, starts_per_s, requests_per_s, errors_per_s } = overview;
  const pathways = Object.fromEntries(overview.pathways.map((pathway) => [pathway.id, pathway.viewers]));
  const lag = overview.eventlog.lag;
  const pacing = pacingOf(overview.ads.items);
  return { at, viewers, starts_per_s, requests_per_s, errors_per_s, lag, pathways, pods_per_s: podsByFilling(overview.ads), pacing };
}
