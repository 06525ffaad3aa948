import { count, percent } from "../shared/format.ts";
import type { Billed, CampaignBilled, ItemBilled } from "./billed.ts";

/** Line items that are shown; all of them are in the file. */
export const ROWS_MAX = 200;

/** Impressions of decided slots below which something is amiss: viewers who left, players that do not report. */
const SHARE_LOW = 0.8;

const MICROS = 1_000_000;

/** A line of the table: a campaign with the sum of its line items, or one of them. */
export type BilledRow =
  | { readonly kind: "campaign"; readonly key: string; readonly of: CampaignBilled }
  | { readonly kind: "item"; readonly key: string; readonly of: ItemBilled };

/** Each campaign before its line items; what is no campaign's comes last. */
export function billedRows({ campaigns, line_items }: Pick<Billed, "campaigns" | "line_items">): readonly BilledRow[] {
  const of = (campaign: string): BilledRow[] =>
    line_items.filter((one) => one.campaign === campaign).map((one) => ({ kind: "item", key: `i:${one.line_item}`, of: one }));
  const sold = campaigns.flatMap((one): BilledRow[] => [{ kind: "campaign", key: `c:${one.campaign}`, of: one }, ...of(one.campaign)]);
  return [...sold, ...of("")].slice(0, ROWS_MAX);
}

/** Millionths of a currency in words: "1,234.50 EUR"; fractions of a cent are rounded for the eye only. */
export function money(micros: number, currency: string): string {
  const amount = new Intl.NumberFormat("en-GB", { minimumFractionDigits: 2, maximumFractionDigits: 2 }).format(micros / MICROS);
  return `${amount} ${currency}`;
}

/** The tone of what was tracked of what was decided: more than there was is wrong, far less is worth a look. */
export function shareTone(share: number | null): "bad" | "warn" | "" {
  if (share === null) return "";
  if (share > 1) return "bad";
  return share < SHARE_LOW ? "warn" : "";
}

/** How decisions and beacons agree, all breaks together. */
export function reconciledWords({ breaks }: Pick<Billed, "breaks">): string {
  const sum = (read: (one: Billed["breaks"][number]) => number): number => breaks.reduce((all, one) => all + read(one), 0);
  const [decided, impressions] = [sum((one) => one.decided), sum((one) => one.impressions)];
  const share = decided > 0 ? ` (${percent(impressions / decided)})` : "";
  const rest = `${count(sum((one) => one.late))} late, ${count(sum((one) => one.unmatched))} without a decision`;
  return `${count(breaks.length)} ${breaks.length === 1 ? "break" : "breaks"}: ${count(decided)} ads decided, ${count(impressions)} shown${share}, ${rest}`;
}
