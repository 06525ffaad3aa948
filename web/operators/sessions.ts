import { byId, make, setText } from "../shared/dom.ts";
import { clock, count } from "../shared/format.ts";
import { inWords } from "../shared/http.ts";
import type { Control, Session, SessionsPage } from "./api.ts";
import { act } from "./notice.ts";
import { Rows, type Row } from "./rows.ts";

/** Sessions on one page of the table. */
const PAGE = 20;

/** How often the page is read again, in milliseconds, and how long typing may pause before a search. */
const REFRESH_MS = 3_000;
const TYPING_MS = 250;

const REASON = "Ended by the control room";

/** Who is watching: search by account, page by page, end or kick one. */
export class Sessions {
  private readonly search = byId("session-search", HTMLInputElement);
  private readonly next = byId("sessions-next", HTMLButtonElement);
  private readonly first = byId("sessions-first", HTMLButtonElement);
  private readonly rows: Rows<Session>;
  private after: string | null = null;
  private following: string | null = null;
  private loading = new AbortController();
  private timer = 0;

  constructor(
    private readonly control: Control,
    private readonly onChange: () => void,
  ) {
    const body = byId("session-rows", HTMLElement);
    this.rows = new Rows(body, (s) => s.session, (s) => this.row(s));
    this.search.addEventListener("input", () => this.turnTo(null, TYPING_MS));
    this.next.addEventListener("click", () => this.turnTo(this.following, 0));
    this.first.addEventListener("click", () => this.turnTo(null, 0));
  }

  /** Reads the page now, and again and again from then on. */
  refresh(): void {
    this.schedule(0);
  }

  private turnTo(after: string | null, waitMs: number): void {
    this.after = after;
    this.schedule(waitMs);
  }

  private schedule(waitMs: number): void {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.load(), waitMs);
  }

  private async load(): Promise<void> {
    this.loading.abort();
    this.loading = new AbortController();
    const { signal } = this.loading;
    try {
      const page = await this.control.sessions(this.search.value.trim(), PAGE, this.after, signal);
      if (!signal.aborted) this.show(page);
    } catch (error) {
      if (!signal.aborted) setText(byId("sessions-note", HTMLElement), inWords(error));
    }
    if (!signal.aborted) this.schedule(REFRESH_MS);
  }

  private show(page: SessionsPage): void {
    this.following = page.next;
    this.next.disabled = page.next === null;
    this.first.disabled = this.after === null;
    this.rows.show(page.sessions);
    setText(byId("sessions-note", HTMLElement), page.total === 0 ? "Nobody is watching." : `${count(page.total)} in all`);
  }

  private row(session: Session): Row<Session> {
    const since = make("td", { class: "number" }, clock(instant(session.since)));
    const device = make("td", { title: session.device.id }, session.device.kind);
    const id = make("td", { class: "mono clip", title: session.session }, session.session);
    const actions = make("td", { class: "actions" });
    const account = make("th", { scope: "row" }, session.account);
    const element = make("tr", { "data-session": session.session }, account, make("td", {}, session.event), device, since, id, actions);
    this.offer(actions, session);
    return { element, update: () => undefined };
  }

  private offer(actions: HTMLElement, session: Session): void {
    const end = make("button", { type: "button", "data-action": "end" }, "End");
    const kick = make("button", { type: "button", "data-action": "kick", "data-tone": "bad" }, "Kick");
    end.addEventListener("click", () => this.confirmEnd(actions, session));
    kick.addEventListener("click", () => this.confirmKick(actions, session));
    actions.replaceChildren(end, kick);
  }

  private confirmEnd(actions: HTMLElement, session: Session): void {
    const done = `The session of ${session.account} has been ended.`;
    this.confirm(actions, session, "End it", [], () => this.control.end(session.session), done);
  }

  private confirmKick(actions: HTMLElement, session: Session): void {
    const reason = make("input", { "aria-label": "Reason, shown to the viewer", value: REASON, maxlength: "200" });
    const kick = (): Promise<void> => this.control.kick(session.session, reason.value.trim() || REASON);
    this.confirm(actions, session, "Kick", [reason], kick, `${session.account} has been kicked.`);
  }

  /** Asks in place: what was clicked by mistake costs one more click, not a viewer. */
  private confirm(actions: HTMLElement, session: Session, label: string, fields: readonly HTMLElement[], work: () => Promise<void>, done: string): void {
    const yes = make("button", { type: "submit", "data-action": "confirm", "data-tone": "bad" }, label);
    const no = make("button", { type: "button", "data-action": "cancel" }, "Cancel");
    const form = make("form", { class: "confirm" }, ...fields, yes, no);
    no.addEventListener("click", () => this.offer(actions, session));
    form.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.offer(actions, session);
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.carryOut(yes, done, work);
    });
    actions.replaceChildren(form);
    (fields[0] ?? yes).focus();
  }

  private async carryOut(button: HTMLButtonElement, done: string, work: () => Promise<void>): Promise<void> {
    if (!(await act(button, done, work))) return;
    this.refresh();
    this.onChange();
  }
}

/** An instant as the API gives it, RFC 3339 or seconds since the epoch, in milliseconds. */
function instant(at: string | number): number {
  return typeof at === "number" ? at * 1000 : Date.parse(at);
}
