import type { AwsPreset } from "../model/aws/settings.ts";

/** What one resource, or all of a kind in a stack, may be at most. */
export interface Limits {
  /** Whether a stack that breaks one of these is refused (`mandatory`) or told (`advisory`). */
  readonly level: "advisory" | "mandatory";
  /** What of servers, databases and brokers is taken: families of AWS. */
  readonly serverFamilies: readonly string[];
  /** As the end of an instance type. */
  readonly largestServer: string;
  /** Of one disk, and of what it may grow to by itself. */
  readonly largestVolumeGb: number;
  readonly mostNatGateways: number;
  readonly longestLogRetentionDays: number;
}

// Graviton, whose hour costs a fifth less than that of a like x86 server; t3 and m5 are what MSK has of small and old sizes.
const FAMILIES = ["m5", "m6g", "m7g", "r6g", "r7g", "t3", "t4g"] as const;

/**
 * The limits by the preset that an environment is built from, in this table and nowhere else. Each lies one step or two above
 * what the preset itself takes (model/aws/settings.ts): growth passes, a typing error does not.
 */
export const LIMITS: Readonly<Record<AwsPreset, Limits>> = {
  development: {
    level: "advisory",
    serverFamilies: FAMILIES,
    largestServer: "xlarge",
    largestVolumeGb: 500,
    mostNatGateways: 1,
    longestLogRetentionDays: 30,
  },
  production: {
    level: "mandatory",
    serverFamilies: FAMILIES,
    largestServer: "8xlarge",
    largestVolumeGb: 8_000,
    mostNatGateways: 3,
    longestLogRetentionDays: 365,
  },
};
