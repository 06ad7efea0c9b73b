import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { prepareEngine } from "../automation/engine/prepare.ts";
import { inheritedEnvironment } from "../environment.ts";
import { TestPlatform } from "../test/support/platform.ts";
import type { BenchResult } from "./main.ts";
import { quantile, round } from "./statistics.ts";

const ROUNDS = 7;
const POLL_MS = 10;

/** POST → ready against a bare preview + up of the same program in a fresh child, in turns, on one installation. */
export async function run(): Promise<BenchResult> {
  const platform = await (await TestPlatform.inNewHome()).start();
  try {
    const { cli } = await prepareEngine({ home: platform.home, inherited: inheritedEnvironment() });
    const readyMs: number[] = [];
    const bareMs: number[] = [];
    for (let round = -1; round < ROUNDS; round++) {
      const ready = await timed(() => createTenant(platform, `api-${round + 1}`));
      const bare = await timed(() => bareUp(platform.home, cli.path, `bare-${round + 1}`));
      console.error(`round ${round + 1}: ready ${Math.round(ready)} ms, bare ${Math.round(bare)} ms`);
      if (round < 0) continue; // both sides fill caches in the first one
      readyMs.push(ready);
      bareMs.push(bare);
    }
    const [readyMsP50, bareMsP50] = [quantile(readyMs, 0.5), quantile(bareMs, 0.5)];
    const ratios = readyMs.map((ready, index) => ready / (bareMs[index] ?? NaN));
    return {
      figures: {
        readyMsP50: round(readyMsP50, 0),
        bareMsP50: round(bareMsP50, 0),
        ratioToBare: round(quantile(ratios, 0.5), 2),
      },
      context: { services: "embedded", engine: cli.version, rounds: ROUNDS, tier: "shared" },
    };
  } finally {
    await platform.remove();
  }
}

async function createTenant(platform: TestPlatform, id: string): Promise<void> {
  const { body } = await platform.call("POST", "/v1/tenants", { id, name: id, tier: "shared", machines: 15 });
  for (;;) {
    const { operation } = (await platform.call("GET", `/v1/operations/${body.operation.id as string}`)).body;
    if (operation.status === "succeeded") return;
    if (operation.status === "failed") throw new Error(JSON.stringify(operation.error));
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function bareUp(home: string, cli: string, tenant: string): Promise<void> {
  const script = path.join(import.meta.dirname, "bare-up.ts");
  await promisify(execFile)(process.execPath, [script, home, cli, `tenant-${tenant}`, tenant], {
    env: inheritedEnvironment(),
  });
}

async function timed(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
