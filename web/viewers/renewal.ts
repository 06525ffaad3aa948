import { pause, type Random } from "../shared/backoff.ts";
import type { AddressBook, Addresses } from "./addresses.ts";
import { retryMs, verdictOf } from "./heartbeat.ts";

/** The first addresses are renewed up to this part of their time early, so that a crowd that came together spreads. */
const EARLY_SHARE = 0.5;

/**
 * Keeps the book's addresses new until the server says that the session is over.
 *
 * No other failure ends it: those at hand are good for some time yet, and it asks again. Rejects only when `signal`
 * aborts.
 */
export async function renewAddresses(
  book: AddressBook,
  firstS: number,
  ask: () => Promise<Addresses>,
  onRenewed: () => void,
  signal: AbortSignal,
  random: Random,
): Promise<void> {
  let everyMs = firstS * 1000;
  let failures = 0;
  let waitMs = everyMs * (1 - EARLY_SHARE * random());
  for (;;) {
    await pause(waitMs, signal);
    const askedAt = Date.now();
    try {
      const told = await ask();
      signal.throwIfAborted();
      book.take(told, askedAt);
      onRenewed();
      failures = 0;
      waitMs = everyMs = told.renew_s * 1000;
    } catch (error) {
      signal.throwIfAborted();
      if (verdictOf(error)) return;
      failures += 1;
      waitMs = retryMs(error, failures, everyMs, random);
    }
  }
}
