import { expect } from "chai";
import type { MillwrightError } from "../../model/errors.ts";
import { checkRestore, scriptTime, type RestoreFacts } from "../../model/restore.ts";

const NOW = "2026-11-22T12:00:00Z";
const facts = (more: Partial<RestoreFacts>): RestoreFacts => ({
  ...{ to: "2026-11-22T02:00:00Z", nowMs: Date.parse(NOW), kind: "backed-up" },
  ...{ homeSinceMs: Date.parse("2026-11-20T00:00:00Z"), ...more },
});

describe("checkRestore", () => {
  const refusalOf = (more: Partial<RestoreFacts>) => {
    try {
      checkRestore(facts(more));
      return undefined;
    } catch (error) {
      return error as MillwrightError;
    }
  };

  for (const to of ["latest", "2026-11-22T02:00:00Z", "2026-11-20T00:00:00Z", NOW])
    it(`takes ${to}`, () => expect(refusalOf({ to })).to.equal(undefined));

  for (const [to, message] of [
    ["2026-11-22T12:00:01Z", /future/],
    ["2026-11-19T23:59:59Z", /before 2026-11-20T00:00:00\.000Z/],
  ] as const)
    it(`refuses ${to} and names the field`, () => {
      const refusal = refusalOf({ to });
      expect([refusal?.code, refusal?.fields[0]?.pointer]).to.deep.equal(["request-invalid", "/to"]);
      expect(refusal?.message).to.match(message);
    });

  it("refuses what is older than the log: what came since could not be read again", () => {
    const homeSinceMs = Date.parse("2026-01-01T00:00:00Z");
    expect(refusalOf({ to: "2026-11-15T23:59:59Z", homeSinceMs })?.message).to.match(
      /older than the event log/,
    );
    expect(refusalOf({ to: "2026-11-16T00:00:00Z", homeSinceMs })).to.equal(undefined);
  });

  for (const [kind, message] of [
    ["shared", /own first/],
    ["no-backups", /no backups/],
    ["external", /not ours/],
  ] as const)
    it(`refuses a database that is ${kind}, and says what to do`, () => {
      const refusal = refusalOf({ kind, to: "latest" });
      expect(refusal?.code).to.equal("restore-unavailable");
      expect(refusal?.message).to.match(message);
    });
});

describe("scriptTime", () => {
  it("writes the time as restore.sh takes it", () => {
    expect(scriptTime("2026-11-22T02:00:00Z")).to.equal("2026-11-22 02:00:00.000+00");
    expect(scriptTime("latest")).to.equal("latest");
  });
});
