import { expect } from "chai";
import type pg from "pg";
import { copyPipe, type PipeOptions } from "../../../../data/cell/move/copy-pipe.ts";
import { asCellAdmin } from "../../../../data/cell/cell-admin.ts";
import type { CellSecret } from "../../../../data/cell/cell-secret.ts";
import { testCell } from "../../../support/cell.ts";

/** Some megabytes: far more than sockets hold. */
const ROWS = 100_000;

describe("a copy from one database into another", () => {
  let cell: CellSecret;
  before(async () => (cell = await testCell()));

  const onBoth = <T>(work: (source: pg.Client, target: pg.Client) => Promise<T>) =>
    asCellAdmin(cell, { applicationName: "copy-source" }, (source) =>
      asCellAdmin(cell, { applicationName: "copy-target" }, async (target) => {
        await target.query("create temp table arrived (n int check (n <> 90000), body text)");
        return work(source, target);
      }),
    );

  const copy = (source: pg.Client, target: pg.Client, query: string, options?: PipeOptions) =>
    copyPipe(
      { client: source, statement: `copy (${query}) to stdout (format binary)` },
      { client: target, statement: "copy arrived from stdin (format binary)" },
      options,
    );

  const rowsOf = (expression: string, from = 0) =>
    `select n, ${expression} from generate_series(${from}, ${from + ROWS - 1}) n`;

  it("brings every row, again and again on the same connections", async () => {
    await onBoth(async (source, target) => {
      let byteCount = 0;
      const onBytes = (bytes: number) => (byteCount += bytes);
      const body = "repeat('x', n % 300)";
      for (const from of [100_000, 200_000])
        expect(await copy(source, target, rowsOf(body, from), { onBytes })).to.equal(ROWS);
      expect(byteCount).to.be.greaterThan(2 * ROWS * 150);
      const { rows } = await target.query(
        `select count(distinct n)::int as count, bool_and(body = ${body}) as is_same from arrived`,
      );
      expect(rows).to.deep.equal([{ count: 2 * ROWS, is_same: true }]);
      expect((await source.query("select 1 as one")).rows).to.deep.equal([{ one: 1 }]);
    });
  });

  const failure = (query: string, options?: PipeOptions) =>
    onBoth((source, target) => copy(source, target, query, options).catch((error: unknown) => error));

  it("says what the source could not read, amid the rows", async () => {
    expect(await failure(rowsOf("(1 / (n - 50000))::text"))).to.include({ code: "22012" });
    expect(await failure("select * from nowhere")).to.include({ code: "42P01" });
  });

  it("says what the target could not take, while the source has more", async () => {
    expect(await failure(rowsOf("repeat('x', 100)"))).to.include({ code: "23514" });
  });

  it("ends when it is told to, though neither side says a word", async () => {
    const ending = new AbortController();
    const options = { signal: ending.signal, onBytes: () => ending.abort(new Error("told to")) };
    expect(
      await failure(rowsOf("pg_sleep(case when n = 20000 then 60 else 0 end)::text"), options),
    ).to.include({
      message: "told to",
    });
  });
});
