import {
  cleanUpReceipt,
  moveReceipt,
  RECEIPT_FORMAT,
  type CleanUpReceipt,
  type MoveReceipt,
} from "./receipt.ts";

interface Position {
  readonly topic: string;
  readonly partition: number;
  readonly nextOffset: bigint;
}

interface Proof {
  readonly count: bigint;
  readonly hash: string;
}

/** What the steps of a move know at its end. */
export interface MoveFacts extends Pick<
  MoveReceipt,
  "operation" | "tenant" | "from" | "to" | "decidedBy" | "steps" | "pause"
> {
  readonly startedAt: Date;
  readonly flippedAt: Date;
  readonly endedAt: Date;
  readonly rollbackUntil: Date;
  readonly epochs: { readonly before: bigint; readonly after: bigint };
  readonly positions: { readonly mark: readonly Position[]; readonly final: readonly Position[] };
  readonly ranges: readonly {
    readonly type: string;
    readonly from: string;
    readonly to: string;
    readonly proof: Proof | undefined;
  }[];
  readonly tails: readonly {
    readonly from: readonly Position[];
    readonly until: readonly Position[];
    readonly series: readonly { readonly type: string; readonly proof: Proof }[];
  }[];
  readonly sideTables: readonly { readonly name: string; readonly proof: Proof }[];
  readonly byteCount: bigint | undefined;
  readonly listPrices: { readonly beforeUsdPerMonth: number; readonly afterUsdPerMonth: number };
}

/** Part one. @throws RangeError for a range that is not proven: what is not proven gets no receipt */
export function writeMoveReceipt(facts: MoveFacts): MoveReceipt {
  const { operation, tenant, from, to, decidedBy, steps, pause, epochs, byteCount } = facts;
  const ranges = facts.ranges.map(({ type, from: begin, to: end, proof }) => {
    if (proof === undefined) throw new RangeError(`${type} from ${begin} to ${end} is not proven`);
    return { type, from: begin, to: end, ...equalOf(proof) };
  });
  const rowCount = facts.ranges.reduce((sum, { proof }) => sum + (proof?.count ?? 0n), 0n);
  return moveReceipt.parse({
    ...{ format: RECEIPT_FORMAT, kind: "move", operation, tenant, from, to, decidedBy },
    times: {
      startedAt: facts.startedAt.toISOString(),
      flippedAt: facts.flippedAt.toISOString(),
      endedAt: facts.endedAt.toISOString(),
    },
    steps,
    epochs: { before: String(epochs.before), after: String(epochs.after) },
    positions: { mark: positionsOf(facts.positions.mark), final: positionsOf(facts.positions.final) },
    ranges,
    tails: facts.tails.map(({ from: begin, until, series }) => ({
      ...{ from: positionsOf(begin), until: positionsOf(until) },
      series: series.map(({ type, proof }) => ({ type, ...equalOf(proof) })),
    })),
    sideTables: facts.sideTables.map(({ name: table, proof }) => ({ name: table, ...equalOf(proof) })),
    totals: { rowCount: String(rowCount), byteCount: byteCount === undefined ? null : String(byteCount) },
    pause,
    cost: { source: "list-price", ...facts.listPrices },
    rollbackUntil: facts.rollbackUntil.toISOString(),
  });
}

export interface CleanUpFacts extends Pick<CleanUpReceipt, "operation" | "tenant" | "move" | "cell"> {
  readonly rows: Readonly<Record<string, number | bigint>>;
  readonly droppedAt: Date;
}

/** Part two. */
export function writeCleanUpReceipt({ rows, droppedAt, ...facts }: CleanUpFacts): CleanUpReceipt {
  return cleanUpReceipt.parse({
    ...{ format: RECEIPT_FORMAT, kind: "clean-up", ...facts },
    rows: Object.fromEntries(Object.entries(rows).map(([table, gone]) => [table, String(gone)])),
    droppedAt: droppedAt.toISOString(),
  });
}

function equalOf({ count: rows, hash }: Proof) {
  return { rowCount: String(rows), hash };
}

function positionsOf(list: readonly Position[]) {
  return list.map(({ topic, partition, nextOffset }) => ({
    topic,
    partition,
    nextOffset: String(nextOffset),
  }));
}
