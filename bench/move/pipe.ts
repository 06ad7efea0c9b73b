import { spawn } from "node:child_process";
import { once } from "node:events";
import { install } from "../../automation/services/installation.ts";
import { TIMESCALE } from "../../automation/services/timescale.ts";
import type { CellSecret } from "../../data/cell/cell-secret.ts";
import { copyPipe } from "../../data/cell/move/copy-pipe.ts";
import { onBothSides, type Move } from "../../data/cell/move/move-session.ts";
import { seriesColumns } from "../../data/cell/move/proof.ts";
import { seriesTable } from "../../data/cell/move/range-sql.ts";
import { inheritedEnvironment } from "../../environment.ts";
import type { ServiceKind } from "../services.ts";
import { BEFORE_LIVE } from "./bulk.ts";

/** The yardstick: one binary COPY of the same rows from cell to cell, without ranges, ledger, or anybody's leave. */
export async function pipeBulk(kind: ServiceKind, move: Move): Promise<void> {
  const table = seriesTable(move.tenant, "machine");
  const columns = seriesColumns("machine").join(", ");
  const out = `copy (select ${columns} from ${table} where time < '${BEFORE_LIVE}') to stdout (format binary)`;
  const into = `copy ${table} (${columns}) from stdin (format binary)`;
  if (kind === "real") return pipeByPsql({ cell: move.source, sql: out }, { cell: move.target, sql: into });
  await onBothSides(move, (source, target) =>
    copyPipe({ client: source, statement: out }, { client: target, statement: into }),
  );
}

interface End {
  readonly cell: CellSecret;
  readonly sql: string;
}

/** `psql | psql`, of the same Debian as the servers. */
async function pipeByPsql(...ends: readonly [End, End]): Promise<void> {
  const inherited = inheritedEnvironment();
  const root = await install(TIMESCALE, { inherited, progress: console.error });
  const [source, target] = ends.map(({ cell: { host, port, database, admin }, sql }, index) =>
    spawn(
      "chroot",
      [
        ...[root, "psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"],
        ...["-h", host, "-p", String(port), "-U", admin.user, "-d", database, "-c", sql],
      ],
      {
        env: { ...inherited, LC_ALL: "C", PGPASSWORD: admin.password },
        stdio: index === 0 ? ["ignore", "pipe", "inherit"] : ["pipe", "ignore", "inherit"],
      },
    ),
  );
  source!.stdout!.pipe(target!.stdin!);
  const codes = await Promise.all([source, target].map((psql) => once(psql!, "exit")));
  if (codes.some(([code]) => code !== 0)) throw new Error(`psql ended with ${String(codes)}`);
}
