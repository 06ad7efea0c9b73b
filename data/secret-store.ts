import { randomUUID } from "node:crypto";
import { link, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { writeWhole } from "./whole-file.ts";

/** Keeps small secrets by name: a folder with mode 600 files locally, Secrets Manager on AWS. */
export interface SecretStore {
  readonly put: (name: string, secret: object) => Promise<void>;
  /** Puts it where there is none: of several at the same time one wins. */
  readonly add: (name: string, secret: object) => Promise<void>;
  /** undefined when there is no such secret */
  readonly get: (name: string) => Promise<unknown>;
  readonly remove: (name: string) => Promise<void>;
}

/** @param folder - made with mode 700 */
export function folderSecretStore(folder: string): SecretStore {
  const fileOf = (name: string) => {
    if (!/^[a-z0-9-]+$/.test(name)) throw new RangeError("a secret's name has only a-z, 0-9 and dashes");
    return path.join(folder, `${name}.json`);
  };
  return {
    async put(name, secret) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await writeWhole(fileOf(name), JSON.stringify(secret), 0o600);
    },
    async add(name, secret) {
      const file = fileOf(name);
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const draft = `${file}.${randomUUID()}`;
      await writeFile(draft, JSON.stringify(secret), { mode: 0o600, flush: true });
      // link() fails where the secret is already there: it is never overwritten, and never half written
      await link(draft, file).catch((error: unknown) => {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      });
      await rm(draft);
    },
    async get(name) {
      try {
        return JSON.parse(await readFile(fileOf(name), "utf8")) as unknown;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        throw error;
      }
    },
    async remove(name) {
      await rm(fileOf(name), { force: true });
    },
  };
}
