import { expect } from "chai";
import fc from "fast-check";
import type pg from "pg";
import { abortFlip, beginFlip, decideFlip, readFlip, settleFlip } from "../../data/catalog/flip.ts";
import { shadowsOf } from "../../data/catalog/shadow.ts";
import type { CellSecret } from "../../data/cell/cell-secret.ts";
import { readFences } from "../../data/cell/fence.ts";
import { asFlipper, openFence, raiseFence, shadowFence } from "../../data/cell/flip-fence.ts";
import * as flip from "../../model/flip.ts";
import type { TenantId } from "../../model/tenant.ts";
import { testCatalog, type TestCatalog } from "../support/catalog.ts";
import { asCellRole, testCell, testTenant } from "../support/cell.ts";
import { placeTestTenant, registerTestCells } from "../support/flip-tenant.ts";
import { seed } from "../support/seed.ts";

type Cell = "S" | "T";

/** One step of some mover, with an epoch that may be of any attempt. */
type Command =
  | { readonly kind: "begin"; readonly epoch: bigint; readonly cell: Cell }
  | { readonly kind: "decide" | "abort" | "settle"; readonly epoch: bigint }
  | { readonly kind: "raise" | "open" | "shadow"; readonly epoch: bigint; readonly cell: Cell };

const epoch = fc.bigInt({ min: 0n, max: 5n });
const cell = fc.constantFrom<Cell>("S", "T");
const anyCommand: fc.Arbitrary<Command> = fc.oneof(
  fc.record({ kind: fc.constant("begin" as const), epoch, cell }),
  fc.record({ kind: fc.constantFrom("decide" as const, "abort" as const, "settle" as const), epoch }),
  fc.record({ kind: fc.constantFrom("raise" as const, "open" as const, "shadow" as const), epoch, cell }),
);

describe(`placements and fences in their tables (seed ${seed})`, () => {
  let test: TestCatalog;
  let cells: Readonly<Record<Cell, CellSecret>>;
  let count = 0;
  before(async () => {
    test = await testCatalog();
    cells = { S: await testCell(), T: await testCell() };
    await registerTestCells(test.catalog, ["S", "T"]);
  });
  after(() => test.catalog.close());

  it("go from state to state as the model does, in any order of steps", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyCommand, { minLength: 10, maxLength: 40 }), async (commands) => {
        const tenant = await placedTenant();
        let placement = await readFlip(test.catalog.service, tenant);
        const fences = { S: await fenceIn("S", tenant), T: await fenceIn("T", tenant) };
        for (const command of commands) {
          const [inTable, inModel] = await both(command, tenant, placement!, fences);
          expect(inTable, command.kind).to.deep.equal(inModel);
          if (inModel !== undefined && "state" in inModel) placement = inModel;
          else if (inModel !== undefined && "cell" in command) fences[command.cell] = inModel;
          expect(await readFlip(test.catalog.service, tenant)).to.deep.equal(placement);
          expect({ S: await fenceIn("S", tenant), T: await fenceIn("T", tenant) }).to.deep.equal(fences);
        }
      }),
      { seed, numRuns: 20 },
    );
  });

  it("lets one of several deciders and aborters win, and the shadows change with the placement", async () => {
    const { service } = test.catalog;
    const tenant = await placedTenant();
    await beginFlip(service, tenant, 1n, "T");
    const ends = await Promise.all([
      ...Array.from({ length: 4 }, () => decideFlip(service, tenant, 2n, 60_000)),
      ...Array.from({ length: 4 }, () => abortFlip(service, tenant, 2n)),
    ]);
    const [won, ...others] = ends.filter((end) => end !== undefined);
    expect(others).to.deep.equal([]);
    expect(await readFlip(service, tenant)).to.deep.equal(won);
    const shadows = (await shadowsOf(service, tenant)).map((shadow) => [shadow.cell, shadow.epoch]);
    expect(shadows).to.deep.equal(won?.cell === "T" ? [["S", 2n]] : []);
  });

  /** A tenant at home in S, followed by T. */
  async function placedTenant(): Promise<TenantId> {
    const id = `flip-${++count}`;
    const tenant = await testTenant(cells.S, id);
    await testTenant(cells.T, id, { role: "shadow" });
    await placeTestTenant(test.catalog, tenant, "S");
    return tenant;
  }

  const fenceIn = (of: Cell, tenant: TenantId): Promise<flip.Fence> =>
    asCellRole(cells[of], "admin", async (client) => (await readFences(client, [tenant])).get(tenant)!);

  const inCell = <T>(of: Cell, work: (client: pg.Client) => Promise<T>) => asFlipper(cells[of], work);

  /** What the tables answer, and what the model says of the states before. */
  async function both(
    command: Command,
    tenant: TenantId,
    placement: flip.FlipPlacement,
    fences: Readonly<Record<Cell, flip.Fence>>,
  ) {
    const { service } = test.catalog;
    const { epoch: at } = command;
    switch (command.kind) {
      case "begin":
        return [await beginFlip(service, tenant, at, command.cell), flip.begin(placement, at, command.cell)];
      case "decide":
        return [await decideFlip(service, tenant, at, 60_000), flip.decide(placement, at)];
      case "abort":
        return [await abortFlip(service, tenant, at), flip.abort(placement, at)];
      case "settle":
        return [await settleFlip(service, tenant, at), flip.settle(placement, at)];
      case "raise":
        return [
          await inCell(command.cell, (client) => raiseFence(client, cells[command.cell], tenant, at)),
          flip.raise(fences[command.cell], at),
        ];
      case "open":
        return [
          await inCell(command.cell, (client) => openFence(client, tenant, at)),
          flip.open(fences[command.cell], at),
        ];
      case "shadow":
        return [
          await inCell(command.cell, (client) => shadowFence(client, tenant, at)),
          flip.shadow(fences[command.cell], at),
        ];
    }
  }
});
