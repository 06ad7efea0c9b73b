import * as pulumi from "@pulumi/pulumi";
import { platformStack } from "./platform.ts";
import { tenantStack } from "./tenant.ts";

/** The program of every stack: which one it builds is decided by the stack's name. */
export function program(): Promise<Record<string, unknown>> {
  const stack = pulumi.getStack();
  if (stack.startsWith("platform-")) return Promise.resolve(platformStack());
  if (stack.startsWith("tenant-")) return Promise.resolve(tenantStack());
  throw new pulumi.RunError(`No program for stack '${stack}': stacks are called platform-ENV or tenant-ID.`);
}
