import { randomBytes } from "node:crypto";
import { chmod, link, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";

/** The installation's first credential, made at the first start, readable by its owner only. */
export async function adminToken(home: string): Promise<{ readonly file: string; readonly token: string }> {
  const file = path.join(home, "admin-token");
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, `${randomBytes(32).toString("base64url")}\n`, { mode: 0o600, flush: true });
  // link() fails where the token is already there: it is never overwritten, and never half written
  await link(draft, file).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  });
  await rm(draft);
  await chmod(file, 0o600);
  return { file, token: (await readFile(file, "utf8")).trim() };
}
