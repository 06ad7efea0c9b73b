import { LocalWorkspace, PulumiCommand } from "@pulumi/pulumi/automation/index.js";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { cliEnvironment, PROJECT } from "../../automation/engine/layout.ts";
import { inheritedEnvironment } from "../../environment.ts";
import { program } from "../../stacks/program.ts";
import { awsStacks } from "../../test/support/aws-stacks.ts";
import { quantile, round } from "../statistics.ts";

const ROUNDS = 3;
const STACK = "platform-production";

/**
 * What the policy pack adds to a preview of the largest stack, the platform on AWS with production's values: the same program
 * with and without it, in turns. Plugins of the tests stand in for AWS, so the preview itself is shorter than a real one.
 */
export async function measureGate(): Promise<{
  readonly gateMs: number;
  readonly gatedPreviewMs: number;
  readonly barePreviewMs: number;
}> {
  const stacks = await awsStacks();
  const workDir = await mkdtemp(path.join(tmpdir(), "millwright-gate-time-"));
  try {
    const pulumiCommand = await PulumiCommand.get({ root: path.dirname(path.dirname(stacks.cliPath)) });
    const envVars = cliEnvironment(stacks.layout, stacks.cliPath, inheritedEnvironment());
    const stack = await LocalWorkspace.createStack(
      { stackName: STACK, projectName: PROJECT, program },
      { workDir, pulumiCommand, envVars },
    );
    for (const [key, value] of Object.entries(stacks.config()))
      await stack.setConfig(key, { value: value as string });
    const preview = async (policyPacks: string[]) => {
      const start = performance.now();
      await stack.preview({ policyPacks });
      return performance.now() - start;
    };
    const [gatedMs, bareMs]: [number[], number[]] = [[], []];
    for (let round = 0; round <= ROUNDS; round++) {
      const [bare, gated] = [await preview([]), await preview([stacks.policyPackDir])];
      console.error(`preview ${Math.round(bare)} ms, with the gate ${Math.round(gated)} ms`);
      if (round === 0) continue; // fills caches
      bareMs.push(bare);
      gatedMs.push(gated);
    }
    const added = gatedMs.map((gated, index) => gated - (bareMs[index] ?? NaN));
    return {
      gateMs: round(quantile(added, 0.5), 0),
      gatedPreviewMs: round(quantile(gatedMs, 0.5), 0),
      barePreviewMs: round(quantile(bareMs, 0.5), 0),
    };
  } finally {
    await rm(workDir, { recursive: true, force: true });
    await stacks.remove();
  }
}
