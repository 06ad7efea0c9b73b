import type { Catalog } from "../../data/catalog/catalog.ts";
import { machineHistories, type MachineHistories } from "../../data/catalog/machine-histories.ts";
import type { EventLog, NewRecord } from "../../data/event-log/event-log.ts";
import { hasCode, MillwrightError } from "../../model/errors.ts";
import type { MachineHistory } from "../../model/machine-history.ts";
import { topicName, type TenantId } from "../../model/tenant.ts";
import { isShared, ownerHeaders } from "../../model/topic-name.ts";
import { TenantTopics, type ReadingsTopic } from "./tenant-topics.ts";

/** The way of readings into the log, the same for every entrance. */
export class Intake {
  readonly #log: Pick<EventLog, "append">;
  readonly #topics: TenantTopics;
  readonly #machines: MachineHistories;
  readonly #nowMs: () => number;

  constructor(catalog: Catalog, log: Pick<EventLog, "append">, nowMs: () => number) {
    this.#log = log;
    this.#topics = new TenantTopics(catalog, nowMs);
    this.#machines = machineHistories(catalog.service);
    this.#nowMs = nowMs;
  }

  /**
   * Puts records into the tenant's topic; they are kept once it resolves.
   * @throws MillwrightError `tenant-not-ready`, `log-unavailable`
   */
  async append(tenant: TenantId, recordsFor: (topic: ReadingsTopic) => readonly NewRecord[]): Promise<void> {
    const topic = await this.#topics.topicOf(tenant);
    const records = recordsFor(topic);
    if (records.length === 0) return;
    try {
      await this.#log.append(isShared(topic.topic) ? records.map(owned(tenant, topic)) : records);
    } catch (error) {
      this.#topics.forget(tenant);
      if (!hasCode(error, "topic-unknown")) throw error;
      // Dropped since the topic was looked up: the tenant is being deleted.
      throw new MillwrightError("tenant-not-ready", "The tenant is being deleted.", { cause: error });
    }
  }

  /**
   * By what consumers will judge the machines of what is appended now, as far as it can be known: it is they who decide,
   * by the time of the append, so this is for the answer only. undefined: those of every machine are taken.
   */
  async machinesOf(tenant: TenantId): Promise<MachineHistory | undefined> {
    try {
      const { generation } = await this.#topics.topicOf(tenant);
      const topic = topicName(tenant, "readings", generation);
      return (await this.#machines.until(this.#nowMs(), [{ tenant, topic }]))(topic);
    } catch {
      return undefined;
    }
  }
}

/** Says whose a record is, over whatever the record says itself. */
function owned(tenant: TenantId, { generation }: ReadingsTopic) {
  const owner = ownerHeaders(tenant, generation);
  return (record: NewRecord): NewRecord => ({ ...record, headers: { ...record.headers, ...owner } });
}

/** How a repeated delivery is known. */
export interface ClientBatch {
  readonly id: string;
  /** Of the body as it came: the same id with another hash is another body. */
  readonly contentHash: string;
}

/**
 * Headers of the records of one delivery.
 * @param machineId - of a sender that speaks for one machine: its batch ids are its own, so that no machine can use up
 *   (or guess) those of another
 */
export function recordHeaders(
  producedAtMs: number,
  source: "live" | "import",
  batch: ClientBatch | undefined,
  machineId: string | undefined,
): Readonly<Record<string, string>> {
  const headers = { "produced-at": String(producedAtMs), source };
  if (batch === undefined) return headers;
  // No machine's id has this sign, so where it ends is no question of opinion.
  const id = machineId === undefined ? batch.id : `${machineId}|${batch.id}`;
  return { ...headers, "batch-id": id, "content-hash": batch.contentHash };
}
