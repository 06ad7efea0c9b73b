import { expect } from "chai";
import { copyRanges } from "../../../../data/cell/move/copy-ranges.ts";
import type { MoveRange } from "../../../../data/cell/move/ledger.ts";
import { markTenant } from "../../../../data/cell/move/mark.ts";
import type { Move } from "../../../../data/cell/move/move-session.ts";
import { planRanges } from "../../../../data/cell/move/plan-ranges.ts";
import { proveRanges } from "../../../../data/cell/move/prove.ts";
import { hasCode } from "../../../../model/errors.ts";
import { METRICS, TABLES, type ReadingType } from "../../../../model/reading.ts";
import { tenantNames } from "../../../../model/tenant.ts";
import { moveCells, type MoveCells } from "../../../support/move-cells.ts";
import { randomFrom, seed } from "../../../support/seed.ts";

const CORRUPTIONS = 200;
/** In one round no two of them are in one range. */
const PER_ROUND = 10;

const KINDS = ["0.0 to NULL", "NULL to 0.0", "a name", "a value", "doubled", "dropped"] as const;
type Corruption = (typeof KINDS)[number];

type Row = Readonly<Record<string, unknown>>;

describe(`the proof of a copy (seed ${seed})`, () => {
  let cells: MoveCells;
  let move: Move;
  const random = randomFrom(seed);
  const pick = <T>(from: readonly T[]): T | undefined => from[Math.floor(random() * from.length)];
  before(async () => {
    cells = await moveCells();
    move = await cells.tenantToMove("prove", 40);
    await markTenant(move);
    await planRanges(move, 60);
    await copyRanges(move);
  });
  after(() => cells.close());

  const tableOf = (type: ReadingType) => `${tenantNames(move.tenant).schema}.${TABLES[type]}`;

  /** Spoils a random row of the range in the target in this way. @returns false if there is no row to do it to */
  async function corrupt({ type, from, to }: MoveRange, kind: Corruption): Promise<boolean> {
    const table = tableOf(type);
    const rows = await cells.inTarget<Row>(`select * from ${table} where time >= $1 and time < $2`, [
      from,
      to,
    ]);
    const numbers = METRICS[type].filter(({ kind: of }) => of === "number").map(({ name }) => name);
    const places = rows.flatMap((row) => numbers.map((column) => ({ row, column, value: row[column] })));
    const run = async (row: Row | undefined, statement: string) => {
      if (row === undefined) return false;
      const where = "where log_ref = $1 and ordinal = $2";
      await cells.inTarget(`${statement} ${where}`, [row["log_ref"], row["ordinal"]]);
      return true;
    };
    const set = (isWanted: (value: unknown) => boolean, to: (column: string) => string) => {
      const place = pick(places.filter(({ value }) => isWanted(value)));
      return run(place?.row, `update ${table} set ${place?.column} = ${to(place?.column ?? "")}`);
    };
    switch (kind) {
      case "dropped":
        return run(pick(rows), `delete from ${table}`);
      case "doubled":
        return run(pick(rows), `insert into ${table} select * from ${table}`);
      case "a name":
        return run(pick(rows), `update ${table} set machine_id = machine_id || 'x'`);
      case "a value":
        return set(
          (value) => typeof value === "number" && value !== 0,
          (column) => `${column} * 1.0000001`,
        );
      case "0.0 to NULL":
        return set(
          (value) => value === 0,
          () => "null",
        );
      case "NULL to 0.0":
        return set(
          (value) => value === null,
          () => "0",
        );
    }
  }

  it(`names the range, every time, over ${CORRUPTIONS} random corruptions`, async () => {
    const seen = new Set<Corruption>();
    for (let count = 0; count < CORRUPTIONS; count += PER_ROUND) {
      // as if each range had just been copied for the first time
      await cells.inTarget(
        "update millwright.move_range set proven_count = null, proven_hash = null, copy_count = 1",
      );
      const all = (await planRanges(move)).toSorted(() => random() - 0.5).slice(0, PER_ROUND);
      expect(all).to.have.length(PER_ROUND);
      for (const range of all) {
        for (const kind of KINDS.toSorted(() => random() - 0.5)) {
          if (!(await corrupt(range, kind))) continue; // a scan has no numbers
          seen.add(kind);
          break;
        }
      }
      const named: bigint[] = [];
      const proven = await proveRanges(move, { onDiffering: ({ id }) => named.push(id) });
      const ids = all.map(({ id }) => id).sort((a, b) => Number(a - b));
      expect(named, `round ${count / PER_ROUND}`).to.deep.equal(ids);
      expect(proven.every(({ proof }) => proof !== undefined)).to.equal(true); // copied again, and right
    }
    expect([...seen].sort()).to.deep.equal(KINDS);
  });

  it("would take a NULL for 0.0 with a seed of 0", async () => {
    const [row] = await cells.inTarget<{ zero: boolean; other: boolean }>(
      `select hash_record_extended((null::float8, 1), 0) = hash_record_extended((0.0::float8, 1), 0) as zero,
              hash_record_extended((null::float8, 1), 7919) = hash_record_extended((0.0::float8, 1), 7919) as other`,
    );
    expect(row).to.deep.equal({ zero: true, other: false });
  });

  it("finds a row in no range's hours, for the outer ranges have no end", async () => {
    await cells.inTarget(
      "update millwright.move_range set proven_count = null, proven_hash = null, copy_count = 1",
    );
    const { type } = (await planRanges(move))[0]!;
    await cells.inTarget("select millwright.ensure_partitions($1, $2, '{2031-01-01}')", [
      move.tenant,
      TABLES[type],
    ]);
    await cells.inTarget(
      `insert into ${tableOf(type)} (time, machine_id, log_ref, ordinal)
       select '2031-01-01', machine_id, log_ref, ordinal from ${tableOf(type)} limit 1`,
    );
    const named: string[] = [];
    await proveRanges(move, { onDiffering: ({ to }) => named.push(to) });
    expect(named).to.deep.equal(["infinity"]);
  });

  it("stops after the third copy, and says which range it was", async () => {
    await cells.inTarget(
      "update millwright.move_range set proven_count = null, proven_hash = null, copy_count = 1",
    );
    const table = tableOf("machine");
    // something in the target spoils whatever is written
    await cells.inTarget(
      `create function public.spoil() returns trigger language plpgsql as
       $$ begin new.cycle_count := new.cycle_count + 1; return new; end $$`,
    );
    await cells.inTarget(
      `create trigger spoil before insert on ${table} for each row execute function public.spoil()`,
    );
    await cells.inTarget(`update ${table} set cycle_count = 1`);
    const named: bigint[] = [];
    const error = await proveRanges(move, { onDiffering: ({ id }) => named.push(id) }).catch(
      (failure: unknown) => failure,
    );
    expect(hasCode(error, "copy-differs")).to.equal(true);
    expect(String(error)).to.match(/machine_telemetry from \S+.* to .* differs after 3 copies/);
    expect(named).to.have.length(3);
    expect(new Set(named).size).to.equal(1);
  });
});
