import { byId, make, setText } from "../shared/dom.ts";
import { bytes, count, rate } from "../shared/format.ts";
import type { Overview } from "./api.ts";
import { spark } from "./charts.ts";
import type { History } from "./history.ts";
import type { Spool } from "./log-types.ts";
import { droppedOf, fullness, oldestWords, SPOOL_TONES, SPOOL_WORDS, topics, troubles, type Topic, type Trouble } from "./log-words.ts";
import { Rows, type Row } from "./rows.ts";

const at = (id: string): HTMLElement => byId(id, HTMLElement);

interface NodeSpool {
  readonly node: string;
  readonly spool: Spool;
}

/** The event log: how fast each topic fills, who is behind, and what waits on nodes' disks. */
export class EventLogCard {
  private readonly troubles = new Rows<Trouble>(at("log-troubles"), (one) => one.key, troubleRow);
  private readonly topics = new Rows<Topic>(at("topic-rows"), (one) => one.topic, topicRow);
  private readonly spools = new Rows<NodeSpool>(at("spool-rows"), (one) => one.node, spoolRow);
  private readonly lag = spark(at("log-lag-chart"), "--warn");

  update(overview: Overview, history: History): void {
    const found = troubles(overview);
    this.troubles.show(found);
    at("log-note").hidden = found.length > 0;
    this.topics.show(topics(overview.eventlog));
    const spools = Object.entries(overview.eventlog.spools).map(([node, spool]) => ({ node, spool }));
    this.spools.show(spools);
    at("spools-note").hidden = spools.length > 0;
    at("spools-table").hidden = spools.length === 0;
    this.lag.show(history.columns([(sample) => sample.lag]));
  }
}

function troubleRow(first: Trouble): Row<Trouble> {
  const element = make("li", { "data-tone": first.tone });
  return { element, update: (one) => setText(element, one.words) };
}

function topicRow(first: Topic): Row<Topic> {
  const [perSecond, lost] = [make("td", { class: "number" }), make("td", { class: "number" })];
  const behind = make("td", { class: "behind" });
  const element = make("tr", { "data-topic": first.topic }, make("th", { scope: "row" }, first.topic), perSecond, behind, lost);
  const readers = new Rows<Topic["groups"][number]>(behind, (one) => one.group, readerRow);
  const update = (topic: Topic): void => {
    setText(perSecond, rate(topic.perSecond));
    readers.show(topic.groups);
    setText(lost, topic.lost > 0 ? count(topic.lost) : "");
    lost.classList.toggle("bad", topic.lost > 0);
  };
  return { element, update };
}

function readerRow(first: Topic["groups"][number]): Row<Topic["groups"][number]> {
  const lag = make("strong", {});
  const element = make("span", { class: "reader", "data-reader": first.group }, `${first.group} `, lag);
  return { element, update: (one) => setText(lag, count(one.lag)) };
}

function spoolRow(first: NodeSpool): Row<NodeSpool> {
  const badge = make("span", { class: "badge" });
  const [records, oldest, lost] = [make("td", { class: "number" }), make("td", { class: "number" }), make("td", { class: "number" })];
  const size = make("span", { class: "soft" });
  const fill = make("span", { class: "bar-fill" });
  const track = make("span", { class: "bar-track", role: "meter", "aria-label": `Spool of ${first.node}`, "aria-valuemin": "0", "aria-valuemax": "100" }, fill);
  const name = make("th", { scope: "row" }, first.node);
  const element = make("tr", { "data-spool": first.node }, name, make("td", {}, badge), records, make("td", { class: "spool-size" }, size, track), oldest, lost);
  const update = ({ spool }: NodeSpool): void => {
    element.dataset["spoolState"] = spool.state;
    setText(badge, SPOOL_WORDS[spool.state]);
    badge.dataset["tone"] = SPOOL_TONES[spool.state];
    setText(records, count(spool.records));
    const words = `${bytes(spool.bytes)} of ${bytes(spool.bytes_max)}`;
    setText(size, words);
    fill.style.width = `${fullness(spool) * 100}%`;
    fill.dataset["tone"] = SPOOL_TONES[spool.state];
    track.setAttribute("aria-valuenow", String(Math.round(fullness(spool) * 100)));
    track.setAttribute("aria-valuetext", words);
    setText(oldest, oldestWords(spool));
    setText(lost, `${count(droppedOf(spool))} · ${count(spool.refused)}`);
    lost.classList.toggle("bad", droppedOf(spool) + spool.refused > 0);
  };
  return { element, update };
}
