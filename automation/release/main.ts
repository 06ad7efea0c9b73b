import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { CodeDeployClient } from "@aws-sdk/client-codedeploy";
import { LambdaClient } from "@aws-sdk/client-lambda";
import * as z from "zod";
import { MillwrightError } from "../../model/errors.ts";
import { beginShift, deploymentStatus, releases, shiftEnded, type Release } from "./shift.ts";

/**
 * `pulumi stack output releases --json -s STACK | npm run shift`: leads the functions' events to what the last `up` has
 * published, step by step. Ends with 1 when an alarm has brought one of them back. Credentials and region are AWS's own
 * variables and profiles.
 */
const POLL_MS = 5_000;

const ports = { lambda: new LambdaClient(), codeDeploy: new CodeDeployClient() };
const say = (line: string) => process.stderr.write(`${line}\n`);

function parseJson(value: unknown): unknown {
  try {
    return JSON.parse(String(value));
  } catch {
    return undefined;
  }
}

async function shift(name: string, release: Release): Promise<boolean> {
  const id = await beginShift(ports, release);
  if (id === undefined) {
    say(`${name}: version ${release.version} is live`);
    return true;
  }
  say(`${name}: to version ${release.version}, deployment ${id}`);
  const failure = await shiftEnded(() => deploymentStatus(ports, id), {
    pause: () => sleep(POLL_MS),
    progress: (status) => say(`${name}: ${status}`),
  });
  say(failure === "" ? `${name}: version ${release.version} is live` : `${name}: taken back. ${failure}`);
  return failure === "";
}

try {
  const parsed = z.preprocess(parseJson, releases).safeParse(await text(process.stdin));
  if (!parsed.success) {
    const message =
      "Standard input is not the output `releases` of a platform's stack. Bring the stack up first.";
    throw new MillwrightError("request-invalid", message);
  }
  const shifts = await Promise.all(
    Object.entries(parsed.data).map(([name, release]) => shift(name, release)),
  );
  if (!shifts.every(Boolean)) process.exitCode = 1;
} catch (error) {
  say(error instanceof MillwrightError ? `${error.code}: ${error.message}` : String(error));
  process.exitCode = 1;
}
