/** How many of something an account has, may have, and is about to have. */
export interface QuotaUse {
  /** "VPCs" */
  readonly what: string;
  /** Of AWS's Service Quotas, where it is raised. */
  readonly quotaCode: string;
  readonly quota: number;
  /** In the region, ours included. */
  readonly existingCount: number;
  /** Those of the existing ones that this stack has made. */
  readonly ownCount: number;
  /** That this stack will have. */
  readonly neededCount: number;
  /** Config key by which fewer would be needed. */
  readonly key: string;
}

/** What to do about a quota that the deployment would meet half way; undefined when it fits. */
export function quotaFault(use: QuotaUse, region: string): string | undefined {
  const othersCount = use.existingCount - use.ownCount;
  if (othersCount + use.neededCount <= use.quota) return undefined;
  return (
    `${use.key}: ${region} has ${othersCount} other ${use.what}, and ${use.neededCount} more would be over the quota of ` +
    `${use.quota}. Raise ${use.quotaCode} in Service Quotas`
  );
}
