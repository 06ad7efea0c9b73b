import * as pulumi from "@pulumi/pulumi";
import { readTarget } from "./config/aws-config.ts";
import { platformStack } from "./platform.ts";
import { tenantStack } from "./tenant.ts";

const PLATFORM = "platform-";

/** The program of every stack: which one it builds is decided by the stack's name. */
export async function program(): Promise<Record<string, unknown>> {
  const stack = pulumi.getStack();
  if (readTarget() === "aws") {
    // Only here: the SDK of AWS weighs more than all the rest, and a stack on this machine does not wait for it.
    const { awsPlatformStack } = await import("./aws/platform.ts");
    if (stack.startsWith(PLATFORM)) return awsPlatformStack(stack.slice(PLATFORM.length));
    throw new pulumi.RunError(`No program on AWS for stack '${stack}': it has platform-ENV only.`);
  }
  if (stack.startsWith(PLATFORM)) return platformStack();
  if (stack.startsWith("tenant-")) return tenantStack();
  throw new pulumi.RunError(`No program for stack '${stack}': stacks are called platform-ENV or tenant-ID.`);
}
