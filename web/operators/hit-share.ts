import type { Cache } from "./api.ts";

/** The share of reads that asked nobody; null while nobody reads. */
export function hitShare(cache: Cache): number | null {
  const reads = cache.hits_per_s + cache.stale_per_s + cache.coalesced_per_s + cache.misses_per_s;
  return reads > 0 ? (cache.hits_per_s + cache.stale_per_s) / reads : null;
}
