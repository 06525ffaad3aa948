import { byId, setText } from "../shared/dom.ts";
import type { AdLever, AdLeverPlace, Control, Overview } from "./api.ts";
import { confirm } from "./confirm.ts";
import { costsMoney, LEVERS, leverLines, leverWords } from "./lever-words.ts";
import { act } from "./notice.ts";

const TONES: Readonly<Record<AdLeverPlace, string>> = { personal: "good", cohort: "warn", house: "bad", none: "bad" };

/** The lever of a crisis: whom ads are decided for, whose word that is, and the way to another. */
export class AdLeverChoice {
  private readonly select = byId("ad-lever", HTMLSelectElement);
  private readonly badge = byId("ad-lever-words", HTMLElement);
  private lever: AdLever = { ads: "personal", in_force: "personal", by: "nobody", operator: "", at: 0, posture: "personal" };
  private adsPerS = 0;
  private asking = false;

  constructor(
    private readonly control: Control,
    private readonly onChange: () => void,
  ) {
    this.select.addEventListener("change", () => void this.choose(LEVERS.find((one) => one === this.select.value) ?? "personal"));
  }

  update({ ad_lever, ads }: Overview): void {
    this.lever = ad_lever;
    this.adsPerS = ads.pods_per_s * ads.fill;
    this.select.disabled = false;
    if (!this.asking) this.select.value = ad_lever.ads;
    this.badge.hidden = false;
    this.badge.dataset["tone"] = TONES[ad_lever.in_force];
    this.badge.dataset["by"] = ad_lever.by;
    setText(this.badge, leverWords(ad_lever));
  }

  private async choose(to: AdLeverPlace): Promise<void> {
    this.asking = true;
    const asked = { title: `Ads: ${to}`, lines: () => leverLines(this.lever, to, this.adsPerS), label: `Go to ${to}` };
    const answer = await confirm(costsMoney(this.lever.in_force, to) ? { ...asked, typed: to } : { ...asked, tone: "main" });
    if (answer !== null && (await act(this.select, `Ads are said to be ${to}.`, () => this.control.setAdLever(to)))) {
      this.lever = { ...this.lever, ads: to };
      this.onChange();
    }
    this.asking = false;
    this.select.value = this.lever.ads;
  }
}
