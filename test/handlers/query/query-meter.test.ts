import { expect } from "chai";
import type { MeteredMinute } from "../../../data/catalog/usage-minute.ts";
import { QueryMeter } from "../../../handlers/query/query-meter.ts";
import { tenantId } from "../../../model/tenant.ts";

const MINUTE_MS = 60_000;
const NOW_MS = Date.UTC(2026, 10, 21, 10);
const acme = tenantId.parse("acme");

describe("the meter of queries", () => {
  /** Holds what the catalog would: the larger count of each meter's minute. */
  function memory() {
    const counts = new Map<string, number>();
    const writes: (readonly MeteredMinute[])[] = [];
    return {
      writes,
      write: (minutes: readonly MeteredMinute[]) => {
        writes.push(minutes);
        for (const { tenant, cell, minuteMs, meter, queryCount = 0 } of minutes) {
          const key = `${tenant} ${cell} ${minuteMs} ${meter}`;
          counts.set(key, Math.max(queryCount, counts.get(key) ?? 0));
        }
        return Promise.resolve();
      },
      total: () => [...counts.values()].reduce((sum, count) => sum + count, 0),
    };
  }

  it("writes all that it counted of a minute, and of a quiet minute nothing", async () => {
    const { writes, write } = memory();
    const meter = new QueryMeter(write);
    meter.count(acme, "shared-1", NOW_MS, 10);
    meter.count(acme, "shared-1", NOW_MS + MINUTE_MS, 1);
    await meter.flush(NOW_MS + MINUTE_MS);
    meter.count(acme, "shared-1", NOW_MS + MINUTE_MS + 1, 5);
    await meter.flush(NOW_MS + MINUTE_MS);
    await meter.flush(NOW_MS + MINUTE_MS);
    const written = writes.map((minutes) =>
      minutes.map(({ minuteMs, queryCount, queryMs }) => [minuteMs - NOW_MS, queryCount, queryMs]),
    );
    expect(written).to.deep.equal([
      [
        [0, 1, 10],
        [MINUTE_MS, 1, 1],
      ],
      [[MINUTE_MS, 2, 6]],
      [],
    ]);
  });

  it("counts nothing twice when a write's answer is lost, and nothing less", async () => {
    const catalog = memory();
    let isLost = true;
    const meter = new QueryMeter(async (minutes) => {
      await catalog.write(minutes);
      if (isLost) throw new Error("connection lost");
    });
    meter.count(acme, "shared-1", NOW_MS, 1);
    await meter.flush(NOW_MS).catch(() => undefined);
    meter.count(acme, "shared-1", NOW_MS, 1);
    await meter.flush(NOW_MS).catch(() => undefined);
    isLost = false;
    await meter.flush(NOW_MS);
    expect(catalog.total()).to.equal(2);
  });

  it("keeps two processes, and a process and the one after it, apart", async () => {
    const catalog = memory();
    for (const meter of [new QueryMeter(catalog.write), new QueryMeter(catalog.write)]) {
      meter.count(acme, "shared-1", NOW_MS, 1);
      await meter.flush(NOW_MS);
      meter.count(acme, "shared-1", NOW_MS, 1); // never written: this process is killed
    }
    expect(catalog.total()).to.equal(2);
  });

  it("forgets minutes that are written and long over", async () => {
    const { writes, write } = memory();
    const meter = new QueryMeter(write);
    meter.count(acme, "shared-1", NOW_MS, 1);
    await meter.flush(NOW_MS + 10 * MINUTE_MS);
    meter.count(acme, "shared-1", NOW_MS, 1);
    await meter.flush(NOW_MS + 10 * MINUTE_MS);
    expect(writes.at(-1)?.[0]?.queryCount).to.equal(1);
  });
});
