import { expect } from "chai";
import type { LogRecord, Seek } from "../../../data/event-log/event-log.ts";
import { deliver } from "../../../handlers/ingest/deliver.ts";
import { tenantId } from "../../../model/tenant.ts";
import { logRecord } from "../../support/log-records.ts";

describe("a delivery whose offsets are not ours to choose", () => {
  const acme = tenantId.parse("acme");
  const records = [0, 1, 2, 3, 4].map((offset) => logRecord(acme, 0, offset));

  /** Takes so many records of what it is handed, and asks for the rest. @returns the offsets that it was handed */
  async function delivered(atOnce: number): Promise<{ handed: number[][]; outcome: string | undefined }> {
    const handed: number[][] = [];
    const handle = (batch: readonly LogRecord[]): Promise<readonly Seek[]> => {
      handed.push(batch.map(({ offset }) => Number(offset)));
      const next = batch[atOnce];
      return Promise.resolve(next === undefined ? [] : [next]);
    };
    const read = () => Promise.reject(new Error("there is no gap"));
    const consumer = { position: () => Promise.resolve(0n), handle };
    const outcome = await deliver({ read }, consumer, records).then(
      () => undefined,
      (error: unknown) => (error as { code: string }).code,
    );
    return { handed, outcome };
  }

  it("is handed over until all of it is taken", async () => {
    const { handed, outcome } = await delivered(2);
    expect(handed).to.deep.equal([[0, 1, 2, 3, 4], [2, 3, 4], [4]]);
    expect(outcome).to.equal(undefined);
  });

  it("is to be delivered again when nothing more of it is taken", async () => {
    const { handed, outcome } = await delivered(0);
    expect(handed).to.have.length(1);
    expect(outcome).to.equal("tenant-fenced");
  });
});
