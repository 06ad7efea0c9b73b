import { expect } from "chai";
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { setTimeout as delay } from "node:timers/promises";
import { collectCell } from "../../../automation/metering/collect-cell.ts";
import { addTenant } from "../../../data/catalog/tenant.ts";
import { rollUpUsage } from "../../../data/catalog/usage-rollup.ts";
import { openIngestPool } from "../../../data/cell/cell-pool.ts";
import { addUsage } from "../../../data/cell/usage.ts";
import { inTransaction } from "../../../data/pool.ts";
import { tenantId } from "../../../model/tenant.ts";
import { testCatalog } from "../../support/catalog.ts";
import { testCell, testTenant } from "../../support/cell.ts";
import { isFullRun } from "../../support/faults.ts";
import { newTenant } from "../../support/operations.ts";
import { randomFrom, seed } from "../../support/seed.ts";

const COLLECTOR = fileURLToPath(new URL("../../support/collector-process.ts", import.meta.url));
const KILLS = isFullRun ? 100 : 8;
const MINUTE_MS = 60_000;
const TENANTS = ["killed-acme", "killed-globex"].map((id) => tenantId.parse(id));

describe(`a collector that is killed again and again (seed ${seed})`, () => {
  it("leaves the sums of every minute, hour and day exact, while ingest goes on", async () => {
    const random = randomFrom(seed);
    const [{ catalog, admin, passwords }, secret] = [await testCatalog(), await testCell()];
    const pool = openIngestPool(secret, "test");
    const stopping = new AbortController();
    try {
      for (const tenant of TENANTS) {
        await testTenant(secret, tenant);
        await addTenant(catalog.service, newTenant(tenant));
      }
      const fromMs = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - 90 * MINUTE_MS;
      const stored = new Map<string, number>();
      const ingesting = (async () => {
        while (!stopping.signal.aborted) {
          const usage = TENANTS.map((tenant) => {
            const minuteMs = fromMs + Math.floor(random() * 60) * MINUTE_MS;
            const rowCount = 1 + Math.floor(random() * 100);
            return {
              tenant,
              minuteMs,
              topic: `${tenant}.readings.g1`,
              partition: random() < 0.5 ? 0 : 1,
              rowCount,
            };
          });
          await inTransaction(pool, (tx) =>
            addUsage(
              tx,
              usage.map((one) => ({ ...one, byteCount: one.rowCount })),
            ),
          );
          for (const { tenant, rowCount } of usage) stored.set(tenant, (stored.get(tenant) ?? 0) + rowCount);
        }
      })();

      const place = { ...admin, user: "millwright_service", password: passwords.service };
      for (let kill = 0; kill < KILLS; kill++) {
        const collector = fork(COLLECTOR, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
        collector.send({ catalog: place, secret });
        await once(collector, "message"); // it works
        await delay(random() * 40); // which of its statements is hit
        collector.kill("SIGKILL");
        await once(collector, "exit");
      }
      stopping.abort();
      await ingesting;

      await collectCell(
        { name: "shared-1", secret, catalog: catalog.service },
        { nowMs: Date.now(), measuresStorage: false },
      );
      await rollUpUsage(catalog.service);
      for (const table of ["usage_minute", "usage_hour", "usage_day"]) {
        const { rows } = await catalog.service.query<{ tenant: string; rows: number }>(
          `select tenant, sum(row_count)::float8 as rows from ${table} group by tenant order by tenant`,
        );
        expect(Object.fromEntries(rows.map((row) => [row.tenant, row.rows])), table).to.deep.equal(
          Object.fromEntries(stored),
        );
      }
    } finally {
      stopping.abort();
      await Promise.all([pool.end(), catalog.close()]);
    }
  });
});
