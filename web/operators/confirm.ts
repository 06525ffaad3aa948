import { byId, make, setText } from "../shared/dom.ts";

/** What an operator is asked before something is done to viewers. */
export interface Question {
  readonly title: string;
  /** Whom or what it hits, a line each: asked again while the dialog is open, for a crowd comes and goes. */
  readonly lines: () => readonly string[];
  /** On the button. */
  readonly label: string;
  /** What stands in the reason's field at first; without it no reason is asked for. */
  readonly reason?: string;
  /** What must be typed first, where a slip would hit a crowd. */
  readonly typed?: string;
  readonly tone?: "bad" | "main";
}

let asked: Question | null = null;

/** Says again whom or what the open question hits. */
export function refreshConfirm(): void {
  if (asked === null) return;
  const body = byId("confirm-lines", HTMLElement);
  const lines = asked.lines();
  // Untouched while it says the same, so that nobody hears it twice or loses what they had selected.
  if ([...body.children].map((line) => line.textContent).join("\n") === lines.join("\n")) return;
  body.replaceChildren(...lines.map((line) => make("p", {}, line)));
}

/** Asks in a dialog. The reason (empty where none is asked for), or null when the operator thinks better of it. */
export function confirm(question: Question): Promise<string | null> {
  const dialog = byId("confirm-dialog", HTMLDialogElement);
  const reason = byId("confirm-reason", HTMLInputElement);
  const typed = byId("confirm-typed", HTMLInputElement);
  const yes = byId("confirm-yes", HTMLButtonElement);
  setText(byId("confirm-title", HTMLElement), question.title);
  asked = question;
  refreshConfirm();
  reason.value = question.reason ?? "";
  byId("confirm-reason-field", HTMLElement).hidden = question.reason === undefined;
  typed.value = "";
  setText(byId("confirm-typed-what", HTMLElement), question.typed ?? "");
  byId("confirm-typed-field", HTMLElement).hidden = question.typed === undefined;
  setText(yes, question.label);
  yes.dataset["tone"] = question.tone ?? "bad";
  const check = (): void => {
    yes.disabled = question.typed !== undefined && typed.value.trim() !== question.typed;
  };
  typed.oninput = check;
  byId("confirm-no", HTMLButtonElement).onclick = () => dialog.close("");
  check();
  // A dialog that was left by Escape keeps its last value.
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((done) => {
    const close = (): void => {
      asked = null;
      done(dialog.returnValue === "yes" ? reason.value.trim() : null);
    };
    dialog.addEventListener("close", close, { once: true });
  });
}
