/** What a player calls when `atS` seconds of the pod have been played. */
export interface Beacon {
  readonly atS: number;
  readonly url: string;
}

/** A pod as its player needs it. */
export interface Pod {
  readonly ads: number;
  readonly beacons: readonly Beacon[];
}

interface Asset {
  readonly URI: string;
  readonly DURATION: number;
  readonly "X-AD-CREATIVE-SIGNALING"?: { readonly payload: readonly Signalled[] };
}

interface Signalled {
  readonly start?: number;
  readonly tracking: readonly { readonly offset?: number; readonly urls: readonly string[] }[];
}

/** The platform's own tracking: another server's, whose ad may be in the list, is not ours to load. */
const OWN = "/v1/ads/t/";

/** Room for durations that are no whole numbers in floating point. */
const ROUNDING_S = 0.001;

/**
 * Reads an asset list (draft-pantos-hls-rfc8216bis-22, appendix D.2) with its signalling (SVTA2053-2). Null for what
 * is none, and for one that lasts longer than its break.
 */
export function readAssetList(text: string, breakS: number): Pod | null {
  try {
    const assets = (JSON.parse(text) as { readonly ASSETS: readonly Asset[] }).ASSETS;
    if (!Array.isArray(assets) || !assets.every(plays)) return null;
    const beacons: Beacon[] = [];
    let lastsS = 0;
    for (const asset of assets) {
      for (const signalled of asset["X-AD-CREATIVE-SIGNALING"]?.payload ?? []) beacons.push(...calls(signalled, lastsS));
      lastsS += asset.DURATION;
    }
    return lastsS <= breakS + ROUNDING_S ? { ads: assets.length, beacons } : null;
  } catch {
    return null;
  }
}

function plays(asset: Asset): boolean {
  return typeof asset.URI === "string" && asset.URI !== "" && Number.isFinite(asset.DURATION) && asset.DURATION > 0;
}

/** What has no offset happens or does not: a skip, an error. */
function* calls(signalled: Signalled, fromS: number): Generator<Beacon> {
  for (const { offset, urls } of signalled.tracking) {
    if (offset === undefined) continue;
    for (const url of urls) if (url.includes(OWN)) yield { atS: fromS + (signalled.start ?? 0) + offset, url };
  }
}
