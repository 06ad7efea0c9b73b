import { refusal, type MoveRefusal } from "./move-gate.ts";

/** What a database server is, as far as two cells must agree in it. */
export interface ServerFacts {
  readonly postgresMajor: number;
  /** null: plain PostgreSQL */
  readonly timescaleVersion: string | null;
  /** `timescale` or `apache`; null where it is plain, or not told yet */
  readonly timescaleLicense: string | null;
}

/**
 * Whether rows of one server mean the same on the other. Hashes of rows, which the proof compares, are promised equal
 * within one major version; the same edition of the extension keeps the same chunks in the same way.
 */
export function versionRefusals(source: ServerFacts, target: ServerFacts): readonly MoveRefusal[] {
  const pairs = [
    ["PostgreSQL", source.postgresMajor, target.postgresMajor],
    ["TimescaleDB", source.timescaleVersion ?? "none", target.timescaleVersion ?? "none"],
    ...(source.timescaleLicense === null || target.timescaleLicense === null
      ? []
      : [["the license of TimescaleDB", source.timescaleLicense, target.timescaleLicense] as const]),
  ] as const;
  return pairs
    .filter(([, there, here]) => there !== here)
    .map(([what, there, here]) =>
      refusal(
        "target-version",
        `The tenant's database has ${what} ${there}, the target ${here}; bring both to the same.`,
      ),
    );
}

/** @param found - tables of the target that hold something of the tenant */
export function emptinessRefusals(found: readonly string[]): readonly MoveRefusal[] {
  if (found.length === 0) return [];
  const message = `The target holds something of the tenant already: ${found.join(", ")}. Look what it is; if nobody needs it, drop it.`;
  return [refusal("target-not-empty", message)];
}

/** @param drift - a sentence for each difference */
export function driftRefusals(drift: readonly string[]): readonly MoveRefusal[] {
  return drift.map((difference) =>
    refusal(
      "schema-drifted",
      `${difference} The schema of the tenant was changed by hand; change it back, for a move would lose or break it.`,
    ),
  );
}
