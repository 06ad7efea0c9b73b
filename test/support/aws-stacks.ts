import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { EngineEvent, StackConfig, StackSession } from "../../automation/engine/engine.ts";
import { REPOSITORY } from "../../automation/engine/layout.ts";
import { prepareEngine } from "../../automation/engine/prepare.ts";
import { pulumiEngine } from "../../automation/engine/pulumi-engine.ts";
import { apiDocument } from "../../automation/http/document.ts";
import type { StackResource } from "../../docs/generate/stack-graph.ts";
import { inheritedEnvironment } from "../../environment.ts";
import { buildHandlers } from "../../handlers/bundle.ts";
import { buildPolicyPack } from "../../policy/bundle.ts";
import { stateFileOf, tenantStackConfig, type TenantFacts, type TenantHome } from "./local-stacks.ts";

export type AwsStacks = Awaited<ReturnType<typeof awsStacks>>;
export interface AwsTenantFacts extends TenantFacts {
  readonly environment?: string;
  /** What differs from the preset. */
  readonly aws?: object;
}
type ResourceChange = NonNullable<EngineEvent["resource"]>;

/**
 * The state is written when a run ends, not after each of its 300 resources, which takes longer than all else. What a
 * state is worth in the middle of a run is tested elsewhere, on smaller stacks (test/automation/engine).
 */
const ONE_CHECKPOINT = { PULUMI_EXPERIMENTAL: "true", PULUMI_SKIP_CHECKPOINTS: "true" };

/** The stacks for AWS under the real engine and policy pack; the test plugins of `aws-plugin` stand in for AWS. */
export async function awsStacks({ programModule }: { readonly programModule?: string } = {}) {
  const home = await mkdtemp(path.join(tmpdir(), "millwright-aws-stacks-"));
  // The pack finds the SDK by walking up to the repository's node_modules; dist/ would be wiped by a build meanwhile.
  const cache = path.join(REPOSITORY, "node_modules", ".cache");
  await mkdir(cache, { recursive: true });
  const policyPackDir = await mkdtemp(path.join(cache, "millwright-policy-"));
  await buildPolicyPack(policyPackDir);
  const bundles = path.join(home, "handlers");
  await buildHandlers(bundles);
  const document = path.join(home, "openapi.json");
  await writeFile(document, JSON.stringify(apiDocument()));
  const prepared = await prepareEngine({
    ...{ home, inherited: { ...inheritedEnvironment(), ...ONE_CHECKPOINT } },
    progress: (line) => console.error(line),
    canDownload: () => Promise.resolve(false),
  });
  for (const name of ["aws", "awsx", "postgresql"]) {
    const program = fileURLToPath(new URL(`aws-plugin/${name}-main.ts`, import.meta.url));
    const script = `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`;
    await writeFile(path.join(prepared.layout.plugins, `pulumi-resource-${name}`), script, { mode: 0o755 });
  }
  const engineOf = (pack: string) =>
    pulumiEngine({
      prepared,
      policyPackDir: pack,
      ...(programModule === undefined ? {} : { programModule }),
    });
  const engine = engineOf(policyPackDir);
  let fencingToken = 0n;
  const resourcesOf = async (stack: string): Promise<readonly StackResource[]> => {
    const text = await readFile(stateFileOf(prepared.layout, stack), "utf8");
    const state = JSON.parse(text) as { checkpoint: { latest: { resources: readonly StackResource[] } } };
    return state.checkpoint.latest.resources;
  };

  return {
    layout: prepared.layout,
    cliPath: prepared.cli.path,
    policyPackDir,
    /** The same engine with another policy pack. */
    engineOf,
    /** Opens a session, does `work`, closes it. `changes` grows with each run. */
    session: async <T>(
      stack: string,
      config: StackConfig,
      work: (session: StackSession, changes: readonly ResourceChange[]) => Promise<T>,
    ): Promise<T> => {
      const changes: ResourceChange[] = [];
      const onEvent = ({ resource }: EngineEvent) => resource && changes.push(resource);
      const opened = await engine.open({ stack, config, fencingToken: ++fencingToken, onEvent });
      try {
        return await work(opened, changes);
      } finally {
        await opened.close();
      }
    },
    /** `aws`: what differs from the preset. */
    config: (aws: object = {}, { isProtected = true } = {}): StackConfig => ({
      "millwright:target": "aws",
      "millwright:aws": JSON.stringify({ bundles, apiDocument: document, ...aws }),
      "millwright:cells": JSON.stringify([{ name: "shared-1", tenantCapacity: 100 }]),
      "millwright:isProtected": JSON.stringify(isProtected),
      "millwright:cost": JSON.stringify({ elsewhereUsdPerMonth: 0 }),
    }),
    /** A tenant of production with three topics of its own. */
    tenantConfig: (id: string, homes: readonly TenantHome[], facts: AwsTenantFacts = {}): StackConfig => ({
      "millwright:target": "aws",
      "millwright:aws": JSON.stringify({ bundles, apiDocument: document, ...facts.aws }),
      ...tenantStackConfig(id, homes, facts),
      "millwright:environment": facts.environment ?? "production",
      "millwright:cost": JSON.stringify({
        ...{ elsewhereUsdPerMonth: 5_000, useUsdPerMonth: 50, shareUsdPerMonth: 50 },
      }),
    }),
    resourcesOf,
    /** Names and ids of what a stack has made on AWS, by URN. */
    madeBy: async (stack: string): Promise<Readonly<Record<string, string>>> => {
      const made = (await resourcesOf(stack)).filter(
        ({ urn, id }) => id !== undefined && /[:$]aws:/.test(urn),
      );
      return Object.fromEntries(made.map(({ urn, id }) => [urn, id!]));
    },
    remove: async () => {
      await rm(home, { recursive: true, force: true });
      await rm(policyPackDir, { recursive: true, force: true });
    },
  };
}
