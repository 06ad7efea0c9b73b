import { expect } from "chai";
import { expectedAlerts } from "./expected-alerts.ts";
import type { SentCondition } from "./journal.ts";

const NO_DELAY = { onDelayMs: 0, offDelayMs: 0 };

/** Second by second: the values of a reading, or nothing. */
type Seconds = readonly (Readonly<Record<string, string | number>> | undefined)[];

/** Alerts as `[value, raised, returned]`, in seconds; event time and the log's clock are the same. */
function alerts(condition: SentCondition, seconds: Seconds, metric = "temperature_c") {
  const rule = { kind: "rule" as const, tenant: "acme", id: "any", type: "machine", metric, condition };
  const readings = seconds.flatMap((values, second) => {
    const place = {
      timeMs: second * 1_000,
      appendedAtMs: second * 1_000,
      logRef: String(second),
      ordinal: 0,
    };
    return values === undefined ? [] : [{ ...place, values }];
  });
  const inSeconds = (ms: number | undefined) => (ms === undefined ? undefined : ms / 1_000);
  return expectedAlerts(rule, readings).map(({ start, raisedAtMs, returnedAtMs }) => [
    start.value,
    inSeconds(raisedAtMs),
    inSeconds(returnedAtMs),
  ]);
}

const readings = (name: string, ...values: readonly (number | string)[]): Seconds =>
  values.map((value) => ({ [name]: value }));

describe("the reference evaluator of the fault runs", () => {
  it("knows a threshold with its dead band and delays", () => {
    const condition = { ...NO_DELAY, kind: "threshold", op: ">", limit: 80, deadBand: 2 } as const;
    const values = readings("temperature_c", 70, 81, 79, 90, 78, 85);
    expect(alerts(condition, values)).to.deep.equal([
      [81, 1, 4],
      [85, 5, undefined],
    ]);
    expect(alerts({ ...condition, onDelayMs: 2_000 }, values)).to.deep.equal([[85, 7, undefined]]);
  });

  it("knows a state that lasts", () => {
    const condition = { ...NO_DELAY, kind: "state", equals: "off", onDelayMs: 2_000 } as const;
    const values = readings("state", "off", "on", "off", "off", "off", "idle");
    expect(alerts(condition, values, "state")).to.deep.equal([["off", 4, 5]]);
  });

  it("knows a rate over its window, and a counter that begins anew", () => {
    const condition = { ...NO_DELAY, kind: "rate", windowMs: 2_000, op: ">", limit: 5, deadBand: 0 } as const;
    expect(alerts(condition, readings("temperature_c", 0, 3, 6, 9, 10))).to.deep.equal([[6, 2, 4]]);
    expect(alerts(condition, readings("cycle_count", 90, 93, 6, 9, 10), "cycle_count")).to.deep.equal([]);
  });

  it("knows an expression over the latest values, also where not all are known", () => {
    const expression = "temperature_c > 80 && state == 'idle'";
    const condition = { ...NO_DELAY, kind: "expression", expression } as const;
    const values = [{ temperature_c: 90 }, { state: "idle" }, { power_watts: 1 }, { temperature_c: 70 }];
    expect(alerts(condition, values)).to.deep.equal([["state = idle, temperature_c = 90", 1, 3]]);
    expect(alerts(condition, [{ state: "idle" }, { state: "off" }])).to.deep.equal([]);
  });

  it("knows a silence by the clock of the log, and the reading that ends it", () => {
    const condition = { ...NO_DELAY, kind: "no-data", onDelayMs: 1_000 } as const;
    const on = { state: "on" };
    expect(alerts(condition, [on, on, undefined, undefined, on])).to.deep.equal([
      [null, 2, 4],
      [null, 5, undefined],
    ]);
  });
});
