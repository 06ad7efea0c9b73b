import { expect } from "chai";
import fc from "fast-check";
import { stageLatencies, type AlertTimes } from "../../model/alert-latency.ts";

const gap = fc.nat(2_000);
/** Instants in their order, as one clock tells them. */
const ordered = fc.tuple(gap, gap, gap, gap).map(([append, evaluate, commit, send]): AlertTimes => {
  const [produced, appended] = [1_000_000, 1_000_000 + append];
  const evaluated = appended + evaluate;
  return {
    produced,
    appended,
    evaluated,
    committed: evaluated + commit,
    notified: evaluated + commit + send,
  };
});

describe("the stages of an alert's time", () => {
  it("add up to the total of an alert that waited for nothing", () => {
    fc.assert(
      fc.property(ordered, (times) => {
        const { append, evaluate, commit, send, total } = stageLatencies(times, 0);
        expect(append! + evaluate! + commit! + send!).to.equal(total);
        expect(total).to.equal(times.notified! - times.produced!);
      }),
    );
  });

  it("hold nothing of what the rule waited for on purpose", () => {
    fc.assert(
      fc.property(ordered, fc.nat(100_000), (times, delayMs) => {
        const later = (ms: number | null) => (ms === null ? null : ms + delayMs);
        const delayed = {
          ...times,
          evaluated: times.evaluated + delayMs,
          committed: later(times.committed),
          notified: later(times.notified),
        };
        expect(stageLatencies(delayed, delayMs).total).to.equal(stageLatencies(times, 0).total);
      }),
    );
  });

  it("are never less than the time since the evaluation, however fast a buffer ends the delay", () => {
    fc.assert(
      fc.property(ordered, fc.nat(100_000), (times, delayMs) => {
        const { evaluate, total } = stageLatencies(times, delayMs);
        expect(evaluate).to.be.at.least(0);
        expect(total).to.be.at.least(times.notified! - times.evaluated);
      }),
    );
  });

  it("are unknown where an end is missing", () => {
    const times = { produced: null, appended: 10, evaluated: 12, committed: null, notified: null };
    const none = { append: null, commit: null, send: null, total: null };
    expect(stageLatencies(times, 0)).to.deep.equal({ ...none, evaluate: 2 });
  });
});
