import { expect } from "chai";
import fc from "fast-check";
import { changedProperties, checkProperties, UNKNOWN_VALUE } from "../../providers/properties.ts";
import { seed } from "../support/seed.ts";

const rules = {
  name: { kind: "text", isRequired: true, replaces: true },
  privileges: { kind: "texts" },
  login: { kind: "flag", fallback: false },
  connectionLimit: { kind: "whole", fallback: -1 },
} as const;

const anyInputs = fc.record(
  {
    name: fc.string(),
    privileges: fc.array(fc.string()),
    login: fc.boolean(),
    connectionLimit: fc.integer(),
  },
  { requiredKeys: ["name"] },
);

describe("checkProperties", () => {
  it("accepts its own answer unchanged, so that a second `up` has nothing to do", () => {
    fc.assert(
      fc.property(anyInputs, (given) => {
        const { inputs, failures } = checkProperties(given, rules);
        expect(failures).to.deep.equal([]);
        expect(changedProperties(inputs, checkProperties(inputs, rules).inputs, rules)).to.deep.equal([]);
      }),
      { seed },
    );
  });

  it("names what is missing, of another kind or unknown to it", () => {
    const given = { login: "yes", assumeRole: "x", connectionLimit: 1.5 };
    const { failures } = checkProperties(given, rules);
    expect(failures.map(({ property }) => property)).to.have.members([
      "name",
      "login",
      "assumeRole",
      "connectionLimit",
    ]);
  });

  it("takes a value that is not known yet for any kind", () => {
    const unknown = { name: UNKNOWN_VALUE, login: UNKNOWN_VALUE, privileges: UNKNOWN_VALUE };
    expect(checkProperties(unknown, rules).failures).to.deep.equal([]);
  });
});

describe("changedProperties", () => {
  it("sees an unknown value as a change, also inside a list", () => {
    const state = { name: "a", privileges: ["SELECT"] };
    expect(changedProperties(state, { name: UNKNOWN_VALUE, privileges: ["SELECT"] }, rules)).to.deep.equal([
      "name",
    ]);
    expect(changedProperties(state, { name: "a", privileges: [UNKNOWN_VALUE] }, rules)).to.deep.equal([
      "privileges",
    ]);
  });
});
