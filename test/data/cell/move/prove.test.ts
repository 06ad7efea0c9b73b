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

/** One row, in one of the ranges of its table. */
interface Row {
  readonly range: MoveRange;
  readonly logRef: bigint;
  readonly ordinal: number;
}

describe(`the proof of a copy (seed ${seed})`, () => {
  let cells: MoveCells;
  let move: Move;
  const random = randomFrom(seed);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
  before(async () => {
    cells = await moveCells();
    move = await cells.tenantToMove("prove", 40);
    await markTenant(move);
    await planRanges(move, 60);
    await copyRanges(move);
  });
  after(() => cells.close());

  const tableOf = (type: ReadingType) => `${tenantNames(move.tenant).schema}.${TABLES[type]}`;

  async function rowsOf(range: MoveRange): Promise<readonly Row[]> {
    const rows = await cells.inTarget<{ log_ref: bigint; ordinal: number }>(
      `select log_ref, ordinal from ${tableOf(range.type)} where time >= $1 and time < $2`,
      [range.from, range.to],
    );
    return rows.map(({ log_ref: logRef, ordinal }) => ({ range, logRef, ordinal }));
  }

  /** Spoils one row of the target. @returns what was done to it */
  async function corrupt({ range: { type }, logRef, ordinal }: Row): Promise<string> {
    const table = tableOf(type);
    const run = async (statement: string) => {
      const rows = await cells.inTarget(`${statement} returning *`, [logRef, ordinal]);
      return rows.length > 0;
    };
    const where = "where log_ref = $1 and ordinal = $2";
    const numbers = METRICS[type].filter(({ kind }) => kind === "number").map(({ name }) => name);
    for (;;) {
      const column = numbers.length === 0 ? undefined : pick(numbers);
      switch (Math.floor(random() * 6)) {
        case 0:
          if (await run(`delete from ${table} ${where}`)) return "dropped";
          break;
        case 1:
          if (await run(`insert into ${table} select * from ${table} ${where}`)) return "doubled";
          break;
        case 2:
          if (
            column !== undefined &&
            (await run(`update ${table} set ${column} = null ${where} and ${column} = 0`))
          )
            return "0.0 to NULL";
          break;
        case 3:
          if (
            column !== undefined &&
            (await run(`update ${table} set ${column} = 0 ${where} and ${column} is null`))
          )
            return "NULL to 0.0";
          break;
        case 4:
          if (
            column !== undefined &&
            (await run(`update ${table} set ${column} = ${column} * 1.0000001 ${where} and ${column} <> 0`))
          )
            return "a value";
          break;
        default:
          if (await run(`update ${table} set machine_id = machine_id || 'x' ${where}`)) return "a name";
      }
    }
  }

  it(`names the range, every time, over ${CORRUPTIONS} random corruptions`, async () => {
    const kinds = new Map<string, number>();
    for (let count = 0; count < CORRUPTIONS; count += PER_ROUND) {
      // as if each range had just been copied for the first time
      await cells.inTarget(
        "update millwright.move_range set proven_count = null, proven_hash = null, copy_count = 1",
      );
      const all = (await planRanges(move)).toSorted(() => random() - 0.5).slice(0, PER_ROUND);
      expect(all).to.have.length(PER_ROUND);
      for (const range of all) {
        const kind = await corrupt(pick(await rowsOf(range)));
        kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
      }
      const named: bigint[] = [];
      const proven = await proveRanges(move, { onDiffering: ({ id }) => named.push(id) });
      const ids = all.map(({ id }) => id).sort((a, b) => Number(a - b));
      expect(named, `round ${count / PER_ROUND}`).to.deep.equal(ids);
      expect(proven.every(({ proof }) => proof !== undefined)).to.equal(true); // copied again, and right
    }
    const seen = [...kinds.keys()].sort();
    expect(seen).to.deep.equal(["0.0 to NULL", "NULL to 0.0", "a name", "a value", "doubled", "dropped"]);
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
