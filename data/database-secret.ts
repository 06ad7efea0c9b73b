import * as z from "zod";
import { MillwrightError } from "../model/errors.ts";
import type { DatabaseAddress } from "./pool.ts";

const databaseSecret = z.strictObject({
  host: z.string().min(1),
  port: z.int().min(1).max(65_535),
  database: z.string().min(1),
  user: z.string().min(1),
  password: z.string().min(1),
  /** Left out: no TLS. `ca`: PEM of who signed the server's certificate, when it is nobody whom all trust. */
  tls: z.strictObject({ ca: z.string().optional() }).optional(),
});

/**
 * One login of one database, as the secret of a function holds it.
 * @param name - of the setting that led to the secret
 * @throws MillwrightError `setting-invalid` that names the fields, never their values
 */
export function parseDatabaseSecret(name: string, secret: unknown): DatabaseAddress {
  const parsed = databaseSecret.safeParse(secret);
  if (parsed.success) return parsed.data;
  const fields = parsed.error.issues.map(({ path }) => path.join(".") || "unknown fields").join(", ");
  throw new MillwrightError("setting-invalid", `${name}: the secret is not a database's login (${fields}).`);
}
