import { byId } from "../shared/dom.ts";
import type { Control, PostureStep } from "./api.ts";
import { confirm } from "./confirm.ts";
import { act } from "./notice.ts";

/** What each step of the ladder does in this version, for the operator who is about to take it. */
const DOES: Readonly<Record<PostureStep, string>> = {
  normal: "Everything as usual.",
  guarded: "Shown to every operator; it changes nothing by itself yet.",
  "event-page": "Shown to every operator; it changes nothing by itself yet.",
  lean: "Heartbeats are further apart, leases longer to match, and ads are decided by cohort.",
  "fail-open": "Shown to every operator; it changes nothing by itself yet.",
  "waiting-room": "Shown to every operator; it changes nothing by itself yet.",
};

/** The step of the degradation ladder: which one is in force, and the way to another. */
export class PostureChoice {
  private readonly select = byId("posture", HTMLSelectElement);
  private inForce: PostureStep = "normal";
  private asking = false;

  constructor(
    private readonly control: Control,
    private readonly onChange: () => void,
  ) {
    this.select.addEventListener("change", () => void this.choose(this.select.value as PostureStep));
  }

  update(step: PostureStep): void {
    this.inForce = step;
    this.select.disabled = false;
    document.documentElement.dataset["posture"] = step;
    if (!this.asking) this.select.value = step;
  }

  private async choose(step: PostureStep): Promise<void> {
    this.asking = true;
    const lines = (): string[] => [DOES[step], `In force on every node within a second, instead of ${this.inForce}.`];
    const answer = await confirm({ title: `Posture: ${step}`, lines, label: `Go to ${step}`, tone: "main" });
    if (answer !== null && (await act(this.select, `The posture is ${step}.`, () => this.control.setPosture(step)))) {
      this.inForce = step;
      this.onChange();
    }
    this.asking = false;
    this.select.value = this.inForce;
  }
}
