import { expect } from "chai";
import { Gateway } from "../../../automation/demo/gateway.ts";
import type { Measured } from "../../../model/site-simulation.ts";

const measured = (deviceId: string, second: number, isLinkUp = true): Measured => ({
  deviceId,
  isLinkUp,
  reading: {
    type: "machine",
    machineId: deviceId,
    ts: new Date(second * 1_000).toISOString(),
    values: { cycle_count: second },
  },
});

describe("Gateway", () => {
  const namesOf = (gateway: Gateway) =>
    gateway.next()?.readings.map(({ machineId, values }) => `${machineId}@${values["cycle_count"] ?? ""}`);
  let gateway: Gateway;
  beforeEach(() => {
    let count = 0;
    gateway = new Gateway(() => `batch-${++count}`);
  });

  it("sends late, and in order, what a machine measured without a link", () => {
    gateway.add([measured("a", 1, false), measured("b", 1)]);
    gateway.add([measured("a", 2, false)]);
    expect(namesOf(gateway)).to.deep.equal(["b@1"]);
    gateway.acknowledge();
    gateway.add([measured("a", 3)]);
    expect(namesOf(gateway)).to.deep.equal(["a@1", "a@2", "a@3"]);
  });

  it("repeats a batch under its id until it is acknowledged", () => {
    gateway.add([measured("a", 1)]);
    const first = gateway.next();
    gateway.add([measured("a", 2)]);
    expect(gateway.next()).to.equal(first);
    gateway.acknowledge();
    expect(gateway.next()?.batchId).to.equal("batch-2");
    gateway.acknowledge();
    expect(gateway.next()).to.equal(undefined);
  });

  it("keeps the newest when the platform is away for too long", () => {
    for (let second = 0; second < 10_005; second += 1) gateway.add([measured("a", second)]);
    expect(gateway.next()?.readings[0]?.values["cycle_count"]).to.equal(5);
    expect(gateway.next()?.readings).to.have.length(1_000);
  });
});
