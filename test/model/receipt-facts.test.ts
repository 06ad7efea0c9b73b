import { expect } from "chai";
import { writeCleanUpReceipt, writeMoveReceipt } from "../../model/receipt-facts.ts";
import { moveReceipt } from "../../model/receipt.ts";
import { moveFacts } from "../support/receipt.ts";

describe("a move's receipt", () => {
  it("keeps numbers that JSON would round, and adds the ranges up", () => {
    const written = writeMoveReceipt(moveFacts);
    expect(written.positions.final[0]?.nextOffset).to.equal("9007199254740993");
    expect(written.totals).to.deep.equal({ rowCount: "501234", byteCount: "123456789" });
    expect(written.ranges[0]).to.deep.equal({
      ...{ type: "machine", from: "-infinity", to: "2026-11-20 00:00:00+00" },
      ...{ rowCount: "500000", hash: "-12345678901234567890123" },
    });
    expect(written.cost.source).to.equal("list-price");
  });

  it("is not written of a range that nobody has proven", () => {
    const [first] = moveFacts.ranges;
    const unproven = { ...moveFacts, ranges: [{ ...first!, proof: undefined }] };
    expect(() => writeMoveReceipt(unproven)).to.throw(RangeError, "machine from -infinity");
  });

  it("says null of what was not measured to its end", () => {
    const pause = { seen: null, flipMs: null };
    const written = writeMoveReceipt({ ...moveFacts, pause, byteCount: undefined });
    expect([written.pause, written.totals.byteCount]).to.deep.equal([pause, null]);
  });

  it("has no field that this release does not know", () => {
    const more = { ...writeMoveReceipt(moveFacts), note: "added" };
    expect(moveReceipt.safeParse(more).success).to.equal(false);
  });
});

describe("a clean-up's receipt", () => {
  it("says what went where, and of which move", () => {
    const written = writeCleanUpReceipt({
      ...{ operation: moveFacts.operation, tenant: "acme", cell: "shared-1" },
      move: { operation: moveFacts.operation, receiptSha256: "ab".repeat(32) },
      rows: { machine_telemetry: 501_234, usage: 3n },
      droppedAt: new Date("2026-11-23T00:00:00Z"),
    });
    expect(written.kind).to.equal("clean-up");
    expect(written.rows).to.deep.equal({ machine_telemetry: "501234", usage: "3" });
  });
});
