import { expect } from "chai";
import fc from "fast-check";
import { correlate, type Earlier, type Flood, type Risen } from "../../model/incident.ts";
import { SEVERITIES } from "../../model/rule.ts";
import { seed } from "../support/seed.ts";

const LIMITS = { alertCount: 3, windowMs: 100 };
const idOf = (scope: string, subject: string, first: string) => `${scope}/${subject}/${first}`;

const anyRisen = fc
  .array(
    fc.record({
      wait: fc.nat(60),
      rule: fc.constantFrom("r1", "r2"),
      machineId: fc.constantFrom("m1", "m2", "m3"),
      severity: fc.constantFrom(...SEVERITIES),
    }),
    { maxLength: 40 },
  )
  .map((steps) => {
    let atMs = 0;
    return steps.map(({ wait, ...alert }, n): Risen => ({ ...alert, id: `a${n}`, atMs: (atMs += wait) }));
  });

/** As the catalog keeps it: batches come one by one, each with what is stored by then. */
function inBatches(risen: readonly Risen[], size: number) {
  const alerts = new Map<string, Earlier>();
  const incidents = new Map<string, Flood>();
  const told: string[] = [];
  for (let from = 0; from < risen.length; from += size) {
    const batch = risen.slice(from, from + size);
    const before = {
      alerts: [...alerts.values()].filter(({ id }) => told.includes(id)), // people were told of them
      incidents: [...incidents.values()],
    };
    const { incidentOf, silent, changed } = correlate(batch, before, LIMITS, idOf);
    for (const alert of batch) alerts.set(alert.id, { ...alert, incident: null });
    for (const [id, incident] of incidentOf) alerts.set(id, { ...alerts.get(id)!, incident });
    for (const flood of changed) incidents.set(flood.id, flood);
    told.push(...batch.filter(({ id }) => !silent.has(id)).map(({ id }) => id));
  }
  return { alerts: [...alerts.values()], incidents: [...incidents.values()], told };
}

describe(`correlation of floods (seed ${seed})`, () => {
  const check = (law: (risen: readonly Risen[]) => void) =>
    fc.assert(fc.property(anyRisen, law), { seed, numRuns: 500 });

  it("makes the same incidents, and tells people the same, however the alerts were batched", () => {
    check((risen) => {
      const whole = inBatches(risen, 1_000);
      for (const size of [1, 2, 7]) expect(inBatches(risen, size)).to.deep.equal(whole);
    });
  });

  it("tells people of every alert outside an incident, and of the first that is as urgent in each", () => {
    check((risen) => {
      const { alerts, incidents, told } = inBatches(risen, 5);
      for (const { id, incident } of alerts) if (incident === null) expect(told).to.include(id);
      for (const { id, severity } of incidents) {
        const heard = alerts.filter((alert) => alert.incident === id && told.includes(alert.id));
        expect(heard.length).to.be.greaterThan(LIMITS.alertCount);
        const urgent = alerts
          .filter((alert) => alert.incident === id)
          .map((alert) => SEVERITIES.indexOf(alert.severity));
        expect(SEVERITIES.indexOf(severity)).to.equal(Math.min(...urgent));
        expect(heard.map((alert) => alert.severity)).to.include(severity);
      }
    });
  });

  it("leaves alone what comes slowly", () => {
    check((risen) => {
      const slow = risen.map((alert, n) => ({ ...alert, atMs: n * LIMITS.windowMs }));
      expect(inBatches(slow, 3).incidents).to.deep.equal([]);
    });
  });

  it("does not count an alert twice that a timer and a reading both raised", () => {
    const one: Risen = { id: "a", rule: "r", machineId: "m", severity: "low", atMs: 0 };
    const before = { alerts: [{ ...one, incident: null }], incidents: [] };
    expect(correlate([one, one, one, one], before, LIMITS, idOf).changed).to.deep.equal([]);
  });
});
