import { expect } from "chai";
import type { IDisconnectPacket } from "mqtt";
import { MillwrightError } from "../../../model/errors.ts";
import { eventually } from "../../support/eventually.ts";
import { TestEntrance, VERSIONS } from "../../support/mqtt.ts";

const reading = (cycle_count: number) =>
  JSON.stringify({ type: "machine", ts: new Date().toISOString(), values: { cycle_count } });

describe("the MQTT entrance while the log is away", () => {
  let entrance: TestEntrance;
  let key: string;
  let isAway = false;
  let appends = 0;
  before(async () => {
    entrance = await TestEntrance.start({}, (log) => (records) => {
      appends += 1;
      if (!isAway) return log.append(records);
      return Promise.reject(new MillwrightError("log-unavailable", "Away.", { retryable: true }));
    });
  });
  after(() => entrance.close());
  beforeEach(() => (appends = 0));

  for (const { version, name } of VERSIONS) {
    it(`acknowledges nothing to ${name}, and takes it when the client sends it again`, async () => {
      const tenant = `away-${version}`;
      await entrance.tenant(tenant);
      key = await entrance.api.key("machine", tenant);
      isAway = true;
      const client = await entrance.client(version, key, { reconnectPeriod: 20 });
      const reasons: unknown[] = [];
      client.on("disconnect", ({ reasonCode }: IDisconnectPacket) => reasons.push(reasonCode));
      const acknowledged: number[] = [];
      const all = [1, 2, 3].map(async (count) => {
        await client.publishAsync("sensors/m-1/telemetry", reading(count), { qos: 1 });
        acknowledged.push(count);
      });
      await eventually("it was tried twice", () => appends >= 2);
      expect(acknowledged).to.deep.equal([]);
      isAway = false;
      await Promise.all(all);
      expect((await entrance.readings(tenant)).map(({ values }) => values)).to.deep.equal(
        [1, 2, 3].map((cycle_count) => ({ cycle_count })),
      );
      if (version === 5) expect(new Set(reasons)).to.deep.equal(new Set([0x89]));
    });
  }

  it("joins what a client sends into few appends", async () => {
    await entrance.tenant("busy");
    const client = await entrance.client(5, await entrance.api.key("machine", "busy"));
    await Promise.all(
      Array.from({ length: 500 }, (_, i) =>
        client.publishAsync("sensors/m-1/telemetry", reading(i), { qos: 1 }),
      ),
    );
    expect(appends).to.be.below(250);
  });
});
