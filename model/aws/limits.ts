import type { AwsSettings, IsolatedApi } from "./settings.ts";
import { blocksOverlap, vpcBlockFault } from "./subnet-layout.ts";

/** A setting that AWS would refuse in the middle of a deployment. */
export interface LimitViolation {
  /** Of the setting to change: `eventLog.brokerCount`. */
  readonly key: string;
  readonly reason: string;
}

// Limits of AWS, read 2026-11: MSK developer guide (brokers), Lambda quotas, S3 user guide (lifecycle transitions).
const UNRESERVED_CONCURRENCY = 100;
const INFREQUENT_ACCESS_DAYS = 30;
const GLACIER_STORED_DAYS = 90;

/** Every limit that the settings break, not only the first. */
export function limitViolations(settings: AwsSettings): LimitViolation[] {
  const { network, catalog, eventLog, functions, service, api, archive } = settings;
  const { zoneCount, natCount, zones } = network;
  const vpcFault = vpcBlockFault(network.cidrBlock);
  const overlapping = network.connectedCidrBlocks.filter((block) => blocksOverlap(block, network.cidrBlock));
  const reservable = functions.accountConcurrency - UNRESERVED_CONCURRENCY;
  const rules: readonly [isBroken: boolean, key: string, reason: string][] = [
    [vpcFault !== undefined, "network.cidrBlock", vpcFault ?? ""],
    [
      vpcFault === undefined && overlapping.length > 0,
      "network.connectedCidrBlocks",
      `${overlapping.join(", ")} overlaps with network.cidrBlock`,
    ],
    [
      zones !== undefined && (zones.length !== zoneCount || new Set(zones).size !== zoneCount),
      "network.zones",
      `names ${zones?.join(", ") ?? ""}: ${zoneCount} different ones are wanted (network.zoneCount)`,
    ],
    [
      natCount !== 1 && natCount !== zoneCount,
      "network.natCount",
      `is ${natCount}: one for all, or one for each of the ${zoneCount} zones (network.zoneCount)`,
    ],
    [
      eventLog.brokerCount % zoneCount !== 0,
      "eventLog.brokerCount",
      `is ${eventLog.brokerCount}: MSK wants a multiple of the ${zoneCount} zones (network.zoneCount)`,
    ],
    [
      functions.alertReservedConcurrency > reservable,
      "functions.alertReservedConcurrency",
      `is ${functions.alertReservedConcurrency}: of ${functions.accountConcurrency} (functions.accountConcurrency) ` +
        `${UNRESERVED_CONCURRENCY} stay unreserved, so ${Math.max(reservable, 0)} at most`,
    ],
    [
      catalog.maxStorageGb < catalog.storageGb,
      "catalog.maxStorageGb",
      `is less than catalog.storageGb (${catalog.storageGb})`,
    ],
    [
      eventLog.maxStorageGb < eventLog.storageGb,
      "eventLog.maxStorageGb",
      `is less than eventLog.storageGb (${eventLog.storageGb})`,
    ],
    [
      (service.domain === undefined) !== (service.certificateArn === undefined),
      "service.domain",
      "goes with service.certificateArn: it is the name by which the certificate is checked",
    ],
    [
      api.domain !== undefined && api.zoneId === undefined && api.certificateArn === undefined,
      "api.domain",
      "needs api.zoneId, in which its certificate is proven, or api.certificateArn",
    ],
    [
      api.domain === undefined && (api.zoneId ?? api.certificateArn) !== undefined,
      "api.domain",
      "is missing: api.zoneId and api.certificateArn are of it",
    ],
    [
      archive.infrequentAccessAfterDays < INFREQUENT_ACCESS_DAYS,
      "archive.infrequentAccessAfterDays",
      `S3 keeps objects ${INFREQUENT_ACCESS_DAYS} days in Standard first`,
    ],
    [
      archive.glacierAfterDays < archive.infrequentAccessAfterDays + INFREQUENT_ACCESS_DAYS,
      "archive.glacierAfterDays",
      `S3 bills ${INFREQUENT_ACCESS_DAYS} days of Infrequent Access (from archive.infrequentAccessAfterDays on)`,
    ],
    [
      archive.deepArchiveAfterDays < archive.glacierAfterDays + GLACIER_STORED_DAYS,
      "archive.deepArchiveAfterDays",
      `S3 bills ${GLACIER_STORED_DAYS} days of Glacier (from archive.glacierAfterDays on)`,
    ],
  ];
  return rules.filter(([isBroken]) => isBroken).map(([, key, reason]) => ({ key, reason }));
}

/** The same of a tenant's own network. */
export function isolatedApiViolations({ cidrBlock, clientCidrBlocks }: IsolatedApi): LimitViolation[] {
  const vpcFault = vpcBlockFault(cidrBlock);
  if (vpcFault !== undefined) return [{ key: "isolatedApi.cidrBlock", reason: vpcFault }];
  const overlapping = clientCidrBlocks.filter((block) => blocksOverlap(block, cidrBlock));
  return overlapping.length === 0
    ? []
    : [
        {
          key: "isolatedApi.clientCidrBlocks",
          reason: `${overlapping.join(", ")} overlaps with isolatedApi.cidrBlock: the networks could not be connected`,
        },
      ];
}
