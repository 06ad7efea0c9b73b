import type * as pulumi from "@pulumi/pulumi";

/** Awaiting an Output this way makes a failing expectation fail the test; inside apply it would be lost. */
export function valueOf<T>(output: pulumi.Output<T>): Promise<T> {
  return new Promise((resolve) => output.apply(resolve));
}
