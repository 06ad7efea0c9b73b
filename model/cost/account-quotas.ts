import { AWS_PRESETS } from "../aws/settings.ts";
import type { Needs, Scale } from "./scale.ts";

/** A quota of an account that has asked for nothing, held against what so many tenants need. */
export interface QuotaNeed {
  readonly what: string;
  /** Of AWS's Service Quotas, where it is raised; null: it is raised by a request to support. */
  readonly quotaCode: string | null;
  readonly quota: number;
  readonly needed: number;
  readonly isMet: boolean;
  /** What can be done instead of raising it. */
  readonly instead: string;
}

/** Partitions of a tenant's readings: each can keep one invocation of the ingest function busy. */
const READING_PARTITIONS = { own: 2, shared: 0 } as const;
const SHARED_READING_PARTITIONS = 8;
/** The platform's own and the one that every account has. */
const OTHER_VPCS = 2;
/** Concurrent executions that Lambda keeps for functions without a reservation. */
const UNRESERVED_CONCURRENCY = 100;

/** The quotas that grow with tenants: defaults of docs/deploy-aws.md, read 2026-11. */
export function quotaNeeds(scale: Scale, tenants: number, needs: Needs): QuotaNeed[] {
  const { timescale, dedicatedTimescale, functions } = AWS_PRESETS[scale.preset];
  const servers = (one: typeof timescale) => one.vcpuCount * (one.hasReplica ? 2 : 1);
  const reading =
    scale.topic === "shared" ? SHARED_READING_PARTITIONS * needs.cells : READING_PARTITIONS.own * tenants;
  const of = (
    what: string,
    quotaCode: string | null,
    quota: number,
    needed: number,
    instead: string,
  ): QuotaNeed => ({ what, quotaCode, quota, needed, isMet: needed <= quota, instead });
  return [
    of(
      "vCPUs of running standard instances",
      "L-1216C47A",
      5,
      needs.cells * servers(timescale) + needs.dedicatedTenants * servers(dedicatedTimescale),
      "nothing: a new account has five",
    ),
    of(
      "concurrent executions of Lambda",
      "L-B99A9384",
      1_000,
      reading + functions.alertReservedConcurrency + UNRESERVED_CONCURRENCY,
      "a shared topic for small tenants",
    ),
    of("rules of IoT Core", null, 1_000, tenants, "another account for further machines"),
    of(
      "VPCs",
      "L-F678F1CE",
      5,
      OTHER_VPCS + Math.min(scale.isolatedApis, tenants),
      "the platform's API, which all tenants share",
    ),
  ];
}
