import { LocalWorkspace, PulumiCommand } from "@pulumi/pulumi/automation/index.js";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { engineLayout, cliEnvironment, PROJECT } from "../automation/engine/layout.ts";
import { inheritedEnvironment } from "../environment.ts";
import { program } from "../stacks/program.ts";

/**
 * The yardstick of `tenant-create`: what a person would write with the Automation API, in a process of its own; the same
 * program, policy pack, backend and plugins, and nothing of our engine. Arguments: HOME CLI STACK TENANT.
 */
const [home = "", cli = "", stackName = "", tenant = ""] = process.argv.slice(2);
const layout = engineLayout(home);
const workDir = await mkdtemp(path.join(tmpdir(), "millwright-bare-"));
const pulumiCommand = await PulumiCommand.get({ root: path.dirname(path.dirname(cli)) });
const envVars = cliEnvironment(layout, cli, inheritedEnvironment());
const stack = await LocalWorkspace.createStack(
  { stackName, projectName: PROJECT, program },
  { workDir, pulumiCommand, envVars },
);
await stack.setAllConfig({
  "millwright:home": { value: home },
  "millwright:environment": { value: "development" },
  "millwright:tenant": {
    value: JSON.stringify({
      id: tenant,
      topics: [],
      homes: [{ cell: "shared-1", tier: "shared", isProtected: true }],
    }),
  },
});
const policyPacks = [path.resolve(import.meta.dirname, "../dist/policy")];
await stack.preview({ policyPacks });
await stack.up({ policyPacks });
await rm(workDir, { recursive: true, force: true });
