import { byId, make, setText } from "../shared/dom.ts";
import { clock } from "../shared/format.ts";
import { inWords } from "../shared/http.ts";
import type { Control } from "./api.ts";
import { confirm } from "./confirm.ts";
import { lettersNote, replayedWords, replayLines, valueWords } from "./letter-words.ts";
import type { EventLog, Letter, Letters } from "./log-types.ts";
import { act } from "./notice.ts";

const at = (id: string): HTMLElement => byId(id, HTMLElement);

/** What a group of workers could not handle, and the button that delivers it again. Read when asked for: a log is no screen. */
export class LetterDesk {
  private readonly group = byId("letters-group", HTMLSelectElement);
  private readonly again = byId("letters-read", HTMLButtonElement);
  private readonly replay = byId("letters-replay", HTMLButtonElement);
  private groups = "";
  private shown: Letters = { letters: [], more: false };
  private asked = 0;

  constructor(
    private readonly control: Control,
    private readonly onChange: () => void,
  ) {
    this.group.addEventListener("change", () => void this.read());
    this.again.addEventListener("click", () => void this.read());
    this.replay.addEventListener("click", () => void this.deliver());
  }

  /** Groups come with the overview; the first one is read at once, and the chosen one stays chosen, also while nobody tells of any. */
  update(eventlog: EventLog): void {
    const groups = [...new Set(eventlog.groups.map((one) => one.group))].sort();
    if (groups.length === 0 || groups.join() === this.groups) return;
    this.groups = groups.join();
    const chosen = this.group.value;
    this.group.replaceChildren(...groups.map((name) => make("option", { selected: name === chosen }, name)));
    this.group.disabled = this.again.disabled = false;
    if (this.group.value !== chosen) void this.read();
  }

  private async read(): Promise<void> {
    const [group, asked] = [this.group.value, ++this.asked];
    if (group === "") return;
    try {
      const answer = await this.control.letters(group);
      // An answer that was overtaken by another choice is of no use.
      if (asked === this.asked) this.show(group, answer);
    } catch (error) {
      if (asked !== this.asked) return;
      this.show(group, { letters: [], more: false });
      setText(at("letters-note"), inWords(error));
    }
  }

  private show(group: string, answer: Letters): void {
    this.shown = answer;
    setText(at("letters-note"), lettersNote(group, answer));
    at("letters").replaceChildren(...answer.letters.map(letterItem));
    this.replay.disabled = answer.letters.length === 0;
  }

  private async deliver(): Promise<void> {
    const [group, number] = [this.group.value, this.shown.letters.length];
    const answer = await confirm({ title: "Deliver again", lines: () => replayLines(group, number), label: "Deliver again", tone: "main" });
    if (answer === null) return;
    let replayed = 0;
    const work = async (): Promise<void> => {
      replayed = (await this.control.replayLetters(group, number)).replayed;
    };
    if (await act(this.replay, () => replayedWords(group, replayed), work)) this.onChange();
    await this.read();
  }
}

function letterItem(letter: Letter): HTMLElement {
  const when = make("time", { datetime: letter.parked_at }, clock(Date.parse(letter.parked_at)));
  const what = make("span", {}, make("strong", {}, letter.type), " ", make("span", { class: "soft" }, `${letter.topic} · `), make("span", { class: "mono soft" }, `${letter.key} · ${letter.id}`));
  const head = make("summary", {}, when, what, make("span", { class: "letter-reason" }, letter.reason));
  return make("li", { "data-letter": letter.id }, make("details", {}, head, make("pre", { class: "mono" }, valueWords(letter.value, letter.cut))));
}
