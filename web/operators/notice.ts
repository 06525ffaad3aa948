import { byId, make } from "../shared/dom.ts";
import { inWords } from "../shared/http.ts";

/** How long a notice stays, in milliseconds; a failure stays longer. */
const GOOD_MS = 4_000;
const BAD_MS = 12_000;

/** Notices on screen at once. */
const NOTICES_MAX = 4;

function notice(tone: "good" | "bad", words: string): void {
  const shelf = byId("notices", HTMLElement);
  const item = make("p", { class: "notice", "data-tone": tone }, words);
  shelf.append(item);
  while (shelf.children.length > NOTICES_MAX) shelf.firstElementChild?.remove();
  setTimeout(() => item.remove(), tone === "good" ? GOOD_MS : BAD_MS);
}

/** Does what a button asks for, with the button off meanwhile, and says how it went. True when it went well. */
export async function act(button: HTMLElement, done: string | (() => string), work: () => Promise<unknown>): Promise<boolean> {
  button.toggleAttribute("disabled", true);
  button.setAttribute("aria-busy", "true");
  try {
    await work();
    notice("good", typeof done === "string" ? done : done());
    return true;
  } catch (error) {
    notice("bad", inWords(error));
    return false;
  } finally {
    button.toggleAttribute("disabled", false);
    button.removeAttribute("aria-busy");
  }
}
