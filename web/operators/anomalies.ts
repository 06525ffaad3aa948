import { byId, make, setText } from "../shared/dom.ts";
import { feedNote, gravity, kindWords, pastWords, ranked, sinceWords } from "./anomaly-words.ts";
import type { Overview } from "./api.ts";
import type { Anomaly, PastAnomaly } from "./log-types.ts";
import { Rows, type Row } from "./rows.ts";

const at = (id: string): HTMLElement => byId(id, HTMLElement);

/** What looks wrong with those who watch: what is open on top, what was over lately below. */
export class AnomalyFeed {
  private serverNow = 0;
  private readonly open = new Rows<Anomaly>(at("anomalies"), (one) => one.id, (one) => this.row(one));
  private readonly past = new Rows<PastAnomaly>(at("anomalies-past"), (one) => one.id, pastRow);

  update(overview: Pick<Overview, "at" | "anomalies" | "anomalies_past" | "anomalies_at">): void {
    this.serverNow = overview.at;
    const note = feedNote(overview.anomalies.length, overview.anomalies_at, overview.at);
    setText(at("anomalies-note"), note.words);
    at("anomalies-note").dataset["tone"] = note.tone;
    this.open.show(ranked(overview.anomalies));
    this.past.show(overview.anomalies_past);
    at("anomalies-over").hidden = overview.anomalies_past.length === 0;
    setText(at("anomalies-over-title"), `Over lately: ${overview.anomalies_past.length}`);
  }

  private row(first: Anomaly): Row<Anomaly> {
    // The seconds that pass are no news to a screen reader.
    const since = make("span", { class: "soft", "aria-live": "off" });
    const evidence = make("p", {});
    const element = make("li", { "data-anomaly": first.kind, "data-tone": gravity(first.kind) }, ...heading(first), since, evidence);
    const update = (one: Anomaly): void => {
      setText(since, sinceWords(one, this.serverNow));
      setText(evidence, one.evidence);
    };
    return { element, update };
  }
}

function pastRow(first: PastAnomaly): Row<PastAnomaly> {
  const when = make("span", { class: "soft" }, pastWords(first));
  const element = make("li", { "data-anomaly": first.kind }, ...heading(first), when, make("p", { class: "soft" }, first.evidence));
  return { element, update: (one) => setText(when, pastWords(one)) };
}

function heading(one: Anomaly): readonly HTMLElement[] {
  const subject = one.subject ? [make("span", { class: "mono" }, one.subject)] : [];
  return [make("strong", {}, kindWords(one.kind)), ...subject];
}
