import { expect } from "chai";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parsePublicKey } from "../../automation/moves/receipt-key.ts";
import { verifyReceipt } from "../../automation/moves/receipt-signature.ts";
import { eventually } from "../support/eventually.ts";
import { TestPlatform } from "../support/platform.ts";

const TENANT = "grower";
const PER_BATCH = 20;
/** Of a gateway; as fast as it can be would be a load test. */
const PAUSE_MS = 20;
/** The engine builds a database, beside all else that runs here. */
const OPERATION_LIMIT_MS = 300_000;

describe("a tenant of a running platform that outgrows the shared database", function () {
  this.timeout(10 * 60_000);
  let platform: TestPlatform;
  before(async () => (platform = await (await TestPlatform.inNewHome()).start()));
  after(() => platform.remove());

  const stopping = new AbortController();
  let acceptedCount = 0;

  /** Writes until it is stopped; what is not accepted is sent again, as a gateway does. */
  async function write(key: string): Promise<void> {
    for (let batch = 0; !stopping.signal.aborted; batch++) {
      const readings = Array.from({ length: PER_BATCH }, (_, index) => ({
        ...{ type: "machine", machineId: `m-${index % 4}`, ts: new Date().toISOString() },
        values: { cycle_count: batch * PER_BATCH + index },
      }));
      const send = async () =>
        (await platform.call("POST", "/v1/data", { batchId: `b-${batch}`, readings }, { token: key }))
          .status === 202;
      await eventually(`batch ${batch} is accepted`, send);
      acceptedCount += PER_BATCH;
      await delay(PAUSE_MS);
    }
  }

  const storedCount = async (): Promise<number> => {
    let count = 0;
    let cursor: string | undefined;
    do {
      const query = cursor === undefined ? "" : `&cursor=${encodeURIComponent(cursor)}`;
      const { body } = await platform.call("GET", `/v1/data/machine?tenant=${TENANT}&limit=10000${query}`);
      count += (body.rows as readonly unknown[]).length;
      cursor = body.nextCursor ?? undefined;
    } while (cursor !== undefined);
    return count;
  };

  const ended = async (method: string, route: string, body: unknown) => {
    const answer = await platform.call(method, route, body);
    expect(answer.status, JSON.stringify(answer.body)).to.equal(202);
    const operation = await platform.ended(answer.body.operation.id, OPERATION_LIMIT_MS);
    expect(operation.error).to.equal(null);
    return operation;
  };

  it("gets its own while it writes and loses nothing; both go with the tenant", async () => {
    await platform.tenant(TENANT);
    const writing = write(await platform.key(TENANT, "machine"));
    await eventually("some readings", async () => (await storedCount()) > 100);

    const moved = await ended("POST", `/v1/tenants/${TENANT}/tier`, {
      tier: "dedicated",
      reason: "too large",
    });
    const key = parsePublicKey(await readFile(path.join(platform.home, "receipt-key.pem"), "utf8"));
    expect(verifyReceipt(JSON.stringify(moved.result.receipt), key).kind).to.equal("valid");
    expect(moved.result.receipt.receipt.decidedBy).to.deep.include({ reason: "too large" });
    const tenant = async () => (await platform.call("GET", `/v1/tenants/${TENANT}`)).body.tenant;
    expect(await tenant()).to.deep.include({ tier: "dedicated", state: "ready" });
    const before = acceptedCount;
    await eventually("readings in the new home", async () => (await storedCount()) > before);

    stopping.abort();
    await writing;
    await eventually("all that was accepted", async () => (await storedCount()) === acceptedCount);

    const gone = await ended("DELETE", `/v1/tenants/${TENANT}`, { confirm: TENANT });
    expect(gone.status).to.equal("succeeded");
    for (const left of [`secrets/cell-dedicated-${TENANT}.json`, `cells/dedicated-${TENANT}`])
      expect(existsSync(path.join(platform.home, left)), left).to.equal(false);
  });
});
