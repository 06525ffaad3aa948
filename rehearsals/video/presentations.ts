/** What a player has to know of its playlist or MPD. Which are the platform's own: so little is read of them. */
export interface Presentation {
  readonly steering: string;
  /** First the one that it begins with. */
  readonly pathways: readonly string[];
  /** The least picture by its pathway; empty where the player is none of those who ask a CDN. */
  readonly addresses: ReadonlyMap<string, string>;
  /** The address of the segment that is played now; of DASH, where time gives its number. */
  readonly segmentAt: (address: string, nowMs: number) => string;
}

/** An HLS multivariant playlist (RFC 8216bis, section 4.4.6). */
export function readPlaylist(text: string, sampled: boolean): Presentation {
  const first = /PATHWAY-ID="([^"]+)"/.exec(text)?.[1];
  const steering = /SERVER-URI="([^"]+)"/.exec(text)?.[1];
  if (!first || !steering) throw new Error("a playlist without content steering");
  // In the order of the ladder, best first: the last of a pathway is the least.
  const variants = [...text.matchAll(/#EXT-X-STREAM-INF:.*PATHWAY-ID="([^"]+)".*\n(.+)/g)];
  const addresses = new Map(variants.map(([, pathway, address]) => [pathway ?? "", address ?? ""]));
  const pathways = [first, ...[...addresses.keys()].filter((one) => one !== first)];
  return { steering, pathways, addresses: sampled ? addresses : new Map(), segmentAt: (address) => address };
}

/** A DASH MPD with one BaseURL for each pathway and numbered segments (ETSI TS 103 998, ISO/IEC 23009-1). */
export function readMpd(text: string, sampled: boolean): Presentation {
  const first = attribute(text, "defaultServiceLocation");
  const steering = /<ContentSteering[^>]*>([^<]+)</.exec(text)?.[1];
  if (!first || !steering) throw new Error("an MPD without content steering");
  const bases = [...text.matchAll(/<BaseURL serviceLocation="([^"]+)">([^<]+)</g)];
  const addresses = new Map(bases.map(([, pathway, address]) => [pathway ?? "", plain(address ?? "")]));
  return {
    steering: plain(steering),
    pathways: [first, ...[...addresses.keys()].filter((one) => one !== first)],
    addresses: sampled ? addresses : new Map(),
    segmentAt: sampled ? numbered(text) : (address) => address,
  };
}

/** The segment that a player at the suggested delay is at, by the clock that the MPD sets. */
function numbered(text: string): Presentation["segmentAt"] {
  const durationS = Number(attribute(text, "duration"));
  const delayS = Number(/suggestedPresentationDelay="PT(\d+)S"/.exec(text)?.[1] ?? 0);
  const aheadMs = Date.parse(/<UTCTiming[^>]*value="([^"]+)"/.exec(text)?.[1] ?? "") - Date.now();
  const least = [...text.matchAll(/<Representation id="([^"]+)"[^>]* width=/g)].at(-1)?.[1] ?? "";
  return (address, nowMs) => `${address}${least}/${Math.floor(((nowMs + aheadMs) / 1000 - delayS) / durationS)}.m4s`;
}

function attribute(text: string, name: string): string | undefined {
  return new RegExp(` ${name}="([^"]+)"`).exec(text)?.[1];
}

function plain(text: string): string {
  return text.replaceAll("&amp;", "&");
}
