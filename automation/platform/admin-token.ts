import { randomBytes } from "node:crypto";
import { chmod, link, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import * as z from "zod";
import type { SecretStore } from "../../data/secret-store.ts";

/** The installation's first credential. */
export interface AdminToken {
  readonly token: string;
  /** Where a person finds it. */
  readonly place: string;
}

/** Made at the first start, in a file that its owner alone reads. */
export async function adminToken(home: string): Promise<AdminToken> {
  const file = path.join(home, "admin-token");
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, `${newToken()}\n`, { mode: 0o600, flush: true });
  // link() fails where the token is already there: it is never overwritten, and never half written
  await link(draft, file).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  });
  await rm(draft);
  await chmod(file, 0o600);
  return { place: file, token: (await readFile(file, "utf8")).trim() };
}

const SECRET = "admin-token";
const keptToken = z.object({ token: z.string().min(32) });

/** The same as a secret of the deployment. @param prefix - of its secrets' names */
export async function storedAdminToken(secrets: SecretStore, prefix: string): Promise<AdminToken> {
  await secrets.add(SECRET, { token: newToken() });
  return { place: `the secret ${prefix}/${SECRET}`, ...keptToken.parse(await secrets.get(SECRET)) };
}

function newToken(): string {
  return randomBytes(32).toString("base64url");
}
