import { inTenant, type Catalog } from "../../data/catalog/catalog.ts";
import { placementOf } from "../../data/catalog/placement.ts";
import { getTenant } from "../../data/catalog/tenant.ts";
import { isOutage } from "../../data/pool.ts";
import { MillwrightError } from "../../model/errors.ts";
import type { TenantId } from "../../model/tenant.ts";
import { isShared } from "../../model/topic-name.ts";

export interface ReadingsTopic {
  readonly topic: string;
  /** Of the tenant, among those that had its id. */
  readonly generation: number;
  readonly partitions: number;
  readonly keyPrefix: string;
}

/** Longer, and a tenant that is being deleted is written to for longer; shorter, and the catalog is asked more often. */
const KEEP_MS = 1_000;

/**
 * Where the readings of a tenant go, kept for a second: hundreds of calls a second ask for it. While the catalog is away
 * it stays known, since nobody can delete a tenant then: so a buffered entrance goes on.
 */
export class TenantTopics {
  readonly #catalog: Catalog;
  readonly #nowMs: () => number;
  readonly #kept = new Map<TenantId, { readonly topic: ReadingsTopic; readonly untilMs: number }>();

  constructor(catalog: Catalog, nowMs: () => number) {
    this.#catalog = catalog;
    this.#nowMs = nowMs;
  }

  /** @throws MillwrightError `tenant-not-ready`, retryable while it is being built */
  async topicOf(tenant: TenantId): Promise<ReadingsTopic> {
    const kept = this.#kept.get(tenant);
    if (kept !== undefined && kept.untilMs > this.#nowMs()) return kept.topic;
    try {
      const topic = await this.#read(tenant);
      this.#kept.set(tenant, { topic, untilMs: this.#nowMs() + KEEP_MS });
      return topic;
    } catch (error) {
      if (kept !== undefined && isOutage(error) && !(error instanceof MillwrightError)) return kept.topic;
      this.#kept.delete(tenant);
      throw error;
    }
  }

  forget(tenant: TenantId): void {
    this.#kept.delete(tenant);
  }

  async #read(tenant: TenantId): Promise<ReadingsTopic> {
    const placement = await inTenant(this.#catalog, tenant, async (tx) => {
      await getTenant(tx, tenant);
      return placementOf(tx, tenant);
    });
    const topic = placement?.topics.find(({ stream }) => stream === "readings");
    const isDeleting = placement?.tenantState === "deleting";
    if (topic === undefined || placement === undefined || placement.state === "building" || isDeleting) {
      const message = isDeleting ? "The tenant is being deleted." : "The tenant is not built yet; try again.";
      throw new MillwrightError("tenant-not-ready", message, { retryable: !isDeleting });
    }
    return { ...topic, keyPrefix: isShared(topic.topic) ? `${tenant}/` : "" };
  }
}
