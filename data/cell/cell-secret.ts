import * as z from "zod";
import { MillwrightError } from "../../model/errors.ts";
import type { DatabaseAddress } from "../pool.ts";
import type { SecretStore } from "../secret-store.ts";

/** One role's login in a cell. */
export const cellLogin = z.strictObject({ user: z.string(), password: z.string() });

/** How to reach one cell: the outputs of its Pulumi stack, kept as the secret `cell-NAME`. */
export const cellSecret = z.strictObject({
  host: z.string(),
  port: z.number().int(),
  database: z.string(),
  /** Superuser: migrations and tenant tables only. */
  admin: cellLogin,
  /** Member of every tenant's writer role. */
  ingest: cellLogin,
  /** May `set role` to every tenant's reader role. */
  query: cellLogin,
  /** Left out: no TLS. `ca`: PEM of the server's certificate, which is pinned; left out, an authority that all trust. */
  tls: z.strictObject({ ca: z.string().optional() }).optional(),
});
export type CellSecret = z.infer<typeof cellSecret>;

export function cellAddress(secret: CellSecret, login: "admin" | "ingest" | "query"): DatabaseAddress {
  const { host, port, database, tls } = secret;
  return { host, port, database, ...secret[login], ...(tls === undefined ? {} : { tls }) };
}

/** undefined while the cell is not built yet */
export async function readCellSecret(store: SecretStore, cell: string): Promise<CellSecret | undefined> {
  const secret = await store.get(`cell-${cell}`);
  return secret === undefined ? undefined : cellSecret.parse(secret);
}

/** @throws MillwrightError `database-unavailable` (retryable) while the cell is not built yet */
export async function requireCellSecret(store: SecretStore, cell: string): Promise<CellSecret> {
  const secret = await readCellSecret(store, cell);
  if (secret !== undefined) return secret;
  throw new MillwrightError("database-unavailable", `Cell ${cell} is not built yet.`, { retryable: true });
}
