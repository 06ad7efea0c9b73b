import { PulumiCommand } from "@pulumi/pulumi/automation/index.js";
import semver from "semver";

/** `official-install.ts VERSION ROOT`: a process of its own, started by install-cli.ts. */
const [version, root] = process.argv.slice(2);
if (version === undefined || root === undefined) throw new Error("usage: official-install.ts VERSION ROOT");
await PulumiCommand.install({ version: new semver.SemVer(version), root });
