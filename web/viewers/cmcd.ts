/** Changes of pathway remembered: more than a player makes in the life of a report. */
const CHANGES_MAX = 64;

/** A report that could not be delivered for this long is given up: telemetry must not pile up in a player. */
const REPORT_MS_MAX = 60_000;

/** Which pathway carried the pictures, and since when: a report that is sent late names the pathway of its own instant. */
export class PathwayLog {
  private readonly changes: { at: number; pathway: string }[] = [];

  add(at: number, pathway: string): void {
    this.changes.push({ at, pathway });
    if (this.changes.length > CHANGES_MAX) this.changes.shift();
  }

  at(instant: number): string | null {
    return this.changes.findLast((change) => change.at <= instant)?.pathway ?? null;
  }
}

/** The members of one CMCD record (an RFC 8941 dictionary), split at the commas between them. */
export function members(record: string): string[] {
  const found: string[] = [];
  let begin = 0;
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < record.length; i += 1) {
    const c = record[i];
    if (quoted && c === "\\") i += 1;
    else if (c === '"') quoted = !quoted;
    else if (!quoted && c === "(") depth += 1;
    else if (!quoted && c === ")") depth -= 1;
    else if (!quoted && depth === 0 && c === ",") {
      found.push(record.slice(begin, i));
      begin = i + 1;
    }
  }
  found.push(record.slice(begin));
  return found;
}

const keyOf = (member: string): string => /^[^=;]*/.exec(member)?.[0] ?? "";
const valueOf = (record: readonly string[], key: string): string | null =>
  record.find((m) => m.startsWith(`${key}=`))?.slice(key.length + 1) ?? null;

/**
 * One record with the `cdn` key of CTA-5004-B added in its alphabetical place.
 *
 * hls.js 1.7 has no way to set `cdn` (its reporter takes custom keys only), so it is added as the record leaves.
 * A record of an interstitial's player (another `cid`) is left alone: its CDN is the ad's, not the match's.
 */
export function withCdn(record: string, contentId: string, pathways: PathwayLog): string {
  const parts = members(record);
  const pathway = pathways.at(Number(valueOf(parts, "ts")));
  if (pathway === null || valueOf(parts, "cdn") !== null || valueOf(parts, "cid") !== JSON.stringify(contentId)) {
    return record;
  }
  const place = parts.findIndex((part) => keyOf(part) > "cdn");
  parts.splice(place === -1 ? parts.length : place, 0, `cdn=${JSON.stringify(pathway)}`);
  return parts.join(",");
}

/** Whether every record of a report is too old to be worth another try. */
export function isStale(body: string, now: number): boolean {
  return body.split("\n").every((line) => line === "" || Number(valueOf(members(line), "ts")) < now - REPORT_MS_MAX);
}

/** hls.js's sender of CMCD reports, with the pathway added. Never rejects for a report that is too old. */
export function reportSender(contentId: string, pathways: PathwayLog, now: () => number) {
  return async (request: { url: string; headers?: Record<string, string>; body?: BodyInit }): Promise<{ status: number }> => {
    const body = String(request.body ?? "");
    const lines = body.split("\n").filter((line) => line !== "");
    const named = lines.map((line) => withCdn(line, contentId, pathways)).join("\n");
    try {
      const headers = request.headers ?? {};
      const { status } = await fetch(request.url, { method: "POST", headers, body: named, keepalive: true });
      return { status: status >= 400 && isStale(body, now()) ? 204 : status };
    } catch (error) {
      if (isStale(body, now())) return { status: 204 };
      throw error;
    }
  };
}
