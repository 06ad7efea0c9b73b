import * as z from "zod";
import {
  countDeadLetters,
  listDeadLetters,
  markDeadLetters,
  markMatching,
  readDeadLetters,
  shownLetter,
} from "../../data/cell/kept-dead-letter.ts";
import {
  DEAD_LETTER_DAYS,
  DEAD_LETTER_REASONS,
  DEAD_LETTER_STATES,
  parseLetterId,
  type LetterPlace,
} from "../../model/dead-letter.ts";
import { MillwrightError } from "../../model/errors.ts";
import type { TenantId } from "../../model/tenant.ts";
import { NOT_REPLAYED_CODES, Replay } from "../dead-letters/replay.ts";
import { Intake } from "../entrance/intake.ts";
import type { Caller } from "./authenticate.ts";
import { endpoint, jsonAnswer, type Endpoint } from "./endpoint.ts";
import { instant, listOf, pageQuery } from "./schemas.ts";
import type { ApiServices } from "./services.ts";
import { inKnownTenant, recordAction, requireTenant } from "./tenant-work.ts";

const MAX_LETTERS = 1_000;

const id = z
  .string()
  .refine((text) => parseLetterId(text) !== undefined, "is no id of a dead letter")
  .meta({ description: "generation.partition.offset of a record, and .ordinal of a single reading" });

const letter = z
  .strictObject({
    id,
    topic: z.string(),
    partition: z.int(),
    offset: z.string(),
    ordinal: z.int().nullable().meta({ description: "Place of the reading in its record; null: the record" }),
    appendedAt: instant,
    reason: z.enum(DEAD_LETTER_REASONS),
    message: z.string(),
    bytes: z.int().meta({ description: "Of what came" }),
    isTruncated: z.boolean().meta({ description: "Of a long record only the beginning is kept" }),
    state: z.enum(DEAD_LETTER_STATES),
    handledAt: instant.nullable(),
    handledBy: z.string().nullable(),
  })
  .meta({ id: "DeadLetter" });

const letterWithRaw = letter
  .extend({ raw: z.string(), encoding: z.enum(["utf8", "base64"]) })
  .meta({ id: "DeadLetterWithRaw" });

const counts = z.strictObject({
  reason: z.enum(DEAD_LETTER_REASONS),
  open: z.int(),
  replayed: z.int(),
  discarded: z.int(),
  removed: z.int().meta({ description: `Taken away after ${DEAD_LETTER_DAYS} days, or for their size` }),
});

const filter = z
  .strictObject({
    reason: z.enum(DEAD_LETTER_REASONS).optional(),
    from: instant.optional().meta({ description: "Appended at or after" }),
  })
  .meta({ description: "Open letters that match, the oldest first; {} means all" });

const replayBody = z
  .strictObject({
    letters: z
      .array(
        z.strictObject({
          id,
          readings: z
            .array(z.unknown())
            .min(1)
            .max(1_000)
            .optional()
            .meta({ description: "As in POST /v1/data, in the place of what came" }),
        }),
      )
      .min(1)
      .max(MAX_LETTERS)
      .optional(),
    filter: filter.optional(),
    cursor: z
      .string()
      .regex(/^\d{1,18}$/)
      .optional()
      .meta({ description: "Of a filter: nextCursor of the call before" }),
  })
  .refine(({ letters, filter }) => (letters === undefined) !== (filter === undefined), "letters or a filter");

const discardBody = z
  .strictObject({ ids: z.array(id).min(1).max(MAX_LETTERS).optional(), filter: filter.optional() })
  .refine(({ ids, filter }) => (ids === undefined) !== (filter === undefined), "ids or a filter");

export function deadLetterEndpoints({ catalog, log, cells, nowMs }: ApiServices): Endpoint[] {
  const replay = new Replay(new Intake(catalog, log, nowMs), cells, nowMs);
  /** Before it is done: nothing happens that nobody is known for. */
  const record = (caller: Caller, tenant: TenantId, action: string, detail: object) =>
    inKnownTenant(catalog, tenant, (tx) =>
      recordAction(tx, caller, action, { tenant, subject: null, detail: { ...detail } }),
    );

  return [
    endpoint({
      method: "get",
      path: "/v1/data/dead-letters",
      summary: "List what could not be stored, newest first",
      permission: "data:read",
      tenancy: "named",
      query: z.strictObject({
        ...pageQuery,
        ...filter.shape,
        state: z.enum(DEAD_LETTER_STATES).optional(),
      }),
      answers: { 200: jsonAnswer("A page of dead letters", listOf("deadLetters", letter)) },
      async handle({ caller, tenant, query: { from, ...query } }) {
        await requireTenant(catalog, caller, tenant);
        const { items, nextCursor } = await cells.inCell(tenant, "read only", (tx) =>
          listDeadLetters(tx, tenant, { ...query, fromMs: millisOf(from) }),
        );
        return { status: 200, body: { deadLetters: items, nextCursor } };
      },
    }),
    endpoint({
      method: "get",
      path: "/v1/data/dead-letters/summary",
      summary: "Count dead letters by reason",
      permission: "data:read",
      tenancy: "named",
      answers: { 200: jsonAnswer("Counts by reason", z.strictObject({ counts: z.array(counts) })) },
      async handle({ caller, tenant }) {
        await requireTenant(catalog, caller, tenant);
        const found = await cells.inCell(tenant, "read only", (tx) => countDeadLetters(tx, tenant));
        return { status: 200, body: { counts: found } };
      },
    }),
    endpoint({
      method: "get",
      path: "/v1/data/dead-letters/:letterId",
      summary: "One dead letter, with what came",
      description: "`raw` is text where it is UTF-8, else base64; at most 64 KiB of a record are kept.",
      permission: "data:read",
      tenancy: "named",
      params: z.strictObject({ letterId: id }),
      answers: { 200: jsonAnswer("The letter", z.strictObject({ deadLetter: letterWithRaw })) },
      async handle({ caller, tenant, params }) {
        await requireTenant(catalog, caller, tenant);
        const [found] = await cells.inCell(tenant, "read only", (tx) =>
          readDeadLetters(tx, tenant, placesOf([params.letterId])),
        );
        if (found === undefined)
          throw new MillwrightError("dead-letter-unknown", `There is no dead letter ${params.letterId}.`);
        return { status: 200, body: { deadLetter: shownLetter(found) } };
      },
    }),
    endpoint({
      method: "post",
      path: "/v1/data/dead-letters/replay",
      summary: "Put the readings of dead letters into the log again",
      description:
        "Names letters, each with corrected readings or as it came, or takes the open ones that match, up to 1,000 a " +
        "call. A letter whose readings would be refused again stays open, with the reason. A second replay adds " +
        "nothing. Replayed readings are stored and never alert.",
      permission: "dead-letter:write",
      tenancy: "named",
      body: replayBody,
      answers: {
        202: jsonAnswer(
          "What the log has now, and what stays",
          z.strictObject({
            replayed: z.int(),
            refused: z.array(
              z.strictObject({ id: z.string(), code: z.enum(NOT_REPLAYED_CODES), message: z.string() }),
            ),
            nextCursor: z.string().nullable().meta({ description: "Of a filter: more may match behind it" }),
          }),
        ),
      },
      async handle({ caller, tenant, body: { letters, filter: wanted, cursor = "0" } }) {
        await record(caller, tenant, "dead-letter.replay", { letters: letters?.length, filter: wanted });
        if (wanted !== undefined) {
          const { reason, from } = wanted;
          const matching = { reason, fromMs: millisOf(from), after: BigInt(cursor) };
          const { next, ...outcome } = await replay.matching(tenant, matching, caller.id);
          return { status: 202, body: { ...outcome, nextCursor: next === undefined ? null : String(next) } };
        }
        const outcome = await replay.letters(tenant, wantedLetters(letters ?? []), caller.id);
        return { status: 202, body: { ...outcome, nextCursor: null } };
      },
    }),
    endpoint({
      method: "post",
      path: "/v1/data/dead-letters/discard",
      summary: "Mark dead letters as not wanted",
      description: "They stay readable until retention takes them. Of a filter up to 10,000 a call.",
      permission: "dead-letter:write",
      tenancy: "named",
      body: discardBody,
      answers: { 200: jsonAnswer("How many were open", z.strictObject({ discarded: z.int() })) },
      async handle({ caller, tenant, body: { ids, filter: wanted = {} } }) {
        await record(caller, tenant, "dead-letter.discard", { letters: ids?.length, filter: wanted });
        const handling = { state: "discarded", by: caller.id } as const;
        const discarded = await cells.inCell(tenant, "read write", (tx) => {
          if (ids !== undefined) return markDeadLetters(tx, tenant, placesOf(ids), handling);
          const { reason, from } = wanted;
          return markMatching(tx, tenant, { reason, fromMs: millisOf(from), limit: 10_000 }, handling);
        });
        return { status: 200, body: { discarded } };
      },
    }),
  ];
}

/** Ids that their schema has checked. */
function placesOf(ids: readonly string[]): readonly LetterPlace[] {
  return ids.map(parseLetterId).filter((place) => place !== undefined);
}

function wantedLetters(
  letters: readonly { readonly id: string; readonly readings?: readonly unknown[] | undefined }[],
) {
  return letters.flatMap(({ id, readings }) => placesOf([id]).map((place) => ({ place, readings })));
}

const millisOf = (time: string | undefined) => (time === undefined ? undefined : Date.parse(time));
