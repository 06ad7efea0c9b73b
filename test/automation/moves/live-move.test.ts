import { expect } from "chai";
import { endOverdueFlips, flipTenant, type FlipDeps } from "../../../automation/moves/flip-tenant.ts";
import { abortFlip, beginFlip, readFlip } from "../../../data/catalog/flip.ts";
import { addShadow, shadowsOf } from "../../../data/catalog/shadow.ts";
import { readFences } from "../../../data/cell/fence.ts";
import { asFlipper, raiseFence } from "../../../data/cell/flip-fence.ts";
import { freezeTenant, thawTenant } from "../../../data/cell/freeze.ts";
import { carryHandling } from "../../../data/cell/move/carry-handling.ts";
import { awaitPositions, watchShadow } from "../../../data/cell/move/catch-up.ts";
import { copyRanges } from "../../../data/cell/move/copy-ranges.ts";
import { claimMove, markTenant } from "../../../data/cell/move/mark.ts";
import { onBothSides, type Move } from "../../../data/cell/move/move-session.ts";
import { planRanges } from "../../../data/cell/move/plan-ranges.ts";
import { readPositions, type Position } from "../../../data/cell/move/positions.ts";
import { proveRanges, proveTail } from "../../../data/cell/move/prove.ts";
import { hasCode } from "../../../model/errors.ts";
import { tenantId, type TenantId } from "../../../model/tenant.ts";
import { asCellRole, testTenant } from "../../support/cell.ts";
import { MovePlant, type CellName, type LoadedTenant } from "../../support/live-move.ts";
import { prepareTarget } from "../../support/move-cells.ts";
import { seed } from "../../support/seed.ts";

const GRACE_MS = 60_000;

describe(`a tenant that moves while it writes (seed ${seed})`, function () {
  let plant: MovePlant;
  let deps: FlipDeps;
  before(async () => {
    plant = await MovePlant.start();
    deps = {
      service: plant.test.catalog.service,
      secretOf: (cell) => Promise.resolve(plant.cells[cell as CellName]),
    };
  });
  after(() => plant.close());

  const moveOf = ({ tenant }: LoadedTenant, from: CellName, to: CellName): Move => {
    return { tenant, source: plant.cells[from], target: plant.cells[to], token: 1n };
  };

  const fenceIn = (cell: CellName, { tenant }: LoadedTenant) =>
    asCellRole(plant.cells[cell], "admin", async (client) =>
      (await readFences(client, [tenant])).get(tenant),
    );
  const raise = (tenant: TenantId) =>
    asFlipper(plant.cells.S, (client) => raiseFence(client, plant.cells.S, tenant, 2n));

  /** All that comes before the flip. @returns the mark */
  async function followAndCopy(loaded: LoadedTenant): Promise<readonly Position[]> {
    const { tenant } = loaded;
    const move = moveOf(loaded, "S", "T");
    await prepareTarget(plant.cells.T, tenant);
    for (const cell of [move.source, move.target]) await freezeTenant(cell, tenant);
    await claimMove(move);
    const { positions: mark } = await markTenant(move);
    await addShadow(deps.service, { tenant, cell: "T", epoch: 1n });
    await planRanges(move, 200);
    await copyRanges(move);
    const proven = await proveRanges(move);
    expect(proven.length).to.be.greaterThan(3);
    return mark;
  }

  /** Catches up and flips. @returns the positions that the source had at the end */
  async function flip(
    loaded: LoadedTenant,
    from: CellName,
    to: CellName,
    epoch: bigint,
    since: readonly Position[],
  ): Promise<readonly Position[]> {
    const { tenant } = loaded;
    return onBothSides(moveOf(loaded, from, to), async (source, target) => {
      const sides = { tenant, source, target };
      const recent = await readPositions(source, tenant);
      await awaitPositions(sides, recent, AbortSignal.timeout(30_000));
      await proveTail(sides, since, recent);
      let final: readonly Position[] = [];
      const prove = async (signal: AbortSignal) => {
        final = await readPositions(source, tenant);
        await awaitPositions(sides, final, signal);
        await proveTail(sides, recent, final);
        await carryHandling(sides);
      };
      const flipped = flipTenant(deps, { tenant, epoch, target: to, graceMs: GRACE_MS, prove });
      expect(await flipped).to.equal(epoch + 1n);
      return final;
    });
  }

  for (const kind of ["own", "shared"] as const) {
    it(`goes there and back with a topic that is ${kind}, and loses and doubles nothing in either cell`, async () => {
      const loaded = await plant.addTenant(`mover-${kind}`, kind);
      const neighbour = await plant.addTenant(`neighbour-${kind}`, kind);
      loaded.startLoad(seed);
      neighbour.startLoad(seed + 100);
      await loaded.hasStoredMore("S", 150);

      const mark = await followAndCopy(loaded);
      await loaded.repeatOldest(20); // stored in the source before the mark
      await loaded.hasStoredMore("T", 50);
      const discarded = await loaded.discardLetter("S");
      await loaded.exportLetters("S");
      const final = await flip(loaded, "S", "T", 1n, mark);
      await loaded.hasStoredMore("T", 100); // at home, and open
      await loaded.hasStoredMore("S", 100); // the shadow of now
      const { cell, epoch } = (await readFlip(deps.service, loaded.tenant))!;
      expect([cell, epoch]).to.deep.equal(["T", 2n]);
      expect(await fenceIn("T", loaded)).to.deep.equal({ epoch: 2n, role: "primary", isClosed: false });
      expect(await fenceIn("S", loaded)).to.deep.equal({ epoch: 2n, role: "shadow", isClosed: false });
      expect(await loaded.letterState("T", discarded)).to.deep.equal({
        state: "discarded",
        is_exported: true,
      });
      const shadows = (await shadowsOf(deps.service, loaded.tenant)).map((shadow) => [
        shadow.cell,
        shadow.epoch,
      ]);
      expect(shadows).to.deep.equal([["S", 2n]]);
      const standing = await watchShadow(plant.log, {
        tenant: loaded.tenant,
        positions: await asCellRole(plant.cells.S, "admin", (client) => readPositions(client, loaded.tenant)),
      });
      expect(standing.headroom > 0n).to.equal(true);

      const back = await flip(loaded, "T", "S", 2n, final);
      await loaded.hasStoredMore("S", 50);
      await loaded.hasStoredMore("T", 50);
      await flip(loaded, "S", "T", 3n, back); // and once more: nothing is left of the times before
      await loaded.hasStoredMore("T", 50);
      for (const cell of Object.values(plant.cells)) await thawTenant(cell, loaded.tenant);

      for (const one of [loaded, neighbour]) await one.stopLoad();
      for (const cell of ["S", "T"] as const) await loaded.hasStoredAll(cell);
      await neighbour.hasStoredAll("S");
      expect(await loaded.findings("T"), "at home").to.deep.equal([]);
      expect(await loaded.findings("S"), "in the shadow").to.deep.equal([]);
      expect(await neighbour.findings("S")).to.deep.equal([]);
      expect(plant.alarms).to.deep.equal([]);
      expect([loaded.vanishedCount, loaded.readCount > 20]).to.deep.equal([0, true]);
    });
  }

  it("is let write again by anybody when its mover dies with the source closed", async () => {
    const loaded = await plant.addTenant("orphan");
    loaded.startLoad(seed + 200);
    await loaded.hasStoredMore("S", 30);
    const { tenant } = loaded;
    await beginFlip(deps.service, tenant, 1n, "T", 0);
    await raise(tenant);
    const closedAt = await loaded.storedCount("S");
    expect(await loaded.storedCount("S")).to.equal(closedAt);
    expect(await endOverdueFlips(deps)).to.deep.equal([{ tenant }]);
    await loaded.hasStoredMore("S", 30);
    expect(await raise(tenant), "a mover that wakes up").to.equal(undefined);
    await loaded.hasStoredMore("S", 30);
    await loaded.stopLoad();
    await loaded.hasStoredAll("S");
    expect(await loaded.findings("S")).to.deep.equal([]);
    expect(await endOverdueFlips(deps)).to.deep.equal([]);
  });

  it("is let write again at the limit, whatever the proof waits for", async () => {
    const loaded = await plant.addTenant("hung");
    loaded.startLoad(seed + 400);
    await loaded.hasStoredMore("S", 30);
    const { tenant } = loaded;
    await testTenant(plant.cells.T, tenant, { topics: [], role: "shadow" });
    const prove = () => new Promise<void>(() => undefined);
    const flipped = flipTenant(deps, { tenant, epoch: 1n, target: "T", graceMs: GRACE_MS, prove });
    expect(hasCode(await flipped.catch((error: unknown) => error), "flip-aborted")).to.equal(true);
    await loaded.hasStoredMore("S", 30);
    await loaded.stopLoad();
  });

  it("stays at home, untouched, when the proof fails or the mover gives up", async () => {
    const loaded = await plant.addTenant("stayer");
    loaded.startLoad(seed + 300);
    await loaded.hasStoredMore("S", 60);
    const { tenant } = loaded;
    await followAndCopy(loaded);
    const failing = { tenant, epoch: 1n, target: "T", graceMs: GRACE_MS };
    const failure = new Error("differs");
    const prove = () => Promise.reject(failure);
    expect(await flipTenant(deps, { ...failing, prove }).catch((error: unknown) => error)).to.equal(failure);
    expect(await readFlip(deps.service, tenant)).to.include({ cell: "S", epoch: 2n, state: "stable" });
    await loaded.hasStoredMore("S", 20);

    // somebody else aborts it while it proves: the decision comes too late
    const overtaken = flipTenant(deps, {
      ...{ ...failing, epoch: 2n },
      prove: async () => {
        await abortFlip(deps.service, tenant, 3n);
      },
    });
    expect(hasCode(await overtaken.catch((error: unknown) => error), "flip-aborted")).to.equal(true);
    // two at once: the one that comes second does not end the attempt of the first
    const rival: { error?: unknown } = {};
    const first = flipTenant(deps, {
      ...{ ...failing, epoch: 3n },
      prove: async () => {
        rival.error = await flipTenant(deps, { ...failing, epoch: 3n, prove }).catch(
          (error: unknown) => error,
        );
        expect((await readFlip(deps.service, tenant))?.state).to.equal("flipping");
        throw failure;
      },
    });
    expect(await first.catch((error: unknown) => error)).to.equal(failure);
    expect(hasCode(rival.error, "placement-changed")).to.equal(true);
    const stale = flipTenant(deps, { ...failing, prove }).catch((error: unknown) => error);
    expect(hasCode(await stale, "placement-changed")).to.equal(true);
    await loaded.hasStoredMore("S", 20);
    await loaded.hasStoredMore("T", 20); // still a shadow

    await loaded.stopLoad();
    for (const cell of ["S", "T"] as const) {
      await loaded.hasStoredAll(cell);
      expect(await loaded.findings(cell), cell).to.deep.equal([]);
    }
  });

  it("has a shadow that says when the log no longer holds what it needs", async () => {
    const tenant = tenantId.parse("outlived");
    const topic = { topic: "outlived.readings.g1", partition: 0 };
    const bounds = () => Promise.resolve({ start: 10n, end: 50n });
    const at = (nextOffset: bigint) => ({ tenant, positions: [{ ...topic, nextOffset }] });
    expect(await watchShadow({ bounds }, at(12n))).to.deep.equal({ lag: 38n, headroom: 2n });
    const error = await watchShadow({ bounds }, at(9n)).catch((failure: unknown) => failure);
    expect(hasCode(error, "offset-out-of-range")).to.equal(true);
  });
});
