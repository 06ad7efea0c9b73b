import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { findEngine, prepareEngine } from "../../automation/engine/prepare.ts";
import { install } from "../../automation/services/installation.ts";
import { KAFKA } from "../../automation/services/kafka.ts";
import { TIMESCALE } from "../../automation/services/timescale.ts";
import { postgresBinaries } from "../../data/postgres-cluster/binaries.ts";
import { readEdition } from "../../data/cell/edition.ts";
import { openPool } from "../../data/pool.ts";
import { inheritedEnvironment } from "../../environment.ts";
import { NOTIFY_SERVERS } from "./notify-servers.ts";
import { testCellDatabase } from "./postgres.ts";
import { kafkaTitle } from "./real-services.ts";

/**
 * Gets the engine and the real services before any suite asks for them: the time limits of suites are for tests, not for
 * downloads and builds. What cannot be had here is left to the suites, which say so.
 */
export async function prepareServices(): Promise<void> {
  const inherited = inheritedEnvironment();
  const progress = (line: string) => console.log(line);
  const home = await mkdtemp(path.join(tmpdir(), "millwright-prepare-"));
  const preparations = [
    () => prepareEngine({ home, inherited, progress }),
    ...[KAFKA, TIMESCALE, NOTIFY_SERVERS].map((service) => () => install(service, { inherited, progress })),
  ];
  for (const prepare of preparations) {
    await prepare().catch((error: unknown) => console.log(String(error)));
  }
  await rm(home, { recursive: true, force: true });
}

/** What the suites of this run stand on, a line each: every service is real and started by the suite that needs it. */
export async function describeServices(): Promise<string[]> {
  const { stdout } = await promisify(execFile)(postgresBinaries().initdb, ["--version"]);
  const { cli } = await findEngine({
    home: path.join(tmpdir(), "millwright-none"),
    inherited: inheritedEnvironment(),
  });
  const engine =
    cli === undefined
      ? "Pulumi, got by the first suite that needs it"
      : `Pulumi ${cli.version} (${cli.source})`;
  return [
    `database: ${stdout.trim().replace("initdb (PostgreSQL)", "PostgreSQL")}, embedded, one cluster for all table tests`,
    `engine: ${engine}: test/automation/engine, test/stacks, test/e2e`,
    "log and cells: embedded PostgreSQL; webhooks, SMTP, MQTT: servers of the tests",
  ];
}

/**
 * What the second pass stands on; starts the TimescaleDB that its suites share. Each suite has a broker of its own.
 * @throws MillwrightError `service-missing`
 */
export async function describeRealServices(): Promise<string[]> {
  const pool = openPool(await testCellDatabase(), { applicationName: "test", max: 1 });
  try {
    await pool.query("create extension timescaledb");
    const { rung, timescaleVersion, postgresVersion } = await readEdition(pool);
    const edition = rung === "timescaledb-community" ? "community" : "Apache";
    return [
      `cells: TimescaleDB ${timescaleVersion}, ${edition} edition, on PostgreSQL ${postgresVersion}`,
      `log: ${await kafkaTitle()}`,
    ];
  } finally {
    await pool.end();
  }
}
