import { asText, type Proven } from "../../../../data/catalog/tenant-move.ts";
import { awaitPositions } from "../../../../data/cell/move/catch-up.ts";
import type { Sides } from "../../../../data/cell/move/move-session.ts";
import { readPositions } from "../../../../data/cell/move/positions.ts";
import { proveTail } from "../../../../data/cell/move/prove.ts";

/** Proves piece by piece what comes by the log into both cells. */
export class GrowingProof {
  readonly #sides: Sides;
  #proven: Proven;

  constructor(sides: Sides, proven: Proven) {
    this.#sides = sides;
    this.#proven = proven;
  }

  get proven(): Proven {
    return this.#proven;
  }

  /**
   * Waits until the target has what the source has now, and compares it from where the last piece ended.
   * @returns how many rows it was
   * @throws MillwrightError `copy-differs`
   */
  async proveToNow(signal: AbortSignal): Promise<number> {
    const { source, tenant } = this.#sides;
    const { positions: from, tails } = this.#proven;
    const until = await readPositions(source, tenant);
    await awaitPositions(this.#sides, until, signal);
    const proofs = await proveTail(this.#sides, from, until);
    const series = proofs.map(({ type, proof }) => ({
      type,
      rowCount: String(proof.count),
      hash: proof.hash,
    }));
    this.#proven = {
      positions: until,
      tails: [...tails, { from: asText(from), until: asText(until), series }],
    };
    return proofs.reduce((sum, { proof }) => sum + Number(proof.count), 0);
  }
}
