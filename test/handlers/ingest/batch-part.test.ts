import { expect } from "chai";
import { batchPart } from "../../../handlers/ingest/decode.ts";

describe("headers of a part", () => {
  const partOf = (part: string) =>
    batchPart({ "batch-id": "b-1", part, "content-hash": "h" }, Buffer.of())?.part;

  it("number it, up to a list that each record can read and write", () => {
    expect(["0", "9999"].map(partOf)).to.deep.equal([0, 9_999]);
    for (const part of ["10000", "-1", "1.5", "1e3", " 1", ""])
      expect(partOf(part), part).to.equal(undefined);
  });
});
