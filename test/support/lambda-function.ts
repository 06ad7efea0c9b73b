import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, symlink } from "node:fs/promises";
import path from "node:path";
import type { LogRecord } from "../../data/event-log/event-log.ts";
import type { MskEvent } from "../../handlers/ingest/msk-event.ts";

/** What Lambda's runtime does, as far as a handler can see: import it once, hand it one event after the other. */
const RUNTIME = `
  const { handler } = await import(process.argv[1]);
  process.on("message", async ({ event, remainingMs }) => {
    const endMs = Date.now() + remainingMs;
    try {
      await handler(event, { getRemainingTimeInMillis: () => endMs - Date.now() });
      process.send({});
    } catch (error) {
      process.send({ error: String(error) });
    }
  });
  process.on("disconnect", () => process.exit(0));
`;

/** Puts the AWS SDK where the bundles in `folder` find it, as Lambda's runtime does. */
export async function bringSdk(folder: string): Promise<void> {
  await mkdir(path.join(folder, "node_modules"), { recursive: true });
  const sdk = path.resolve(import.meta.dirname, "../../node_modules/@aws-sdk");
  await symlink(sdk, path.join(folder, "node_modules", "@aws-sdk"));
}

/** A bundle in a process that holds nothing but these variables. */
export function startFunction(bundle: string, env: Readonly<Record<string, string>>) {
  const args = ["--input-type=module", "--eval", RUNTIME, path.join(bundle, "index.mjs")];
  const stdio = ["ignore", "inherit", "inherit", "ipc"] as const;
  const child = spawn(process.execPath, args, { env: { ...env }, cwd: bundle, stdio: [...stdio] });
  return {
    /** @returns what the handler threw, as text; undefined: nothing */
    async invoke(event: object, remainingMs = 30_000): Promise<string | undefined> {
      child.send({ event, remainingMs });
      const answer = once(child, "message") as Promise<[{ readonly error?: string }]>;
      const end = once(child, "exit").then(() => {
        throw new Error("the function's process ended");
      });
      end.catch(() => undefined); // it also ends when the test is over
      return (await Promise.race([answer, end]))[0].error;
    },
    async end(): Promise<void> {
      if (child.exitCode !== null) return;
      const gone = once(child, "exit");
      child.disconnect();
      await gone;
    },
  };
}

/** Records of the log in the shape of an event of MSK. */
export function mskEvent(records: readonly LogRecord[]): MskEvent {
  const source = {
    eventSource: "aws:kafka",
    eventSourceArn:
      "arn:aws:kafka:eu-central-1:123456789012:cluster/millwright/6cc0432b-8618-4f44-bccc-e1fbd8fb7c4d-2",
    bootstrapServers: "b-1.millwright.abc.c2.kafka.eu-central-1.amazonaws.com:9098",
  };
  const byPartition = Map.groupBy(records, ({ topic, partition }) => `${topic}-${partition}`);
  const event = [...byPartition].map(([name, ofPartition]) => [
    name,
    ofPartition.map(({ topic, partition, offset, appendedAtMs, headers, value }) => ({
      ...{ topic, partition, offset: Number(offset) },
      ...{ timestamp: appendedAtMs, timestampType: "LOG_APPEND_TIME" },
      value: value.toString("base64"),
      headers: Object.entries(headers).map(([key, text]) => ({ [key]: [...Buffer.from(text)] })),
    })),
  ]);
  return { ...source, records: Object.fromEntries(event) as MskEvent["records"] };
}
