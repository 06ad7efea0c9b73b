import type * as pulumi from "@pulumi/pulumi";

/** Awaiting an Output this way makes a failing expectation fail the test; inside apply it would be lost. */
export function valueOf<T>(output: pulumi.Output<T>): Promise<T> {
  return new Promise((resolve) => output.apply(resolve));
}

/** The same, rejected when the Output cannot be computed; `apply` would never be called then. */
export function promiseOf<T>(output: pulumi.Output<T>): Promise<T> {
  return (output as unknown as { readonly promise: () => Promise<T> }).promise();
}
