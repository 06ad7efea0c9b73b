import * as pulumi from "@pulumi/pulumi";
import { readTarget } from "./config/aws-config.ts";
import { platformStack } from "./platform.ts";
import { tenantStack } from "./tenant.ts";

const PLATFORM = "platform-";
const TENANT = "tenant-";

/** The program of every stack: which one it builds is decided by the stack's name. */
export async function program(): Promise<Record<string, unknown>> {
  const stack = pulumi.getStack();
  if (!stack.startsWith(PLATFORM) && !stack.startsWith(TENANT))
    throw new pulumi.RunError(
      `No program for stack '${stack}': stacks are called platform-ENV or tenant-ID.`,
    );
  if (readTarget() === "local") return stack.startsWith(PLATFORM) ? platformStack() : tenantStack();

  // Only here: the SDK of AWS weighs more than all the rest, and a stack on this machine does not wait for it.
  if (stack.startsWith(TENANT)) return (await import("./aws/tenant.ts")).awsTenantStack();
  return (await import("./aws/platform.ts")).awsPlatformStack(stack.slice(PLATFORM.length));
}
