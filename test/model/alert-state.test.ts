import { expect } from "chai";
import { alertState } from "../../model/alert-state.ts";

describe("alertState", () => {
  const none = {
    ...{ returnedAtMs: undefined, acknowledgedAtMs: undefined, shelvedUntilMs: undefined },
    ...{ isSuppressed: false, isOutOfService: false },
  };
  const cases = [
    [none, "unacknowledged"],
    [{ ...none, acknowledgedAtMs: 5 }, "acknowledged"],
    [{ ...none, returnedAtMs: 5 }, "returned-unacknowledged"],
    [{ ...none, returnedAtMs: 5, acknowledgedAtMs: 6 }, "normal"],
    [{ ...none, shelvedUntilMs: 11 }, "shelved"],
    [{ ...none, shelvedUntilMs: 10 }, "unacknowledged"],
    [{ ...none, returnedAtMs: 5, acknowledgedAtMs: 6, shelvedUntilMs: 11 }, "normal"],
    [{ ...none, isSuppressed: true, shelvedUntilMs: 11 }, "suppressed"],
    [{ ...none, isSuppressed: true, returnedAtMs: 5 }, "normal"],
    [{ ...none, isSuppressed: true, isOutOfService: true }, "out-of-service"],
    [{ ...none, isOutOfService: true, acknowledgedAtMs: 6 }, "out-of-service"],
    [{ ...none, isOutOfService: true, acknowledgedAtMs: 6, returnedAtMs: 7 }, "normal"],
  ] as const;
  for (const [instants, state] of cases) {
    it(`is ${state} at 10 for ${JSON.stringify(instants)}`, () => {
      expect(alertState(instants, 10)).to.equal(state);
    });
  }
});
