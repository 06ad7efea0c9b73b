import { createHash } from "node:crypto";
import {
  markDeadLetters,
  oldestOpenLetters,
  readDeadLetters,
  type LetterContent,
  type LetterFilter,
} from "../../data/cell/kept-dead-letter.ts";
import type { TenantCells } from "../../handlers/query/tenant-cells.ts";
import { letterId, replayBatchId, type DeadLetterReason, type LetterPlace } from "../../model/dead-letter.ts";
import { decodeReading, isRefusal } from "../../model/decode-reading.ts";
import { refusalOfMachine, type MachineHistory } from "../../model/machine-history.ts";
import { recordsOf, type PlacedReading } from "../../model/partition.ts";
import type { WireReading } from "../../model/reading.ts";
import type { TenantId } from "../../model/tenant.ts";
import { recordHeaders, type Intake } from "../entrance/intake.ts";

export const NOT_REPLAYED_CODES = [
  "dead-letter-unknown",
  "dead-letter-handled",
  "dead-letter-truncated",
  "sender-doubted",
  "record-undecodable",
  "reading-invalid",
  "time-out-of-range",
  "machine-unknown",
] as const;

/** A letter that stays as it is, and why. */
export interface NotReplayed {
  readonly id: string;
  readonly code: (typeof NOT_REPLAYED_CODES)[number];
  readonly message: string;
}

/** A letter that was asked for; `readings`, where given, go into the log in the place of what came. */
export interface WantedLetter {
  readonly place: LetterPlace;
  readonly readings?: readonly unknown[] | undefined;
}

export interface ReplayOutcome {
  readonly replayed: number;
  readonly refused: readonly NotReplayed[];
}

/** What a sender said for another machine or tenant; nobody stands for it who asks for all letters. */
const DOUBTED: readonly DeadLetterReason[] = ["machine-forbidden", "identity-mismatch"];
/** Up to 64 KiB each are held at a time. */
const LETTERS_AT_ONCE = 100;
/** Of a filter, in one call; the next one goes on behind them. */
const LETTERS_PER_CALL = 1_000;

/**
 * Puts the readings of dead letters into the log again. A letter is replayed as a whole or not at all: what would be
 * refused again stays, with the reason of today. First the log has the readings, then the letter is marked, so a crash
 * in between leaves an open letter whose replay adds nothing: its batch id is its first reference, and ingest remembers
 * that for as long as there is the letter. What the database refuses once more becomes a letter of its own.
 *
 * Replayed readings are stored as imports are and raise no alert: the moment that they tell of is over, and whoever
 * replays a week of letters must not ring for each.
 */
export class Replay {
  readonly #intake: Intake;
  readonly #cells: Pick<TenantCells, "inCell">;
  readonly #nowMs: () => number;

  constructor(intake: Intake, cells: Pick<TenantCells, "inCell">, nowMs: () => number) {
    this.#intake = intake;
    this.#cells = cells;
    this.#nowMs = nowMs;
  }

  /** @param by - id of the credential. @throws MillwrightError `tenant-not-ready`, `log-unavailable`, `database-unavailable` */
  async letters(tenant: TenantId, wanted: readonly WantedLetter[], by: string): Promise<ReplayOutcome> {
    const outcomes: ReplayOutcome[] = [];
    const machines = await this.#intake.machinesOf(tenant);
    for (let from = 0; from < wanted.length; from += LETTERS_AT_ONCE) {
      const some = wanted.slice(from, from + LETTERS_AT_ONCE);
      const places = some.map(({ place }) => place);
      const found = await this.#cells.inCell(tenant, "read only", (tx) =>
        readDeadLetters(tx, tenant, places),
      );
      const byId = new Map(found.map((content) => [content.letter.id, content]));
      const judged = some.map(({ place, readings }) =>
        this.#judge(place, byId.get(letterId(place)), machines, readings),
      );
      outcomes.push(await this.#replay(tenant, judged, by));
    }
    return summed(outcomes);
  }

  /** Open letters that match, the oldest first. @returns where to go on, undefined behind the last one */
  async matching(
    tenant: TenantId,
    filter: LetterFilter & { readonly after: bigint },
    by: string,
  ): Promise<ReplayOutcome & { readonly next: bigint | undefined }> {
    const outcomes: ReplayOutcome[] = [];
    const machines = await this.#intake.machinesOf(tenant);
    let { after } = filter;
    for (let count = 0; count < LETTERS_PER_CALL; count += LETTERS_AT_ONCE) {
      const page = { after, limit: LETTERS_AT_ONCE };
      const found = await this.#cells.inCell(tenant, "read only", (tx) =>
        oldestOpenLetters(tx, tenant, filter, page),
      );
      const judged = found.map((content) => {
        const { place, letter } = content;
        if (filter.reason !== undefined || !DOUBTED.includes(letter.reason))
          return this.#judge(place, content, machines);
        const message = "whoever sent it spoke for another: name the letter or its reason to stand for it";
        return { id: letter.id, code: "sender-doubted", message } as const;
      });
      outcomes.push(await this.#replay(tenant, judged, by));
      after = found.at(-1)?.sequence ?? after;
      if (found.length < LETTERS_AT_ONCE) return { ...summed(outcomes), next: undefined };
    }
    return { ...summed(outcomes), next: after };
  }

  #judge(
    place: LetterPlace,
    content: LetterContent | undefined,
    machines: MachineHistory | undefined,
    correction?: readonly unknown[],
  ): JudgedLetter | NotReplayed {
    const id = letterId(place);
    const no = (code: NotReplayed["code"], message: string) => ({ id, code, message });
    if (content === undefined) return no("dead-letter-unknown", "there is no such letter, or no more");
    const { letter, raw } = content;
    if (letter.state !== "open")
      return no("dead-letter-handled", `${letter.state} at ${letter.handledAt} by ${letter.handledBy}`);
    if (correction === undefined && letter.isTruncated)
      return no("dead-letter-truncated", "not all of it was kept: send its readings along");
    const readings = correction ?? readingsIn(raw);
    if (readings === undefined)
      return no("record-undecodable", "what came is no JSON of readings: send its readings along");
    for (const [index, reading] of readings.entries()) {
      const nowMs = this.#nowMs();
      const decoded = decodeReading(reading, nowMs);
      const refusal = isRefusal(decoded)
        ? decoded
        : machines && refusalOfMachine(machines, decoded.machineId, nowMs);
      if (refusal !== undefined) return no(refusal.code, `reading ${index}: ${refusal.message}`);
    }
    return { place, readings: readings as readonly WireReading[] };
  }

  async #replay(
    tenant: TenantId,
    judged: readonly (JudgedLetter | NotReplayed)[],
    by: string,
  ): Promise<ReplayOutcome> {
    const refused = judged.filter((one) => "code" in one);
    const good = judged.filter((one) => "place" in one);
    if (good.length === 0) return { replayed: 0, refused };
    const producedAtMs = this.#nowMs();
    await this.#intake.append(tenant, (topic) =>
      good.flatMap((letter) =>
        recordsOf(placed(letter), { ...topic, headers: headersOf(letter, producedAtMs) }),
      ),
    );
    const places = good.map(({ place }) => place);
    await this.#cells.inCell(tenant, "read write", (tx) =>
      markDeadLetters(tx, tenant, places, { state: "replayed", by }),
    );
    return { replayed: good.length, refused };
  }
}

/** A letter whose readings are fit for the log. */
interface JudgedLetter {
  readonly place: LetterPlace;
  readonly readings: readonly WireReading[];
}

function summed(outcomes: readonly ReplayOutcome[]): ReplayOutcome {
  return {
    replayed: outcomes.reduce((sum, { replayed }) => sum + replayed, 0),
    refused: outcomes.flatMap(({ refused }) => refused),
  };
}

/** The readings of a record, or the one; undefined for what is no JSON of an object or an array. */
function readingsIn(raw: Buffer): readonly unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(raw));
    if (Array.isArray(value)) return value.length === 0 ? undefined : (value as unknown[]);
    return typeof value === "object" && value !== null ? [value] : undefined;
  } catch {
    return undefined;
  }
}

function placed({ readings }: JudgedLetter): readonly PlacedReading[] {
  return readings.map((reading) => ({ reading, isAccepted: true }));
}

function headersOf({ place, readings }: JudgedLetter, producedAtMs: number) {
  const contentHash = createHash("sha256").update(JSON.stringify(readings)).digest("hex");
  return recordHeaders(producedAtMs, "import", { id: replayBatchId(place), contentHash }, undefined);
}
