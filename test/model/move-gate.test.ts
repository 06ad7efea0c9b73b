import { expect } from "chai";
import {
  diskRefusals,
  placeRefusals,
  refuseMove,
  retentionRefusals,
  targetCellOf,
  type MovingTenant,
} from "../../model/move-gate.ts";
import type { MillwrightError } from "../../model/errors.ts";
import { versionRefusals } from "../../model/target-gate.ts";
import { tenantId } from "../../model/tenant.ts";
import { DEFAULT_TRIGGERS } from "../../model/trigger-config.ts";

const GIB = 2 ** 30;
const HOUR_MS = 3_600_000;

const acme: MovingTenant = {
  tenant: tenantId.parse("acme"),
  state: "ready",
  budgetUsdPerMonth: null,
  costs: { shared: 6, dedicated: 500 },
  environment: { costWithDatabase: { platform: 2_000e6, tenants: 1_000e6 }, budgetUsdPerMonth: 3_000 },
  home: { cell: "shared-1", tier: "shared" },
  operation: undefined,
  followers: [],
  sharedCells: new Map([
    ["shared-1", { tenantCapacity: 200, freePlaceCount: 5 }],
    ["shared-2", { tenantCapacity: 200, freePlaceCount: 1 }],
    ["shared-3", { tenantCapacity: 200, freePlaceCount: 2 }],
  ]),
  room: { dedicatedTenantCount: 0, freeServerCount: Infinity },
};
const dedicated: MovingTenant = { ...acme, home: { cell: "dedicated-acme", tier: "dedicated" } };
const full = new Map([["shared-1", { tenantCapacity: 200, freePlaceCount: 0 }]]);

const codes = (tenant: MovingTenant, target: Parameters<typeof placeRefusals>[1]) =>
  placeRefusals(tenant, target, DEFAULT_TRIGGERS).map(({ code }) => code);

describe("a move", () => {
  it("goes to a database of the tenant's own, back, to another shared one, and to a larger one", () => {
    expect(codes(acme, { tier: "dedicated" })).to.deep.equal([]);
    expect(codes(dedicated, { tier: "shared" })).to.deep.equal([]);
    expect(codes(acme, { tier: "shared", cell: "shared-2" })).to.deep.equal([]);
    expect(codes(dedicated, { tier: "dedicated", newServer: true })).to.deep.equal([]);
  });

  it("is needless to where the tenant is", () => {
    expect(codes(acme, { tier: "shared" })).to.deep.equal(["move-needless"]);
    expect(codes(acme, { tier: "shared", cell: "shared-1" })).to.deep.equal(["move-needless"]);
    expect(codes(dedicated, { tier: "dedicated" })).to.deep.equal(["move-needless"]);
  });

  it("waits for what is under way, and for the end of the one before", () => {
    const operation = { id: "o-1", kind: "update" };
    expect(codes({ ...acme, operation, followers: ["dedicated-acme"] }, { tier: "dedicated" })).to.deep.equal(
      ["tenant-busy", "move-unfinished"],
    );
    expect(codes({ ...acme, state: "deleting" }, { tier: "dedicated" })).to.deep.equal(["tenant-not-ready"]);
    expect(
      codes({ ...acme, state: "creating", home: undefined }, { tier: "dedicated" }),
      "nowhere",
    ).to.deep.equal(["tenant-not-ready"]);
    expect(codes({ ...acme, state: "moving" }, { tier: "dedicated" }), "by itself").to.deep.equal([]);
  });

  it("to a database of the tenant's own stays within what the environment may cost", () => {
    const environment = { ...acme.environment, budgetUsdPerMonth: 2_999.99 };
    const refusals = placeRefusals({ ...acme, environment }, { tier: "dedicated" }, DEFAULT_TRIGGERS);
    expect(refusals.map(({ code }) => code)).to.deep.equal(["environment-budget"]);
    expect(refusals[0]?.message).to.match(/3,000\.00 USD a month.* budget of 2,999\.99: .* raise the budget/);
    const cheaper = { ...dedicated, environment };
    expect(codes(cheaper, { tier: "shared" }), "a move that makes room").to.deep.equal([]);
  });

  it("needs a place, says all that is missing at once, and what to do", () => {
    const poor = { ...acme, budgetUsdPerMonth: 499, room: { dedicatedTenantCount: 1, freeServerCount: 0 } };
    const refusals = placeRefusals(poor, { tier: "dedicated" }, DEFAULT_TRIGGERS);
    expect(refusals.map(({ code }) => code)).to.deep.equal(["budget", "max-dedicated-tenants", "capacity"]);
    for (const { message } of refusals) expect(message).to.match(/\. (Raise|Add) /);
    expect(codes({ ...dedicated, sharedCells: full }, { tier: "shared" })).to.deep.equal(["capacity"]);
    expect(codes(acme, { tier: "shared", cell: "shared-9" })).to.deep.equal(["cell-unknown"]);
    expect(
      codes({ ...dedicated, sharedCells: full }, { tier: "shared", cell: "shared-1" }),
      "the wanted one",
    ).to.deep.equal(["capacity"]);
  });

  it("goes to the shared database with the most room, never to the same", () => {
    expect(targetCellOf(acme, { tier: "shared" })).to.equal("shared-3");
    expect(targetCellOf(dedicated, { tier: "shared" })).to.equal("shared-1");
    expect(targetCellOf(acme, { tier: "dedicated" })).to.equal(undefined);
  });

  it("needs a log that outlives it, and a disk that holds it", () => {
    expect(retentionRefusals(24 * HOUR_MS, 25 * HOUR_MS)).to.deep.equal([]);
    const [short] = retentionRefusals(24 * HOUR_MS, 24 * HOUR_MS);
    expect(short?.message).to.equal(
      "The log holds a record for 24 h; the copy and the time for a way back take 24 h. Keep the log for longer.",
    );
    expect(diskRefusals(2 * GIB, 2 * GIB)).to.deep.equal([]);
    expect(diskRefusals(2 * GIB, undefined), "nobody knows").to.deep.equal([]);
    expect(diskRefusals(2 * GIB, 1.5 * GIB)[0]?.message).to.contain("1.5 GiB of disk free and needs 2 GiB");
  });

  it("needs the same server on both sides", () => {
    const server = { postgresMajor: 17, timescaleVersion: "2.19.3", timescaleLicense: "timescale" };
    const texts = (target: Partial<typeof server> | object) =>
      versionRefusals(server, { ...server, ...target }).map(({ message }) => message.split("; ")[0]);
    expect(texts({})).to.deep.equal([]);
    expect(texts({ timescaleLicense: null }), "not told yet").to.deep.equal([]);
    expect(texts({ postgresMajor: 15, timescaleVersion: "2.19.2" })).to.deep.equal([
      "The tenant's database has PostgreSQL 17, the target 15",
      "The tenant's database has TimescaleDB 2.19.3, the target 2.19.2",
    ]);
    expect(texts({ timescaleVersion: null })[0]).to.contain("the target none");
    expect(texts({ timescaleLicense: "apache" })).to.have.length(1);
  });

  it("is refused with every reason in one error", () => {
    refuseMove([]);
    const refusals = placeRefusals({ ...acme, followers: ["x"] }, { tier: "shared" }, DEFAULT_TRIGGERS);
    try {
      refuseMove(refusals);
      expect.fail("not refused");
    } catch (error) {
      const { code, fields } = error as MillwrightError;
      expect([code, fields.map(({ pointer }) => pointer)]).to.deep.equal([
        "move-refused",
        ["/move-needless", "/move-unfinished"],
      ]);
    }
  });
});
