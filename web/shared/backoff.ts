/** A random number in [0, 1): `Math.random` in the pages, a fixed one in tests. */
export type Random = () => number;

/**
 * How long to wait before try number `attempt` (the first is 0), in milliseconds: anywhere up to a ceiling that
 * doubles from `baseMs` to `maxMs`, so that a crowd cut off together does not come back together.
 */
export function backoffMs(attempt: number, baseMs: number, maxMs: number, random: Random): number {
  const ceiling = Math.min(maxMs, baseMs * 2 ** Math.min(attempt, 30));
  return ceiling / 2 + (random() * ceiling) / 2;
}

/** Waits, or rejects as soon as the signal aborts. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((done, failed) => {
    const abort = (): void => {
      clearTimeout(timer);
      failed(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", abort);
      done();
    }, ms);
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
}
