import { expect } from "chai";
import pg from "pg";
import { failureKind } from "../../../data/cell/failure.ts";

describe("failureKind", () => {
  for (const [kind, states] of [
    ["data", ["22001", "22P03", "23502", "23514", "54000"]],
    ["outage", ["08006", "57P01", "57P03", "53100", "53300", "25006", "40001", "40P01"]],
    ["too-much", ["53400"]],
    ["timeout", ["57014"]],
    ["misconfigured", ["42P01", "42501", "3F000"]],
    ["unknown", ["XX000", "55006"]],
  ] as const) {
    it(`takes ${states.join(", ")} for ${kind}`, () => {
      const errors = states.map((state) =>
        Object.assign(new pg.DatabaseError("x", 1, "error"), { code: state }),
      );
      expect(errors.map(failureKind)).to.deep.equal(states.map(() => kind));
    });
  }

  it("takes a lost connection for an outage and a bug for unknown", () => {
    expect(failureKind(Object.assign(new Error("x"), { code: "ECONNREFUSED" }))).to.equal("outage");
    expect(failureKind(new Error("Connection terminated unexpectedly"))).to.equal("outage");
    expect(failureKind(new TypeError("x is not a function"))).to.equal("unknown");
  });
});
