import { expect } from "chai";
import fc from "fast-check";
import { jsonErrorAt } from "../../../automation/entrance/json-position.ts";
import { MAX_BATCH_BYTES } from "../../../automation/http/reading-batch.ts";
import { seed } from "../../support/seed.ts";

describe("jsonErrorAt", () => {
  const isJson = (text: string) => {
    try {
      JSON.parse(text);
      return true;
    } catch {
      return false;
    }
  };
  const damaged = fc
    .tuple(fc.json(), fc.nat(), fc.nat(2), fc.stringMatching(/^[{}[\],:"\\ 01e.\-tn'\u0001]$/))
    .map(([text, place, cut, put]) => {
      const at = place % (text.length + 1);
      return text.slice(0, at) + put + text.slice(at + cut);
    });

  it("finds an error exactly where JSON.parse does not take the text", () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), damaged, fc.string()), (text) => {
        expect(jsonErrorAt(text) === undefined).to.equal(isJson(text));
      }),
      { seed, numRuns: 5_000 },
    );
  });

  it("reads a text as long as a body may be, whatever fills it", () => {
    for (const part of ["x", "\\u0041", '\\"', "\n", "[", '{"a":', "0,", '"a",'])
      for (const before of ["", '{"a":"', '{"readings":['])
        expect(jsonErrorAt(before + part.repeat(Math.floor(MAX_BATCH_BYTES / part.length)))).to.be.a(
          "number",
        );
  });
});
