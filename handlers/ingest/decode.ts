import { createHash } from "node:crypto";
import type { DeadLetter } from "../../data/cell/dead-letter.ts";
import type { TenantRows } from "../../data/cell/reading-rows.ts";
import type { LogRecord } from "../../data/event-log/event-log.ts";
import type { MachineHistory } from "../../model/machine-history.ts";
import { packLogRef } from "../../model/log-ref.ts";
import type { TenantId } from "../../model/tenant.ts";
import { decodeValue } from "../decode-value.ts";
import { Presences, type Presence } from "./presence.ts";

/** A part of a client's batch, from the record's headers. */
export interface BatchPart {
  readonly id: string;
  readonly part: number;
  readonly contentHash: string;
}

/** A record of the log, understood as far as it can be; its rows are where they were added. */
export interface DecodedRecord {
  readonly tenant: TenantId;
  readonly source: LogRecord;
  readonly logRef: bigint;
  readonly batch: BatchPart | undefined;
  readonly rowCount: number;
  readonly presences: readonly Presence[];
  readonly deadLetters: readonly DeadLetter[];
}

const NONE: readonly never[] = [];

/** Decodes consecutive records of one tenant in one partition, and adds their rows to those of the tenant. */
export class RunDecoder {
  readonly #tenant: TenantId;
  readonly #generation: number;
  readonly #rows: TenantRows;
  readonly #machines: MachineHistory | undefined;
  readonly #presences = new Presences();

  /** @param source - whose records, and in a topic of which generation; @param machines - undefined: all are taken */
  constructor(
    source: { readonly tenant: TenantId; readonly generation: number },
    rows: TenantRows,
    machines: MachineHistory | undefined,
  ) {
    this.#tenant = source.tenant;
    this.#generation = source.generation;
    this.#rows = rows;
    this.#machines = machines;
  }

  decode(source: LogRecord): DecodedRecord {
    const { partition, offset, value, headers } = source;
    const tenant = this.#tenant;
    const logRef = packLogRef({ generation: this.#generation, partition, offset });
    const { readings, refused, batch } = decodeValue(source, this.#machines);
    for (const { reading, ordinal } of readings) this.#rows.add(reading, source, logRef, ordinal);
    return {
      tenant,
      source,
      logRef,
      batch: batchPart(headers, value) ?? (batch && { ...batchOf(batch), part: 0 }),
      rowCount: readings.length,
      presences: this.#presences.ofRecord(readings),
      deadLetters:
        refused.length === 0
          ? NONE
          : refused.map(({ ordinal, reason, message, raw }) =>
              deadLetterOf({ tenant, source, logRef }, reason, message, ordinal, raw),
            ),
    };
  }
}

function batchOf({ id, content }: NonNullable<ReturnType<typeof decodeValue>["batch"]>) {
  return { id, contentHash: createHash("sha256").update(content).digest("hex") };
}

/** @param ordinal - undefined: the whole record */
export function deadLetterOf(
  { tenant, source, logRef }: Pick<DecodedRecord, "tenant" | "source" | "logRef">,
  reason: DeadLetter["reason"],
  message: string,
  ordinal?: number,
  raw = source.value,
): DeadLetter {
  const { topic, partition, offset, appendedAtMs } = source;
  return { tenant, topic, partition, offset, logRef, ordinal, appendedAtMs, reason, message, raw };
}

/**
 * Headers that do not describe a part are no batch: the readings are worth more than their deduplication. A producer of
 * the customer's own may give a batch id alone: then the record is the whole batch, and its value tells bodies apart.
 * One that numbers parts knows the hash of the whole; without it the parts of two bodies cannot be told apart. It numbers
 * up to 9,999 of them: each record of a batch reads and writes the list of those that came.
 */
export function batchPart(headers: LogRecord["headers"], value: Buffer): BatchPart | undefined {
  const { "batch-id": id, part = "0" } = headers;
  // visible ASCII only: the database refuses U+0000 in a text, and would refuse the whole commit with it
  if (id === undefined || !/^[\x21-\x7e]{1,300}$/.test(id) || !/^\d{1,4}$/.test(part)) return undefined;
  const hashOfValue = () => createHash("sha256").update(value).digest("hex");
  const contentHash = headers["content-hash"] ?? (headers["part"] === undefined ? hashOfValue() : "");
  if (!/^[\x21-\x7e]{0,200}$/.test(contentHash)) return undefined;
  return { id, part: Number(part), contentHash };
}
