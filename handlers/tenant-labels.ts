/** The label of every tenant beyond the limit. */
const OTHERS = "other";

/**
 * Which tenants have series of their own in the metrics: the first ones seen, up to `limit`. A histogram costs a dozen
 * series a label, and a monitoring system pays for each; a tenant's exact figures are in the API.
 */
export class TenantLabels {
  readonly #limit: number;
  readonly #labelled = new Set<string>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  labelOf(tenant: string): string {
    if (!this.#labelled.has(tenant)) {
      if (this.#labelled.size >= this.#limit) return OTHERS;
      this.#labelled.add(tenant);
    }
    return tenant;
  }
}
