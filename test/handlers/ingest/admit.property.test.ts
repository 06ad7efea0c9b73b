import { expect } from "chai";
import fc from "fast-check";
import { TenantRows } from "../../../data/cell/reading-rows.ts";
import { admit, BATCH_MEMORY_MS } from "../../../handlers/ingest/admit.ts";
import { RunDecoder, type DecodedRecord } from "../../../handlers/ingest/decode.ts";
import { tenantId } from "../../../model/tenant.ts";
import { APPENDED_AT_MS, logRecord, machineReading } from "../../support/log-records.ts";
import { seed } from "../../support/seed.ts";

const acme = tenantId.parse("acme");

const decoder = new RunDecoder({ tenant: acme, generation: 1 }, new TenantRows(), undefined);
const recordOf = (offset: number, headers: Record<string, string>, appendedAtMs: number) =>
  decoder.decode(logRecord(acme, 0, offset, [machineReading()], { headers, appendedAtMs }));

/** Records of few batches in append order; some send a part again, some use the id for another body. */
const anyRecords = fc
  .array(
    fc.record({
      id: fc.constantFrom("a", "b", undefined),
      part: fc.nat(2),
      contentHash: fc.constantFrom("x", "y"),
      hoursLater: fc.nat(10),
    }),
    { maxLength: 30 },
  )
  .map((facts) => {
    let appendedAtMs = APPENDED_AT_MS;
    return facts.map(({ id, part, contentHash, hoursLater }, offset) => {
      appendedAtMs += hoursLater * 3_600_000;
      const headers: Record<string, string> =
        id === undefined ? {} : { "batch-id": id, part: String(part), "content-hash": contentHash };
      return recordOf(offset, headers, appendedAtMs);
    });
  });

describe("admission of clients' batches", () => {
  it("decides the same however the log is cut into deliveries", () => {
    fc.assert(
      fc.property(anyRecords, fc.nat(30), (records, cut) => {
        const whole = admit(records, []);
        const first = admit(records.slice(0, cut), []);
        const second = admit(records.slice(cut), first.learnt);
        expect([...first.admitted, ...second.admitted]).to.deep.equal(whole.admitted);
        expect([...first.reused, ...second.reused]).to.deep.equal(whole.reused);
      }),
      { seed },
    );
  });

  it("admits, within 24 hours, each part of the first body once and nothing of another", () => {
    fc.assert(
      fc.property(anyRecords, (all) => {
        const records = all.map((record) => ({
          ...record,
          source: { ...record.source, appendedAtMs: APPENDED_AT_MS },
        }));
        const { admitted } = admit(records, []);
        for (const id of ["a", "b"]) {
          const ofBatch = (list: readonly DecodedRecord[]) =>
            list.flatMap(({ batch }) => (batch?.id === id ? batch : []));
          const hash = ofBatch(records)[0]?.contentHash;
          const wanted = new Set(
            ofBatch(records).flatMap((batch) => (batch.contentHash === hash ? batch.part : [])),
          );
          const found = ofBatch(admitted);
          expect(found.map(({ part }) => part).sort()).to.deep.equal([...wanted].sort());
          expect(found.filter(({ contentHash }) => contentHash !== hash)).to.deep.equal([]);
        }
      }),
      { seed },
    );
  });

  it("takes an id for a new batch 24 hours after its first part", () => {
    const headers = { "batch-id": "a", part: "0", "content-hash": "x" };
    const at = (offset: number, laterMs: number) => recordOf(offset, headers, APPENDED_AT_MS + laterMs);
    const [first, again, fresh] = [at(0, 0), at(1, BATCH_MEMORY_MS), at(2, BATCH_MEMORY_MS + 1)];
    expect(admit([first, again, fresh], []).admitted).to.deep.equal([first, fresh]);
  });
});
