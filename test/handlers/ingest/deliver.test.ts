import { expect } from "chai";
import type { LogRecord, Seek, TopicPartition } from "../../../data/event-log/event-log.ts";
import { deliver } from "../../../handlers/ingest/deliver.ts";
import { MillwrightError } from "../../../model/errors.ts";
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

  describe("of several partitions", () => {
    const both = [...records, ...[0, 1].map((offset) => logRecord(acme, 1, offset))];
    const noGap = { read: () => Promise.reject(new Error("there is no gap")) };

    /** Positions by partition; one that is not there cannot be read. @returns the offsets taken of partition 1 */
    async function taken(positions: Readonly<Record<number, bigint>>, failure: Error) {
      const offsets: number[] = [];
      const consumer = {
        position: ({ partition }: TopicPartition) => {
          const position = positions[partition];
          return position === undefined ? Promise.reject(failure) : Promise.resolve(position);
        },
        handle: (batch: readonly LogRecord[]) => {
          offsets.push(...batch.map(({ offset }) => Number(offset)));
          return Promise.resolve([]);
        },
      };
      const error: unknown = await deliver(noGap, consumer, both).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      return { offsets, error };
    }

    it("are taken beside one that stands still, which is what the delivery fails with", async () => {
      for (const code of ["offset-out-of-range", "tenant-fenced"] as const) {
        const failure = new MillwrightError(code, "partition 0 stands still");
        expect(await taken({ 1: 0n }, failure)).to.deep.equal({ offsets: [0, 1], error: failure });
      }
    });

    it("fail with all that stands still", async () => {
      const failure = new MillwrightError("tenant-fenced", "it is fenced.");
      const { error } = await taken({}, failure);
      expect((error as AggregateError).errors).to.deep.equal([failure, failure]);
    });

    it("fail at once in an outage", async () => {
      const outage = new Error("the database is away");
      expect(await taken({ 1: 0n }, outage)).to.deep.equal({ offsets: [], error: outage });
    });
  });
});
