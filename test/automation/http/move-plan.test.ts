import { expect } from "chai";
import { tmpdir } from "node:os";
import { LOCAL_PLACE } from "../../../automation/cost/quote-basis.ts";
import { planMove } from "../../../automation/moves/plan-move.ts";
import type { MovePlan } from "../../../automation/moves/plan-move.ts";
import { LOG_RETENTION_MS } from "../../../model/tenant-log.ts";
import { TestApi } from "../../support/api.ts";

const ESTIMATE = { buildMs: 30_000, copyMs: 25_000, proveMs: 5_000, totalMs: 65_000, diskBytes: 2e9 };
const PLAN: MovePlan = {
  from: { cell: "shared-1", tier: "shared" },
  toCell: undefined,
  refusals: [],
  size: {
    ...{ rowCount: 5_000_000, byteCount: 1e9, copyRowsPerSecond: 200_000, copyRateFrom: "sample" },
    ...{ buildMs: 30_000, estimate: ESTIMATE, freeDiskBytes: undefined, pauseMs: 300 },
  },
  cost: { beforeUsdPerMonth: 6, afterUsdPerMonth: 500 },
};

describe("GET /v1/tenants/ID/move-plan", () => {
  let api: TestApi;
  let isReal: boolean;
  before(async () => {
    const none = () => Promise.resolve(undefined);
    const secrets = { get: none, add: none, put: none, remove: none };
    const log = {
      retention: () => Promise.resolve({ maxAgeMs: LOG_RETENTION_MS, maxBytesPerPartition: Infinity }),
      bounds: () => Promise.resolve({ start: 0n, end: 0n }),
      read: () => Promise.reject(new Error("not needed")),
    };
    api = await TestApi.start({
      planMove: (request) => {
        if (!isReal) return Promise.resolve(PLAN);
        const places = {
          home: tmpdir(),
          dedicatedCellUrls: [],
          moveGraceMs: 1,
          pricedPlace: LOCAL_PLACE,
          environmentBudgetUsd: 50_000,
        };
        return planMove({ catalog: api.catalog, secrets, log, ...places }, request);
      },
    });
    await api.tenant("acme");
  });
  after(() => api.close());
  beforeEach(() => (isReal = false));

  it("shows what a move would take", async () => {
    const { status, body } = await api.call("GET", "/v1/tenants/acme/move-plan?tier=dedicated");
    expect([status, body.plan]).to.deep.equal([
      200,
      {
        ...{ tenant: "acme", from: PLAN.from, to: { tier: "dedicated", cell: null }, refusals: [] },
        estimate: {
          ...{ rows: 5_000_000, bytes: 1e9, copyRowsPerSecond: 200_000, copyRateFrom: "sample" },
          ...{ buildMs: 30_000, copyMs: 25_000, proveMs: 5_000, totalMs: 65_000 },
          pause: { expectedMs: 300, limitMs: 10_000 },
          disk: { neededBytes: 2e9, freeBytes: null },
        },
        cost: { source: "quote", beforeUsdPerMonth: 6, afterUsdPerMonth: 500 },
      },
    ]);
  });

  it("shows every reason against it, and no estimate of what cannot be looked at", async () => {
    isReal = true;
    const { status, body } = await api.call("GET", "/v1/tenants/acme/move-plan?tier=shared");
    expect(status).to.equal(200);
    expect(body.plan.refusals.map(({ code }: { code: string }) => code)).to.deep.equal([
      "move-needless",
      "capacity",
      "source-unreachable",
    ]);
    expect([body.plan.estimate, body.plan.cost]).to.deep.equal([null, null]);
    const unknown = await api.call("GET", "/v1/tenants/nobody/move-plan?tier=dedicated");
    expect([unknown.status, unknown.body.code]).to.deep.equal([404, "tenant-unknown"]);
  });

  it("takes no nonsense", async () => {
    for (const [query, pointer] of [
      ["", "tier"],
      ["?tier=large", "tier"],
      ["?tier=dedicated&cell=shared-1", "cell"],
      ["?tier=shared&newServer=true", "newServer"],
      ["?tier=shared&dryRun=true", ""],
    ] as const) {
      const { status, body } = await api.call("GET", `/v1/tenants/acme/move-plan${query}`);
      expect(status, query).to.equal(400);
      expect(body.errors[0].pointer, query).to.contain(pointer);
    }
  });

  it("is for who may move tenants", async () => {
    for (const [role, status] of [
      ["viewer", 403],
      ["tenant-admin", 403],
    ] as const) {
      const token = await api.key(role, "acme");
      const answer = await api.call("GET", "/v1/tenants/acme/move-plan?tier=dedicated", undefined, { token });
      expect(answer.status, role).to.equal(status);
    }
    const token = await api.key("sales");
    const answer = await api.call("GET", "/v1/tenants/acme/move-plan?tier=dedicated", undefined, { token });
    expect(answer.status).to.equal(200);
  });
});
