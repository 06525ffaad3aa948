/** One server-sent event. */
export interface ServerEvent {
  readonly event: string;
  readonly data: string;
}

/** Characters of an unfinished event that are kept; a stream that never ends one is refused. */
const PENDING_CHARS_MAX = 4_000_000;

/** Reads text/event-stream piece by piece. `EventSource` would do, but cannot send an Authorization header. */
export class SseParser {
  private pending = "";

  /** The events that this piece completes. */
  push(piece: string): ServerEvent[] {
    // A piece may end between CR and LF, so only whole line ends are made uniform, and the last CR waits.
    this.pending = (this.pending + piece).replace(/\r\n/g, "\n");
    const found: ServerEvent[] = [];
    for (let end = this.pending.indexOf("\n\n"); end !== -1; end = this.pending.indexOf("\n\n")) {
      const event = parse(this.pending.slice(0, end));
      if (event) found.push(event);
      this.pending = this.pending.slice(end + 2);
    }
    if (this.pending.length > PENDING_CHARS_MAX) throw new Error("the stream sent an event without an end");
    return found;
  }
}

function parse(block: string): ServerEvent | null {
  let event = "message";
  const data: string[] = [];
  for (const line of block.split("\n")) {
    const [, field, value] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
    if (field === "event") event = value ?? "";
    else if (field === "data") data.push(value ?? "");
  }
  return data.length === 0 ? null : { event, data: data.join("\n") };
}
