import { byId, make, setText } from "../shared/dom.ts";
import { inWords } from "../shared/http.ts";
import { events, type MatchEvent } from "./api.ts";
import { inOrder } from "./calendar.ts";

/** How often the calendar is read again, in milliseconds. */
const REFRESH_MS = 30_000;

/** How soon after a failure, in milliseconds. */
const RETRY_MS = 5_000;

const STATES = { live: ["good", "live"], upcoming: ["", "upcoming"], over: ["", "over"] } as const;
const when = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long", hour: "2-digit", minute: "2-digit" });

async function show(): Promise<void> {
  try {
    const calendar = inOrder(await events());
    byId("events", HTMLElement).replaceChildren(...calendar.map(card));
    settle("ready", calendar.length === 0 ? "No match is planned." : "", REFRESH_MS);
  } catch (error) {
    settle("error", `${inWords(error)} Trying again in ${RETRY_MS / 1000} s.`, RETRY_MS);
  }
}

function settle(state: string, words: string, againMs: number): void {
  document.documentElement.dataset["state"] = state;
  setText(byId("message", HTMLElement), words);
  setTimeout(() => void show(), againMs);
}

function card(event: MatchEvent): HTMLElement {
  const [tone, word] = STATES[event.state];
  const text = make("div", {}, make("h2", {}, event.title), make("p", { class: "soft" }, when.format(new Date(event.starts_at))));
  const item = make("li", { class: "card match", "data-event": event.id, "data-event-state": event.state }, text);
  item.append(make("span", { class: "badge", "data-tone": tone }, word));
  if (event.state !== "over") {
    const main = event.state === "live" && "main";
    item.append(make("a", { class: "button", href: `/watch/${encodeURIComponent(event.id)}`, "data-tone": main }, "Watch"));
  }
  return item;
}

void show();
