/** What was counted of a line item; `amount_micros` is in millionths of the currency. */
export interface ItemBilled {
  readonly line_item: string;
  readonly campaign: string;
  readonly decided: number;
  readonly impressions: number;
  readonly share: number | null;
  readonly first_quartiles: number;
  readonly midpoints: number;
  readonly third_quartiles: number;
  readonly completes: number;
  readonly clicks: number;
  readonly late: number;
  readonly cpm_cents: number;
  readonly amount_micros: number;
}

export interface CampaignBilled {
  readonly campaign: string;
  readonly advertiser: string;
  readonly decided: number;
  readonly impressions: number;
  readonly share: number | null;
  readonly completes: number;
  readonly clicks: number;
  readonly late: number;
  readonly amount_micros: number;
}

/** The books of some hours. */
export interface Billed {
  readonly line_items: readonly ItemBilled[];
  readonly campaigns: readonly CampaignBilled[];
  readonly breaks: readonly {
    readonly decided: number;
    readonly impressions: number;
    readonly late: number;
    readonly unmatched: number;
  }[];
  readonly currency: string;
}

/** Which part of the books; an empty event means all. */
export interface BilledWanted {
  readonly event: string;
  readonly hours: string;
}

/** It as a query. */
export function billedQuery({ event, hours }: BilledWanted): string {
  const query = new URLSearchParams({ hours });
  if (event) query.set("event", event);
  return query.toString();
}
