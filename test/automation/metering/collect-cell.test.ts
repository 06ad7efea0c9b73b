import { expect } from "chai";
import fc from "fast-check";
import type pg from "pg";
import { collectCell } from "../../../automation/metering/collect-cell.ts";
import { addTenant } from "../../../data/catalog/tenant.ts";
import { writeMinutes } from "../../../data/catalog/usage-minute.ts";
import { openIngestPool } from "../../../data/cell/cell-pool.ts";
import type { CellSecret } from "../../../data/cell/cell-secret.ts";
import { markCollected, uncollectedUsage } from "../../../data/cell/collect-usage.ts";
import { addUsage } from "../../../data/cell/usage.ts";
import { tenantId, type TenantId } from "../../../model/tenant.ts";
import { testCatalog, type TestCatalog } from "../../support/catalog.ts";
import { asCellRole, testCell, testTenant } from "../../support/cell.ts";
import { newTenant } from "../../support/operations.ts";
import { seed } from "../../support/seed.ts";

const MINUTE_MS = 60_000;
const NOW_MS = Date.UTC(2026, 10, 21, 10);

describe(`collecting the usage of a cell (seed ${seed})`, () => {
  let test: TestCatalog;
  let secret: CellSecret;
  let ingest: pg.Pool;
  const [acme, globex] = [tenantId.parse("collect-acme"), tenantId.parse("collect-globex")];

  before(async () => {
    [test, secret] = [await testCatalog(), await testCell()];
    ingest = openIngestPool(secret, "test");
    for (const tenant of [acme, globex]) {
      await testTenant(secret, tenant);
      await addTenant(test.catalog.service, newTenant(tenant));
    }
  });
  after(() => Promise.all([ingest.end(), test.catalog.close()]));
  const empty = async () => {
    await test.catalog.service.query("delete from usage_minute");
    await asCellRole(secret, "admin", (client) => client.query("delete from millwright.usage"));
  };
  beforeEach(empty);

  const collect = (name = "shared-1", nowMs = NOW_MS) =>
    collectCell({ name, secret, catalog: test.catalog.service }, { nowMs, measuresStorage: false });

  async function ingested(tenant: TenantId, minutesAgo: number, rowCount: number, partition = 0) {
    const minuteMs = NOW_MS - minutesAgo * MINUTE_MS;
    const client = await ingest.connect();
    const usage = { tenant, minuteMs, topic: `${tenant}.readings.g1`, partition, rowCount };
    await addUsage(client, [{ ...usage, byteCount: rowCount * 100 }]).finally(() => client.release());
  }

  /** What the catalog has of both tenants, by minutes ago. */
  async function summed(): Promise<Record<string, [number, number]>> {
    const { rows } = await test.catalog.service.query<{
      tenant: string;
      minute: Date;
      rows: string;
      bytes: string;
    }>(
      `select tenant, minute, sum(row_count)::text as rows, sum(byte_count)::text as bytes from usage_minute
        where meter = 'ingest' group by tenant, minute order by 1, 2 desc`,
    );
    return Object.fromEntries(
      rows.map(({ tenant, minute, rows: count, bytes }) => [
        `${tenant} -${(NOW_MS - minute.getTime()) / MINUTE_MS}`,
        [Number(count), Number(bytes)],
      ]),
    );
  }

  it("sums the partitions of each closed minute, and again what changes later", async () => {
    await ingested(acme, 2, 10);
    await ingested(acme, 2, 5, 1);
    await ingested(globex, 1, 7);
    await ingested(globex, 0, 1_000); // still open
    await collect();
    expect(await summed()).to.deep.equal({ [`${acme} -2`]: [15, 1_500], [`${globex} -1`]: [7, 700] });
    await ingested(acme, 2, 1, 1); // a cell that was behind: an old append minute grows
    await collect();
    await collect();
    expect(await summed()).to.deep.equal({ [`${acme} -2`]: [16, 1_600], [`${globex} -1`]: [7, 700] });
  });

  it("catches up with a cell that was away, and counts a tenant that moved once", async () => {
    await asCellRole(secret, "admin", (client) =>
      client.query(
        `insert into millwright.usage (tenant, minute, topic, partition, row_count, byte_count)
         select $1, to_timestamp($2::float8) - n * interval '1 minute', 't', p, 1, 1
           from generate_series(1, 6000) n, generate_series(0, 1) p`,
        [acme, NOW_MS / 1000],
      ),
    );
    await collect("shared-1");
    const [first] = Object.values(await summed());
    expect([Object.keys(await summed()).length, first]).to.deep.equal([6_000, [2, 2]]);
    // This database now stands for the target, which has metered the whole minute as the shadow that it was; after
    // that, for the source, which is behind.
    for (const rowCount of [5, 3]) {
      await asCellRole(secret, "admin", (client) => client.query("delete from millwright.usage"));
      await ingested(acme, 1, rowCount);
      await collect("dedicated-acme");
      expect((await summed())[`${acme} -1`]).to.deep.equal([5, 500]);
    }
  });

  it("leaves out a tenant that is gone, and does not look at its minutes for ever", async () => {
    await ingested(tenantId.parse("collect-gone"), 1, 9);
    await collect();
    expect(await summed()).to.deep.equal({});
    const left = await asCellRole(secret, "admin", (client) => uncollectedUsage(client, NOW_MS, 10));
    expect(left.ingested).to.deep.equal([]);
  });

  it("waits for no batch that holds a minute, and takes it as collected only when it is", async () => {
    await ingested(acme, 1, 10);
    const seen = await asCellRole(secret, "admin", (client) => uncollectedUsage(client, NOW_MS, 10));
    await writeMinutes(test.catalog.service, [
      { tenant: acme, minuteMs: NOW_MS - MINUTE_MS, cell: "", meter: "ingest", rowCount: 10 },
    ]);
    const batch = await ingest.connect();
    await batch.query("begin");
    const more = { tenant: acme, minuteMs: NOW_MS - MINUTE_MS, topic: `${acme}.readings.g1`, partition: 0 };
    await addUsage(batch, [{ ...more, rowCount: 1, byteCount: 100 }]);
    await asCellRole(secret, "admin", async (client) => {
      await client.query("set statement_timeout = '5s'");
      await markCollected(client, seen); // would time out if it waited
    });
    await batch.query("commit");
    batch.release();
    await collect();
    expect(await summed()).to.deep.equal({ [`${acme} -1`]: [11, 1_100] });
  });

  it("ends with what the cell has, whatever happens between its steps, and who dies at which of them", async () => {
    type Step =
      | {
          readonly kind: "ingest";
          readonly tenant: TenantId;
          readonly minutesAgo: number;
          readonly partition: number;
        }
      | { readonly kind: "read" | "write" | "mark" | "whole" };
    const anyStep: fc.Arbitrary<Step> = fc.oneof(
      fc.record({
        kind: fc.constant("ingest" as const),
        tenant: fc.constantFrom(acme, globex),
        minutesAgo: fc.integer({ min: 1, max: 3 }),
        partition: fc.integer({ min: 0, max: 1 }),
      }),
      fc.record({
        kind: fc.constantFrom("read" as const, "write" as const, "mark" as const, "whole" as const),
      }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(anyStep, { minLength: 4, maxLength: 12 }), async (steps) => {
        await empty();
        const expected = new Map<string, number>();
        // Two collectors at once: one whole, and one whose steps lie apart and may never come.
        let seen: Awaited<ReturnType<typeof uncollectedUsage>> | undefined;
        for (const step of steps) {
          if (step.kind === "ingest") {
            await ingested(step.tenant, step.minutesAgo, 1, step.partition);
            const key = `${step.tenant} -${step.minutesAgo}`;
            expected.set(key, (expected.get(key) ?? 0) + 1);
          } else if (step.kind === "whole") await collect();
          else if (step.kind === "read")
            seen = await asCellRole(secret, "admin", (client) => uncollectedUsage(client, NOW_MS, 100));
          else if (step.kind === "mark" && seen !== undefined) {
            const taken = seen;
            await writeSeen(taken.ingested);
            await asCellRole(secret, "admin", (client) => markCollected(client, taken));
            seen = undefined;
          } else if (seen !== undefined) await writeSeen(seen.ingested);
        }
        await collect();
        const got = Object.entries(await summed()).map(([key, [rows]]) => [key, rows] as const);
        expect(new Map(got)).to.deep.equal(expected);
      }),
      { seed, numRuns: 25 },
    );
  });

  async function writeSeen(usage: Awaited<ReturnType<typeof uncollectedUsage>>["ingested"]): Promise<void> {
    const minutes = Map.groupBy(usage, ({ tenant, minuteMs }) => `${tenant} ${minuteMs}`);
    await writeMinutes(
      test.catalog.service,
      [...minutes.values()].map((parts) => ({
        ...{ tenant: parts[0]!.tenant, minuteMs: parts[0]!.minuteMs, cell: "", meter: "ingest" },
        rowCount: parts.reduce((sum, { rowCount }) => sum + rowCount, 0),
        byteCount: parts.reduce((sum, { byteCount }) => sum + byteCount, 0),
      })),
    );
  }
});
