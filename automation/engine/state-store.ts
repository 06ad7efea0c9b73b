import { readdir, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { sdkCredentials } from "../../data/aws/sdk-credentials.ts";
import { queryText, signRequest } from "../../data/aws/sign-request.ts";
import { writeWhole } from "../../data/whole-file.ts";
import { MillwrightError } from "../../model/errors.ts";
import type { BucketState } from "./layout.ts";

/** A text that was read, and what tells it from a later one. */
export interface KeptText {
  readonly text: string;
  readonly version: string;
}

/** Small texts by name (`a/b.json`), in a folder of this machine or in a bucket. */
export interface StateStore {
  /** Full names of what lies in a folder. */
  readonly list: (folder: string) => Promise<readonly string[]>;
  /** undefined: there is none */
  readonly read: (name: string) => Promise<KeptText | undefined>;
  /**
   * @param last - what the new text takes the place of; undefined: there was none
   * @throws MillwrightError `stack-locked` (retryable) where another one was written meanwhile; folders are written by one
   *   process at a time
   */
  readonly write: (name: string, text: string, last: KeptText | undefined) => Promise<void>;
  readonly remove: (name: string) => Promise<void>;
}

export function folderStore(root: string): StateStore {
  const ifThere = (error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  };
  return {
    list: async (folder) => {
      const names = (await readdir(path.join(root, folder)).catch(ifThere)) ?? [];
      return names.map((name) => `${folder}/${name}`);
    },
    read: async (name) => {
      const text = await readFile(path.join(root, name), "utf8").catch(ifThere);
      return text === undefined ? undefined : { text, version: "" };
    },
    write: (name, text) => writeWhole(path.join(root, name), text, 0o600),
    remove: (name) => rm(path.join(root, name), { force: true }),
  };
}

const TIMEOUT_MS = 5_000;

/** @param root - before each name: `.pulumi`. Names are of letters that no address escapes. */
export function bucketStore({ url }: BucketState, root: string): StateStore {
  const { hostname: bucket, searchParams } = new URL(url);
  const region = searchParams.get("region") ?? "us-east-1";
  const endpoint = searchParams.get("endpoint");
  const [origin, base] =
    endpoint === null
      ? [`https://${bucket}.s3.${region}.amazonaws.com`, ""]
      : [new URL(endpoint).origin, `/${bucket}`];
  const { host } = new URL(origin);
  let credentials: ReturnType<typeof sdkCredentials> | undefined;

  /** @param known - statuses that the caller knows how to go on from */
  const ask = async (
    method: string,
    name: string,
    known: readonly number[],
    more: {
      readonly body?: string;
      readonly query?: Readonly<Record<string, string>>;
      readonly headers?: Readonly<Record<string, string>>;
    } = {},
  ) => {
    const { body = "", query, headers = {} } = more;
    const target = `${base}/${name}`;
    const request = { service: "s3", region, host, method, path: target, body };
    const send = async () => {
      credentials ??= sdkCredentials(region);
      const response = await fetch(`${origin}${target}?${queryText(query)}`, {
        method,
        headers: signRequest(
          { ...request, headers, ...(query && { query }) },
          await (
            await credentials
          )(),
          Date.now(),
        ),
        body: method === "PUT" ? body : null,
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      return {
        status: response.status,
        etag: response.headers.get("etag") ?? "",
        text: await response.text(),
      };
    };
    const answer = await send().catch((cause: unknown) => {
      throw unreachable(bucket, "no answer", cause);
    });
    if (answer.status < 300 || known.includes(answer.status)) return answer;
    throw unreachable(bucket, `status ${answer.status}`);
  };

  return {
    list: async (folder) => {
      const query = { "list-type": "2", prefix: `${root}/${folder}/` };
      const { text } = await ask("GET", "", [], { query });
      return [...text.matchAll(/<Key>([^<]+)<\/Key>/g)].map(([, key = ""]) => key.slice(root.length + 1));
    },
    read: async (name) => {
      const { status, text, etag: version } = await ask("GET", `${root}/${name}`, [404]);
      return status === 404 ? undefined : { text, version };
    },
    write: async (name, text, last) => {
      const headers: Record<string, string> =
        last === undefined ? { "if-none-match": "*" } : { "if-match": last.version };
      const { status } = await ask("PUT", `${root}/${name}`, [409, 412], { body: text, headers });
      if (status < 300) return;
      const message = `Another process has opened the stack at the same time (${name}).`;
      throw new MillwrightError("stack-locked", message, { retryable: true });
    },
    remove: async (name) => {
      await ask("DELETE", `${root}/${name}`, [404]);
    },
  };
}

function unreachable(bucket: string, reason: string, cause?: unknown): MillwrightError {
  const message = `The stacks' state in the bucket ${bucket} was asked for: ${reason}.`;
  return new MillwrightError("engine-failed", message, { retryable: true, cause });
}
