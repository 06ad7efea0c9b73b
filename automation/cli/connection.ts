import { readFile } from "node:fs/promises";
import path from "node:path";
import { readClientSettings, readSettings } from "../../environment.ts";
import { MillwrightError } from "../../model/errors.ts";
import { readRunFile } from "../platform/home.ts";
import type { Connection } from "./api-client.ts";

/** The service and the token: of the environment, else of the home folder of this machine's platform. */
export async function findConnection(): Promise<Connection> {
  const given = readClientSettings();
  const { home } = readSettings();
  const url = given.url ?? (await readRunFile(home))?.url;
  if (url === undefined || !/^https?:\/\//.test(url)) {
    throw new MillwrightError(
      "setting-invalid",
      url === undefined
        ? `No service runs from ${home}: start it with npm start, or set MILLWRIGHT_URL.`
        : "MILLWRIGHT_URL must begin with http:// or https://.",
    );
  }
  const token = given.token ?? (await readOptional(path.join(home, "admin-token")))?.trim();
  if (token === undefined || token === "") {
    throw new MillwrightError(
      "setting-invalid",
      `No token: set MILLWRIGHT_TOKEN (${home} has no admin-token).`,
    );
  }
  return { url: url.replace(/\/+$/, ""), token };
}

async function readOptional(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new MillwrightError("setting-invalid", `${file} cannot be read.`, { cause: error });
  }
}
