import type { Command } from "commander";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { parse as parseYaml } from "yaml";
import { MillwrightError } from "../../model/errors.ts";
import { parseImportMap, type ImportMap } from "../../model/import-map.ts";
import { dataAnswer } from "./answers.ts";
import { call, show, type CommandContext } from "./context.ts";
import { importFile, type ImportBatch } from "./import/import-file.ts";
import type { ImportReport } from "./import/import-tally.ts";
import { openRefusals, type Refusals } from "./import/refusals.ts";
import { timeReader } from "./import/time-reader.ts";
import { facts, figure } from "./output.ts";

const MAX_MAP_BYTES = 1 << 20;
const PROGRESS_MS = 1_000;

interface ImportOptions {
  readonly map: string;
  readonly tenant: string;
  readonly dryRun?: boolean;
  readonly refusals?: string;
}

export function addImportCommand(program: Command, context: CommandContext): void {
  program
    .command("import <file>")
    .description("load the readings of a CSV file (plain or gzip); docs/import.md says how to write the map")
    .requiredOption("--map <file>", "how columns become readings (YAML or JSON)")
    .requiredOption("--tenant <id>", "whose readings they are")
    .option("--dry-run", "read and check everything, send nothing")
    .option("--refusals <file>", "write every refused row with its reason to this CSV file")
    .action((file: string, options: ImportOptions, command: Command) =>
      runImport(file, options, command, context),
    );
}

async function runImport(
  file: string,
  options: ImportOptions,
  command: Command,
  context: CommandContext,
): Promise<void> {
  const map = await readMap(options.map);
  const isDryRun = options.dryRun === true;
  if (options.refusals !== undefined && path.resolve(options.refusals) === path.resolve(file)) {
    throw new MillwrightError(
      "import-file-unreadable",
      "The refusals cannot go into the file that is imported.",
    );
  }
  let refusals: Refusals | undefined;
  let latest: ImportReport | undefined;
  let lastLine = "";
  const progress = setInterval(() => {
    const line = latest === undefined ? "reading the file" : progressLine(latest);
    if (line !== lastLine) context.terminal.err(line); // while it waits for the platform, the retries say so
    lastLine = line;
  }, PROGRESS_MS);
  try {
    const report = await importFile(file, map, {
      readTime: timeReader(map.time),
      ...(isDryRun ? {} : { send: (batch) => sendBatch(context, options.tenant, batch) }),
      onHeader: async (header) => {
        refusals = await openRefusals(options.refusals, header, map.csv.delimiter);
      },
      onRefused: async (row) => refusals?.add(row),
      onProgress: (report) => (latest = report),
      signal: context.signal,
      nowMs: Date.now(),
    });
    await refusals?.close();
    const first = refusals?.first ?? [];
    show(context, command, { import: { ...report, isDryRun, firstRefusals: first } }, () =>
      reportText(report, isDryRun, first, options.refusals),
    );
    if (report.refused > 0) context.failed();
  } catch (error) {
    await refusals?.close();
    if (!isDryRun && latest !== undefined) {
      context.terminal.err(
        `Stopped after ${figure(latest.accepted)} readings. The same command within 24 hours goes on: what was sent already is not added again.`,
      );
    }
    throw error;
  } finally {
    clearInterval(progress);
  }
}

async function sendBatch(context: CommandContext, tenant: string, { id, readings }: ImportBatch) {
  return call(context, dataAnswer, "/v1/data", {
    method: "POST",
    query: { tenant, source: "import" },
    body: { batchId: id, readings },
    isRepeatable: true, // by its batch id
  });
}

/** @throws MillwrightError `import-map-invalid` */
async function readMap(file: string): Promise<ImportMap> {
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new MillwrightError("import-map-invalid", `The map ${file} cannot be read.`, { cause });
  });
  if (text.length > MAX_MAP_BYTES) {
    throw new MillwrightError("import-map-invalid", `The map ${file} is larger than 1 MiB; is it the data?`);
  }
  let raw: unknown;
  try {
    raw = parseYaml(text, { maxAliasCount: 10 }); // JSON is YAML too
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split("\n")[0] : String(cause);
    throw new MillwrightError("import-map-invalid", `The map ${file} is neither YAML nor JSON: ${reason}`, {
      cause,
    });
  }
  return parseImportMap(raw);
}

function progressLine({ rows, totalRows, accepted, refused }: ImportReport): string {
  return `${figure(rows)} of ${figure(totalRows)} rows, ${figure(accepted)} readings accepted, ${figure(refused)} refused`;
}

function reportText(
  report: ImportReport,
  isDryRun: boolean,
  first: Refusals["first"],
  refusalsFile: string | undefined,
): string {
  const counts = facts([
    ["rows in the file", figure(report.rows)],
    ["readings", figure(report.readings)],
    isDryRun ? ["sent", "nothing (dry run)"] : ["accepted", figure(report.accepted)],
    ["gaps", figure(report.gaps)],
    ["refused", figure(report.refused)],
    ...Object.entries(report.missing)
      .filter(([, count]) => count > 0)
      .map(([name, count]) => [`not measured: ${name}`, figure(count)] as const),
    ...Object.entries(report.sums).map(([name, sum]) => [`sum of ${name}`, figure(sum)] as const),
  ]);
  const refused = first.map(({ line, code, message }) => `line ${line}: ${message} (${code})`);
  const more = report.refused - first.length;
  const rest =
    more <= 0
      ? []
      : [
          refusalsFile === undefined
            ? `… and ${figure(more)} more: run again with --refusals FILE to get all of them; nothing is added twice.`
            : `… and ${figure(more)} more in ${refusalsFile}`,
        ];
  return [counts, ...refused, ...rest].join("\n");
}
