import { byId, make, setText } from "../shared/dom.ts";
import { clock, count } from "../shared/format.ts";
import { inWords } from "../shared/http.ts";
import type { Control, Kick, Overview, Session, SessionsPage } from "./api.ts";
import { confirm, refreshConfirm } from "./confirm.ts";
import { act } from "./notice.ts";
import { Rows, type Row } from "./rows.ts";
import { watching } from "./split.ts";

/** Sessions on one page of the table, and how many of an account are counted before it is kicked. */
const PAGE = 20;
const COUNTED_MAX = 200;

/** How often the page is read again, in milliseconds, and how long typing may pause before a search. */
const REFRESH_MS = 3_000;
const TYPING_MS = 250;

const REASON = "Ended by the control room";

/** Who is watching: by account and event, page by page; end or kick one, an account, or an event. */
export class Sessions {
  private readonly account = byId("session-account", HTMLInputElement);
  private readonly event = byId("session-event", HTMLInputElement);
  private readonly kickAccount = byId("kick-account", HTMLButtonElement);
  private readonly kickEvent = byId("kick-event", HTMLButtonElement);
  private readonly next = byId("sessions-next", HTMLButtonElement);
  private readonly first = byId("sessions-first", HTMLButtonElement);
  private readonly rows: Rows<Session>;
  private overview: Overview | null = null;
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
    for (const field of [this.account, this.event]) field.addEventListener("input", () => this.filter(TYPING_MS));
    this.next.addEventListener("click", () => this.turnTo(this.following, 0));
    this.first.addEventListener("click", () => this.turnTo(null, 0));
    this.kickAccount.addEventListener("click", () => void this.askToKickAccount(this.account.value.trim()));
    this.kickEvent.addEventListener("click", () => void this.askToKickEvent(this.event.value.trim()));
  }

  /** Reads the page now, and again and again from then on. */
  refresh(): void {
    this.schedule(0);
  }

  /** What the split by event says: suggestions for the filter, and how many a kick hits. */
  update(overview: Overview): void {
    this.overview = overview;
    const names = overview.audience.event.top.map(({ name }) => name).filter(Boolean);
    const list = byId("event-names", HTMLElement);
    if (names.join() !== list.dataset["names"]) {
      list.dataset["names"] = names.join();
      list.replaceChildren(...names.map((value) => make("option", { value })));
    }
    refreshConfirm();
  }

  /** Shows who watches an event. */
  showEvent(event: string): void {
    this.event.value = event;
    this.filter(0);
    this.event.focus();
  }

  private filter(waitMs: number): void {
    this.kickAccount.disabled = this.account.value.trim() === "";
    this.kickEvent.disabled = this.event.value.trim() === "";
    this.turnTo(null, waitMs);
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
    const wanted = { account: this.account.value.trim(), event: this.event.value.trim(), limit: PAGE, after: this.after };
    try {
      const page = await this.control.sessions(wanted, signal);
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
    const none = page.sessions.length === 0 && page.next === null && page.total > 0 ? "None like that; " : "";
    setText(byId("sessions-note", HTMLElement), page.total === 0 ? "Nobody is watching." : `${none}${count(page.total)} in all`);
  }

  private row(session: Session): Row<Session> {
    const since = make("td", { class: "number" }, clock(instant(session.since)));
    const device = make("td", { title: session.device.id }, session.device.kind);
    const id = make("td", { class: "mono clip", title: session.session }, session.session);
    const end = make("button", { type: "button", "data-action": "end" }, "End");
    const kick = make("button", { type: "button", "data-action": "kick", "data-tone": "bad" }, "Kick");
    end.addEventListener("click", () => void this.askToEnd(end, session));
    kick.addEventListener("click", () => void this.askToKick(kick, session));
    const account = make("th", { scope: "row" }, session.account);
    const actions = make("td", { class: "actions" }, end, kick);
    const element = make("tr", { "data-session": session.session }, account, make("td", {}, session.event), device, since, id, actions);
    return { element, update: () => undefined };
  }

  private async askToEnd(button: HTMLButtonElement, session: Session): Promise<void> {
    const answer = await confirm({ title: "End a session", lines: () => [inWordsOf(session)], label: "End it" });
    if (answer === null) return;
    await this.carryOut(button, `The session of ${session.account} has been ended.`, () => this.control.end(session));
  }

  private async askToKick(button: HTMLButtonElement, session: Session): Promise<void> {
    const lines = (): string[] => [inWordsOf(session), "The player stops and shows the reason."];
    const reason = await confirm({ title: "Kick a session", lines, label: "Kick", reason: REASON });
    if (reason === null) return;
    const what = { what: "session", id: session.session, reason: reason || REASON, account: session.account } as const;
    await this.kick(button, `${session.account} has been kicked.`, what);
  }

  private async askToKickAccount(account: string): Promise<void> {
    const running = await this.running(account);
    const lines = (): string[] => [`Every session of ${account}: ${running}.`, "Their players stop and show the reason."];
    const reason = await confirm({ title: "Kick an account", lines, label: "Kick the account", reason: REASON });
    if (reason === null) return;
    await this.kick(this.kickAccount, `${account} has been kicked.`, { what: "account", id: account, reason: reason || REASON });
  }

  private async askToKickEvent(event: string): Promise<void> {
    const lines = (): string[] => [this.crowdOf(event), "Their players stop and show the reason. They are counted until their leases lapse."];
    const question = { title: "Kick an event", lines, label: "Kick everybody", reason: REASON, typed: event };
    const reason = await confirm(question);
    if (reason === null) return;
    await this.kick(this.kickEvent, `Everybody who watched ${event} has been kicked.`, { what: "event", id: event, reason: reason || REASON });
  }

  private crowdOf(event: string): string {
    const { audience, viewers } = this.overview ?? { audience: NOBODY, viewers: 0 };
    return `Everybody who watches ${event}: ${watching(audience.event, event, viewers)}.`;
  }

  /** How many sessions an account has, in words. */
  private async running(account: string): Promise<string> {
    try {
      const wanted = { account, event: "", limit: COUNTED_MAX, after: null };
      const page = await this.control.sessions(wanted, new AbortController().signal);
      return `${page.next === null ? "" : "more than "}${page.sessions.length} now`;
    } catch (error) {
      return `their number is not known (${inWords(error)})`;
    }
  }

  private kick(button: HTMLButtonElement, done: string, what: Kick): Promise<void> {
    return this.carryOut(button, done, () => this.control.kick(what));
  }

  private async carryOut(button: HTMLButtonElement, done: string, work: () => Promise<void>): Promise<void> {
    if (!(await act(button, done, work))) return;
    this.refresh();
    this.onChange();
  }
}

const NOBODY: Overview["audience"] = {
  event: { top: [], others: 0 },
  device_kind: { top: [], others: 0 },
  isp: { top: [], others: 0 },
};

function inWordsOf({ account, event, device, since }: Session): string {
  return `${account} on ${device.kind} “${device.id}”, watching ${event} since ${clock(instant(since))}.`;
}

/** An instant as the API gives it, RFC 3339 or seconds since the epoch, in milliseconds. */
function instant(at: string | number): number {
  return typeof at === "number" ? at * 1000 : Date.parse(at);
}
