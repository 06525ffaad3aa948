import { byId, setText } from "../shared/dom.ts";

/** A percentage that somebody typed, as a share from 0 to 1; null where it is none. */
export function shareOf(typed: string): number | null {
  const value = typed.trim() === "" ? Number.NaN : Number(typed);
  return value >= 0 && value <= 100 ? value / 100 : null;
}

/** Asks for a CDN's fixed share: the share, "loop" to leave it to the loop, or null when the operator thinks better of it. */
export function askShare(pathway: string, now: number | null): Promise<number | "loop" | null> {
  const dialog = byId("share-dialog", HTMLDialogElement);
  const percent = byId("share-percent", HTMLInputElement);
  setText(byId("share-title", HTMLElement), `Share of ${pathway}`);
  percent.value = now === null ? "" : String(Math.round(now * 100));
  byId("share-clear", HTMLButtonElement).disabled = now === null;
  byId("share-clear", HTMLButtonElement).onclick = () => dialog.close("loop");
  byId("share-no", HTMLButtonElement).onclick = () => dialog.close("");
  // A dialog that was left by Escape keeps its last value.
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((done) => {
    const answer = (): number | "loop" | null => {
      if (dialog.returnValue === "loop") return "loop";
      return dialog.returnValue === "fix" ? shareOf(percent.value) : null;
    };
    dialog.addEventListener("close", () => done(answer()), { once: true });
  });
}
