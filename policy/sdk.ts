/**
 * What @pulumi/policy takes from the SDK's entry, without the rest: the entry also loads a TypeScript compiler and a
 * package manager, 0.25 s at the start of every preview and every up. policy/bundle.ts puts this in its place.
 */
export * as asset from "@pulumi/pulumi/asset/index.js";
export { Output } from "@pulumi/pulumi/output.js";
