import { expect } from "chai";
import type pg from "pg";
import { copyRange, copyRanges, type CopyProgress } from "../../../../data/cell/move/copy-ranges.ts";
import { finishRange, readRanges, type MoveRange } from "../../../../data/cell/move/ledger.ts";
import { claimMove, markTenant } from "../../../../data/cell/move/mark.ts";
import { asMover, onBothSides, type Move } from "../../../../data/cell/move/move-session.ts";
import { planRanges } from "../../../../data/cell/move/plan-ranges.ts";
import { proveRanges, proveTail } from "../../../../data/cell/move/prove.ts";
import { hasCode } from "../../../../model/errors.ts";
import { TABLES } from "../../../../model/reading.ts";
import { tenantNames } from "../../../../model/tenant.ts";
import { asCellRole } from "../../../support/cell.ts";
import { eventually } from "../../../support/eventually.ts";
import { moveCells, type MoveCells } from "../../../support/move-cells.ts";

const ROWS_PER_RANGE = 60;

const errorOf = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

/** Put together as text: a reference does not fit a JavaScript number. */
const jsonOf = (rows: readonly { readonly row: string }[]) => `[${rows.map(({ row }) => row).join(",")}]`;

describe("copying a tenant's rows", () => {
  let cells: MoveCells;
  before(async () => (cells = await moveCells()));
  after(() => cells.close());

  /** Every row of the tenant, as text: independent of how the copy compares. */
  async function rowsIn(side: "source" | "target", { tenant, ...move }: Move): Promise<string[]> {
    const { schema } = tenantNames(tenant);
    return asCellRole(move[side], "admin", async (client) => {
      const all = [];
      for (const table of Object.values(TABLES)) {
        const { rows } = await client.query<{ row: string }>(
          `select (t.*)::text as row from ${schema}.${table} t`,
        );
        all.push(...rows.map(({ row }) => `${table} ${row}`));
      }
      return all.sort();
    });
  }

  /** A tenant with 480 rows below its mark, planned. */
  async function plannedMove(id: string): Promise<Move> {
    const move = await cells.tenantToMove(id, 12);
    await markTenant(move);
    await planRanges(move, ROWS_PER_RANGE);
    return move;
  }

  const ranges = (move: Move) => asMover(move, move.target, (client) => readRanges(client, move.tenant));

  it("brings every row below the mark once, of all types, and none that came later", async () => {
    const move = await plannedMove("copy-whole");
    const below = await rowsIn("source", move);
    await cells.store(move.tenant, 12, 4); // late rows: their times lie amid those below the mark
    const progress: CopyProgress[] = [];
    await copyRanges(move, { onProgress: (now) => progress.push(now) });
    expect(await rowsIn("target", move)).to.deep.equal(below);
    const last = progress.at(-1);
    expect(last).to.include({ rowCount: 480, doneRowCount: 480 });
    expect(last?.doneRangeCount).to.equal((await ranges(move)).length);
    expect(last?.byteCount).to.be.greaterThan(480 * 40);
    const proven = await proveRanges(move);
    expect(proven.reduce((sum, { proof }) => sum + (proof?.count ?? 0n), 0n)).to.equal(480n);
  });

  it("is planned once, whoever plans", async () => {
    const move = await plannedMove("copy-plan");
    const first = await ranges(move);
    await cells.store(move.tenant, 12, 4);
    const plans = await Promise.all([planRanges(move, 10), planRanges(move, 1_000)]);
    expect(plans).to.deep.equal([first, first]);
    expect(first.length).to.be.greaterThan(6);
  });

  it("asks the throttle before each piece, and ends when it is told to, with whole ranges only", async () => {
    const move = await plannedMove("copy-abort");
    const stop = new AbortController();
    let pieces = 0;
    const throttle = () => {
      pieces += 1;
      if (pieces === 5) stop.abort(new Error("enough"));
      return Promise.resolve();
    };
    expect(await errorOf(copyRanges(move, { concurrency: 2, throttle, signal: stop.signal }))).to.include({
      message: "enough",
    });
    const done = (await ranges(move)).filter(({ isDone }) => isDone);
    expect(done.length).to.be.within(1, 5);
    const expected = done.reduce((sum, { rowCount }) => sum + rowCount, 0n);
    await eventually("the sessions that were broken off are gone", async () => {
      return BigInt((await rowsIn("target", move)).length) === expected;
    });
    await copyRanges(move);
    expect(await rowsIn("target", move)).to.deep.equal(await rowsIn("source", move));
  });

  it("goes on where it was killed, and a killed range left nothing", async () => {
    const move = await plannedMove("copy-killed");
    let pieces = 0;
    const killer = async () => {
      pieces += 1;
      if (pieces !== 4) return;
      await cells.inTarget(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1 and query ~ '^copy'",
        [`millwright-move ${move.tenant} 1`],
      );
    };
    expect(await errorOf(copyRanges(move, { throttle: killer }))).to.not.equal(undefined);
    await copyRanges(move);
    expect(await rowsIn("target", move)).to.deep.equal(await rowsIn("source", move));
  });

  describe("by a mover that stood still and wakes up", () => {
    /** Begins to copy one range, and stands still before its first piece. @returns what wakes it */
    async function stoppedCopy(move: Move, range: MoveRange) {
      const { positions: mark } = await markTenant(move);
      const [reached, woken] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
      const throttle = async () => {
        reached.resolve(undefined);
        await woken.promise;
      };
      const copying = errorOf(copyRange(move, mark, range, { throttle }));
      await reached.promise;
      return async () => {
        woken.resolve(undefined);
        return copying;
      };
    }

    it("adds nothing when another has copied the range meanwhile", async () => {
      const move = await plannedMove("zombie-same");
      const [range] = await ranges(move);
      const wake = await stoppedCopy(move, range!);
      await copyRanges(move);
      expect(hasCode(await wake(), "operation-fenced")).to.equal(true);
      expect(await rowsIn("target", move)).to.deep.equal(await rowsIn("source", move));
    });

    it("adds nothing when the move has another owner, who ends its sessions", async () => {
      const move = await plannedMove("zombie-owner");
      const [range] = await ranges(move);
      const wake = await stoppedCopy(move, range!);
      const next = { ...move, token: 2n };
      await claimMove(next);
      expect(await wake()).to.not.equal(undefined);
      expect(hasCode(await errorOf(copyRanges(move)), "operation-fenced")).to.equal(true);
      expect(await rowsIn("target", move)).to.deep.equal([]);
      await copyRanges(next);
      expect(await rowsIn("target", move)).to.deep.equal(await rowsIn("source", move));
    });

    it("adds nothing when the move is over and the tenant dropped", async () => {
      const move = await plannedMove("zombie-dropped");
      const [range] = await ranges(move);
      const wake = await stoppedCopy(move, range!);
      await cells.inTarget("delete from millwright.move_range where tenant = $1", [move.tenant]);
      await cells.inTarget("delete from millwright.move where tenant = $1", [move.tenant]);
      expect(hasCode(await wake(), "operation-fenced")).to.equal(true);
      expect(await rowsIn("target", move)).to.deep.equal([]);
    });

    it("would double the range if the ledger were not in the copy's transaction", async () => {
      const move = await plannedMove("zombie-broken");
      const [range] = await ranges(move);
      const copied = (client: pg.Client) => finishRange(client, move, range!.id);
      // the broken form: rows first, the ledger in a transaction of its own
      const twice = async () => {
        await copyLoose(move, range!);
        return errorOf(asMover(move, move.target, copied));
      };
      expect([await twice(), hasCode(await twice(), "operation-fenced")]).to.deep.equal([undefined, true]);
      const count = BigInt((await rowsIn("target", move)).length);
      expect(count).to.equal(2n * range!.rowCount);
      expect(await errorOf(proveRanges({ ...move }))).to.equal(undefined); // the proof finds it, and copies again
      expect(await rowsIn("target", move)).to.deep.equal(await rowsIn("source", move));
    });

    async function copyLoose(move: Move, { type, from, to }: MoveRange): Promise<void> {
      const table = `${tenantNames(move.tenant).schema}.${TABLES[type]}`;
      const rows = await asCellRole(move.source, "admin", async (client) => {
        const sql = `select to_jsonb(t)::text as row from ${table} t where time >= $1 and time < $2`;
        return (await client.query<{ row: string }>(sql, [from, to])).rows;
      });
      await asCellRole(move.target, "admin", (client) =>
        client.query(
          `insert into ${table} select * from jsonb_populate_recordset(null::${table}, $1::jsonb)`,
          [jsonOf(rows)],
        ),
      );
    }
  });

  describe("and proving what came by the log", () => {
    it("compares up to a position that both have reached, whatever the target has beyond", async () => {
      const move = await cells.tenantToMove("tail-equal", 3);
      const { positions: mark } = await markTenant(move);
      await cells.store(move.tenant, 3, 3);
      const until = mark.map((position) => ({ ...position, nextOffset: 5n }));
      await copyTail(move, 6n);
      const proveBoth = () =>
        onBothSides(move, (source, target) =>
          proveTail({ tenant: move.tenant, source, target }, mark, until),
        );
      const proofs = await proveBoth();
      expect(proofs.reduce((sum, { proof }) => sum + proof.count, 0n)).to.equal(80n);
      await cells.inTarget(
        `delete from ${tenantNames(move.tenant).schema}.machine_telemetry where log_ref & 1099511627775 = 4`,
      );
      const error = await errorOf(proveBoth());
      expect(hasCode(error, "copy-differs")).to.equal(true);
      expect(String(error)).to.match(/machine_telemetry/);
    });

    /** Stands in for the shadow: brings rows up to an offset. */
    async function copyTail(move: Move, end: bigint): Promise<void> {
      for (const table of Object.values(TABLES)) {
        const name = `${tenantNames(move.tenant).schema}.${table}`;
        const rows = await cells.source.admin<{ row: string; day: string }>(
          `select to_jsonb(t)::text as row, (time at time zone 'UTC')::date::text as day
             from ${name} t where log_ref & 1099511627775 between 3 and $1`,
          [end],
        );
        const days = [...new Set(rows.map(({ day }) => day))];
        await cells.inTarget("select millwright.ensure_partitions($1, $2, $3::date[])", [
          ...[move.tenant, table],
          days,
        ]);
        await cells.inTarget(
          `insert into ${name} select * from jsonb_populate_recordset(null::${name}, $1::jsonb)`,
          [jsonOf(rows)],
        );
      }
    }
  });
});
