import { hasCode } from "../../model/errors.ts";
import { failIfNothingEndsIt, runPass, type PassResult } from "./pass.ts";
import { removeRealServers, usesRealServices } from "./real-services.ts";
import { describeRealServices } from "./services.ts";

/** A pass of `npm test` in a process of its own: the files of the command line; the parent gets the result. */

const [timeoutMs, ...files] = process.argv.slice(2);

async function pass(): Promise<PassResult> {
  if (!usesRealServices) return runPass(files, Number(timeoutMs));
  try {
    for (const line of await describeRealServices()) console.log(line);
  } catch (error) {
    await removeRealServers();
    if (!hasCode(error, "service-missing")) throw error;
    // one for each file: what is not there must not look small
    return { passed: 0, failed: 0, skipped: files.length, skipReasons: { "real-services": error.message } };
  }
  return runPass(files, Number(timeoutMs));
}

const result = await pass();
process.send?.(result);
process.disconnect();
failIfNothingEndsIt();
