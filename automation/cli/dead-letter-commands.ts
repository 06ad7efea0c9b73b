import { Option, type Command } from "commander";
import { readFile } from "node:fs/promises";
import { DEAD_LETTER_REASONS, DEAD_LETTER_STATES } from "../../model/dead-letter.ts";
import { MillwrightError } from "../../model/errors.ts";
import {
  deadLetterCounts,
  deadLetterEnvelope,
  deadLetterList,
  discardAnswer,
  replayAnswer,
  type ReplayAnswer,
} from "./answers.ts";
import { call, segment, show, type CommandContext } from "./context.ts";
import { facts, table } from "./output.ts";

const PATH = "/v1/data/dead-letters";

interface FilterOptions {
  readonly tenant?: string;
  readonly reason?: string;
  readonly from?: string;
}
type ListOptions = FilterOptions & { readonly state?: string; readonly limit: string };
type ChangeOptions = FilterOptions & { readonly all?: boolean };
type ReplayOptions = ChangeOptions & { readonly readings?: string };

export function addDeadLetterCommands(program: Command, context: CommandContext): void {
  const group = program
    .command("dead-letters")
    .description("read, replay and discard readings that could not be stored");
  const ofTenant = (name: string, description: string) =>
    group.command(name).description(description).option("--tenant <id>", "whose; a tenant's key knows");
  const filtered = (name: string, description: string) =>
    ofTenant(name, description)
      .addOption(new Option("--reason <reason>").choices(DEAD_LETTER_REASONS))
      .option("--from <time>", "appended then or later, such as 2026-11-21T10:00:00Z");

  filtered("list", "dead letters, the newest first")
    .addOption(new Option("--state <state>").choices(DEAD_LETTER_STATES))
    .option("--limit <count>", "how many", "50")
    .action(async ({ tenant, reason, from, state, limit }: ListOptions, command: Command) => {
      const page = await call(context, deadLetterList, PATH, {
        query: { tenant, reason, from, state, limit },
      });
      show(context, command, page, () =>
        table(
          ["ID", "STATE", "REASON", "APPENDED", "MESSAGE"],
          page.deadLetters.map((one) => [one.id, one.state, one.reason, one.appendedAt, one.message]),
        ),
      );
    });

  ofTenant("summary", "how many there are, by reason").action(
    async ({ tenant }: FilterOptions, command: Command) => {
      const answer = await call(context, deadLetterCounts, `${PATH}/summary`, { query: { tenant } });
      show(context, command, answer, () =>
        table(
          ["REASON", "OPEN", "REPLAYED", "DISCARDED", "REMOVED"],
          answer.counts.map((one) => [one.reason, one.open, one.replayed, one.discarded, one.removed]),
        ),
      );
    },
  );

  ofTenant("show <id>", "one dead letter, with what came").action(
    async (id: string, { tenant }: FilterOptions, command: Command) => {
      const answer = await call(context, deadLetterEnvelope, `${PATH}/${segment(id)}`, { query: { tenant } });
      const { deadLetter: one } = answer;
      show(context, command, answer, () =>
        facts([
          ["letter", one.id],
          [
            "state",
            one.handledAt == null ? one.state : `${one.state} at ${one.handledAt} by ${one.handledBy}`,
          ],
          ["reason", `${one.reason}: ${one.message}`],
          ["appended", one.appendedAt],
          ["came", `${one.bytes} bytes${one.isTruncated ? ", of which the beginning is kept" : ""}`],
          [one.encoding, one.raw],
        ]),
      );
    },
  );

  filtered("replay [ids...]", "put their readings into the log again; a second replay adds nothing")
    .option("--all", "all that are open")
    .option("--readings <file>", "JSON array of readings in the place of what came, for one id")
    .action(async (ids: readonly string[], options: ReplayOptions, command: Command) => {
      const answer = await replay(context, await replayBody(ids, options), options.tenant);
      show(context, command, answer, () =>
        [
          `${answer.replayed} replayed, ${answer.refused.length} stay`,
          ...answer.refused.map(({ id, code, message }) => `${id}: ${code}: ${message}`),
        ].join("\n"),
      );
      if (answer.refused.length > 0) context.failed();
    });

  filtered("discard [ids...]", "mark them as not wanted; they stay readable for a while")
    .option("--all", "all that are open")
    .action(async (ids: readonly string[], options: ChangeOptions, command: Command) => {
      const body = ids.length > 0 ? { ids } : filterOf(options);
      const request = { method: "POST" as const, query: { tenant: options.tenant }, isRepeatable: true };
      const answer = await call(context, discardAnswer, `${PATH}/discard`, { ...request, body });
      const missed = ids.length - answer.discarded;
      const ofThese =
        missed > 0 ? `; ${missed} of those that you named ${missed === 1 ? "is" : "are"} not open` : "";
      show(context, command, answer, () => `${answer.discarded} discarded${ofThese}`);
      if (missed > 0) context.failed();
    });
}

/** Call after call until nothing that matches is left. */
async function replay(
  context: CommandContext,
  body: object,
  tenant: string | undefined,
): Promise<Pick<ReplayAnswer, "replayed" | "refused">> {
  let replayed = 0;
  const refused: ReplayAnswer["refused"] = [];
  let cursor: string | null | undefined;
  do {
    const answer = await call(context, replayAnswer, `${PATH}/replay`, {
      ...{ method: "POST", query: { tenant }, isRepeatable: true },
      body: { ...body, ...(cursor == null ? {} : { cursor }) },
    });
    replayed += answer.replayed;
    refused.push(...answer.refused);
    cursor = answer.nextCursor;
  } while (cursor != null);
  return { replayed, refused };
}

async function replayBody(ids: readonly string[], options: ReplayOptions): Promise<object> {
  const { readings: file } = options;
  if (file === undefined) return ids.length > 0 ? { letters: ids.map((id) => ({ id })) } : filterOf(options);
  if (ids.length !== 1)
    throw new MillwrightError("request-invalid", "--readings belongs to one letter: name its id.");
  return { letters: [{ id: ids[0], readings: await readReadings(file) }] };
}

/** @throws MillwrightError `request-invalid` when nothing says which letters are meant: none is not all */
function filterOf({ reason, from, all = false }: ChangeOptions): object {
  if (reason === undefined && from === undefined && !all)
    throw new MillwrightError("request-invalid", "Name ids, or --reason, --from or --all.");
  const since = from === undefined ? {} : { from };
  return { filter: { ...since, ...(reason === undefined ? {} : { reason }) } };
}

async function readReadings(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as unknown;
  } catch (cause) {
    const message = `${file} cannot be read as JSON: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw new MillwrightError("request-invalid", message, { cause });
  }
}
