import { byId, setText } from "../shared/dom.ts";
import { clock, count, rate } from "../shared/format.ts";
import { inWords } from "../shared/http.ts";
import { AdLeverChoice } from "./ad-lever.ts";
import { Ads } from "./ads.ts";
import { Control, type Overview } from "./api.ts";
import { AnomalyFeed } from "./anomalies.ts";
import { Audience } from "./audience.ts";
import { Audit } from "./audit.ts";
import { Billing } from "./billing.ts";
import { BreakTile } from "./breaks.ts";
import { spark, viewersChart } from "./charts.ts";
import { Caches, Stores } from "./health.ts";
import { EventLogCard } from "./event-log.ts";
import { Origins } from "./origins.ts";
import { History, sampleOf } from "./history.ts";
import { LetterDesk } from "./letters.ts";
import { follow } from "./live.ts";
import { Pathways } from "./pathways.ts";
import { PostureChoice } from "./posture.ts";
import { QoeTable } from "./qoe.ts";
import { Sessions } from "./sessions.ts";
import { SteeringLoop } from "./steering.ts";
import { Parts, Routes } from "./tables.ts";

/** How often clocks and countdowns move, in milliseconds. */
const TICK_MS = 500;

const at = (id: string): HTMLElement => byId(id, HTMLElement);

/** The plots of the figures that are one number. */
class Figures {
  private readonly viewers = viewersChart(at("viewers-chart"), (index) => this.point(index));
  private readonly starts = spark(at("starts-chart"), "--accent");
  private readonly requests = spark(at("requests-chart"), "--good");
  private readonly errors = spark(at("errors-chart"), "--bad");
  private columns: ReturnType<History["columns"]> = [[]];

  update(history: History): void {
    const all = history.columns([(s) => s.viewers, (s) => s.starts_per_s, (s) => s.requests_per_s, (s) => s.errors_per_s]);
    const [times, viewers = [], starts = [], requests = [], errors = []] = all;
    this.columns = [times, viewers];
    this.viewers.show([times, viewers]);
    this.starts.show([times, starts]);
    this.requests.show([times, requests]);
    this.errors.show([times, errors]);
  }

  /** What the pointer is on, in words. */
  private point(index: number | null): void {
    const [times, viewers] = this.columns;
    const time = index === null ? null : times[index];
    const value = index === null ? null : viewers?.[index];
    setText(at("viewers-at"), time == null || value == null ? "" : `${count(value)} at ${clock(time * 1000)}`);
  }
}

class Cockpit {
  private readonly control = new Control(sessionStorage);
  private readonly history = new History();
  private readonly figures = new Figures();
  private readonly audit = new Audit(this.control);
  private readonly sessions = new Sessions(this.control, () => this.audit.refresh());
  private readonly pathways = new Pathways(this.control, () => this.audit.refresh());
  private readonly breaks = new BreakTile(this.control, () => this.audit.refresh());
  private readonly ads = new Ads(this.control, () => this.audit.refresh());
  private readonly adLever = new AdLeverChoice(this.control, () => this.audit.refresh());
  private readonly billing = new Billing(this.control);
  private readonly steering = new SteeringLoop();
  private readonly qoe = new QoeTable();
  private readonly audience = new Audience((event) => this.sessions.showEvent(event));
  private readonly posture = new PostureChoice(this.control, () => this.audit.refresh());
  private readonly stores = new Stores();
  private readonly caches = new Caches();
  private readonly origins = new Origins();
  private readonly parts = new Parts();
  private readonly routes = new Routes();
  private readonly anomalies = new AnomalyFeed();
  private readonly eventLog = new EventLogCard();
  private readonly letters = new LetterDesk(this.control, () => this.audit.refresh());
  private latest: Overview | null = null;
  private heardAt: number | null = null;

  run(): void {
    setInterval(() => this.tick(), TICK_MS);
    this.tick();
    this.readLists();
    void follow(this.control, {
      history: (samples) => this.history.replace(samples),
      overview: (overview) => this.show(overview),
      lost: (why) => this.showLost(why),
      wantsToken: () => this.askToken(),
    });
  }

  private readLists(): void {
    this.sessions.refresh();
    this.audit.refresh();
    this.billing.refresh();
  }

  private show(overview: Overview): void {
    this.latest = overview;
    this.heardAt = Date.now();
    this.history.add(sampleOf(overview));
    this.showState("live", "live", "good");
    setText(at("viewers"), count(overview.viewers));
    setText(at("starts"), rate(overview.starts_per_s));
    setText(at("requests"), rate(overview.requests_per_s));
    setText(at("errors"), rate(overview.errors_per_s));
    at("errors-tile").dataset["tone"] = overview.errors_per_s > 0 ? "bad" : "";
    setText(at("lag"), count(overview.eventlog.lag));
    setText(at("events-rate"), `${rate(overview.eventlog.events_per_s)} events/s`);
    showHealth("eventlog", "event log", overview.eventlog.state);
    showHealth("board", "board", overview.board.state);
    this.figures.update(this.history);
    this.pathways.update(overview.pathways, this.history);
    this.steering.update(overview.steering, overview.at);
    this.qoe.update(overview.qoe);
    this.parts.update(overview.parts, overview.at);
    this.routes.update(overview.routes);
    this.anomalies.update(overview);
    this.eventLog.update(overview, this.history);
    this.letters.update(overview.eventlog);
    this.posture.update(overview.posture);
    this.audience.update(overview.audience, overview.reach);
    this.sessions.update(overview);
    this.stores.update(overview.stores, overview.at);
    this.caches.update(overview.caches);
    this.breaks.update(overview.breaks);
    this.ads.update(overview, this.history);
    this.adLever.update(overview);
    this.origins.update(overview.origins, overview.at);
    this.tick();
  }

  private showLost(why: unknown): void {
    if (this.heardAt === null) this.showState("connecting", why ? inWords(why) : "connecting", "warn");
    else this.showState("stale", `not live since ${clock(this.heardAt)}`, "bad");
  }

  private showState(state: "live" | "stale" | "connecting" | "token", words: string, tone: string): void {
    document.documentElement.dataset["state"] = state;
    setText(at("live"), words);
    at("live").dataset["tone"] = tone;
  }

  private askToken(): Promise<void> {
    this.showState("token", "a token is needed", "warn");
    const dialog = byId("token-dialog", HTMLDialogElement);
    const field = byId("token", HTMLInputElement);
    field.value = "";
    dialog.showModal();
    return new Promise((done) => {
      dialog.addEventListener("close", () => {
        this.control.token = field.value.trim() || null;
        this.showState("connecting", "connecting", "warn");
        this.readLists();
        done();
      }, { once: true });
    });
  }

  private tick(): void {
    setText(at("clock"), clock(Date.now()));
    if (this.latest && this.heardAt !== null) {
      const serverNow = this.latest.at + (Date.now() - this.heardAt) / 1000;
      this.breaks.tick(serverNow);
      this.ads.tick(serverNow);
    }
  }
}

function showHealth(id: string, name: string, state: "ok" | "failing"): void {
  const badge = at(id);
  badge.hidden = false;
  setText(badge, `${name} ${state}`);
  badge.dataset["tone"] = state === "ok" ? "good" : "bad";
}

new Cockpit().run();
