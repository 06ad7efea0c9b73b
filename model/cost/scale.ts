import { AWS_PRESETS, type AwsPreset } from "../aws/settings.ts";
import { lineOf, type Charge, type CostLine } from "./cost-line.ts";
import { FIRST_CELL, platformLines, tenantLines } from "./materials.ts";
import type { PriceBook } from "./price-book.ts";
import { HOURS_PER_MONTH } from "./month.ts";
import { charge } from "./resources/charging.ts";
import { addRanges, mapRange } from "./range.ts";
import { cellsFor, moreVolumeCharges } from "./sizing.ts";
import { usageCharges } from "./usage-charges.ts";
import { assumedUsage, type MonthlyUsage } from "./usage.ts";

/** How a platform is laid out for many tenants. */
export interface Scale {
  readonly preset: AwsPreset;
  readonly machinesPerTenant: number;
  /** How many tenants a shared cell takes. */
  readonly tenantsPerCell: number;
  /** Of the tenants, those with servers of their own. */
  readonly dedicatedTenants: number;
  /** Of the tenants, those whose API has a network of its own (ADR 57). */
  readonly isolatedApis: number;
  /** Whether each tenant has a topic of its own, or all share one. */
  readonly topic: "own" | "shared";
}

/** What a number of tenants needs. */
export interface Needs {
  readonly sharedTenants: number;
  readonly dedicatedTenants: number;
  readonly cells: number;
  readonly brokers: number;
  /** Replicas of partitions, over all brokers. */
  readonly partitionReplicas: number;
}

const REPLICATION_FACTOR = 3;
/** Of an isolated API, whose endpoint is charged in each. */
const ISOLATED_API_ZONES = 2;
/** docs/kafka.md: two for readings and one for alerts; of a shared topic, eight for everybody's readings. */
const PARTITIONS = { own: { perTenant: 3, forAll: 0 }, shared: { perTenant: 1, forAll: 8 } } as const;
/** MSK developer guide, "Best practices", recommended replicas of partitions for each broker, read 2026-11. */
const REPLICAS_PER_BROKER: Readonly<Record<string, number>> = {
  "kafka.t3.small": 300,
  "kafka.m7g.large": 1_000,
};

export function needsOf(scale: Scale, tenants: number): Needs {
  const { eventLog } = AWS_PRESETS[scale.preset];
  const dedicatedTenants = Math.min(scale.dedicatedTenants, tenants);
  const sharedTenants = tenants - dedicatedTenants;
  const storedBytes = sharedTenants * assumedUsage(scale.machinesPerTenant).storageBytes;
  const cells = Math.max(
    Math.ceil(sharedTenants / scale.tenantsPerCell),
    cellsFor(storedBytes, scale.preset),
  );
  const { perTenant, forAll } = PARTITIONS[scale.topic];
  const partitionReplicas = (forAll + perTenant * tenants) * REPLICATION_FACTOR;
  const perBroker = REPLICAS_PER_BROKER[eventLog.instanceType] ?? 1_000;
  // MSK wants as many in each of the zones.
  const brokerRounds = Math.ceil(partitionReplicas / perBroker / eventLog.brokerCount);
  const brokers = Math.max(1, brokerRounds) * eventLog.brokerCount;
  return { sharedTenants, dedicatedTenants, cells, brokers, partitionReplicas };
}

/**
 * What a platform with so many tenants costs in a month of 730 h, by the bills of materials of its stacks and the assumed use
 * of its machines: one line for each component and price, in whose steps all tenants count together.
 * @throws MillwrightError `price-missing`
 */
export function costOfScale(book: PriceBook, scale: Scale): (tenants: number) => CostLine[] {
  const platform = platformLines(book, scale.preset);
  const cell = platform.filter(({ of }) => of.includes(FIRST_CELL));
  const brokers = platform.filter(({ component }) => component === "event-log");
  const { brokerCount } = AWS_PRESETS[scale.preset].eventLog;
  const usage: MonthlyUsage = assumedUsage(scale.machinesPerTenant);
  const parts = {
    platform: together([[platform, 1]]),
    cell: together([[cell, 1]]),
    brokers: together([[brokers, 1]]),
    shared: together([[tenantLines(book, "shared"), 1]]),
    dedicated: together([
      [tenantLines(book, "dedicated"), 1],
      [moreVolumeCharges(usage), 1],
    ]),
    used: together([[usageCharges(usage, { preset: scale.preset, entrance: "http" }), 1]]),
    isolatedApi: [charge("network", "vpc-endpoint/hours", ISOLATED_API_ZONES * HOURS_PER_MONTH)],
  };
  return (tenants) => {
    const needs = needsOf(scale, tenants);
    const charges = together([
      [parts.platform, 1],
      [parts.cell, needs.cells - 1],
      [parts.brokers, needs.brokers / brokerCount - 1],
      [parts.shared, needs.sharedTenants],
      [parts.dedicated, needs.dedicatedTenants],
      [parts.used, tenants],
      [parts.isolatedApi, Math.min(scale.isolatedApis, tenants)],
    ]);
    return charges.map((charge) => lineOf(book, charge.component, charge));
  };
}

/** Charges of the same component and price as one, each so many times. */
function together(parts: readonly (readonly [readonly Charge[], number])[]): Charge[] {
  const taken = parts.flatMap(([charges, times]) =>
    charges.map(({ component, price, quantity, assumption }): Charge => {
      const multiplied = mapRange(quantity, (value) => value * times);
      return { component, price, quantity: multiplied, ...(assumption === undefined ? {} : { assumption }) };
    }),
  );
  const groups = Map.groupBy(taken, ({ component, price }) => `${component} ${price}`);
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    return first === undefined
      ? []
      : [{ ...first, quantity: addRanges(group.map(({ quantity }) => quantity)) }];
  });
}
