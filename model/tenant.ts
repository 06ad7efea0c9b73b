import * as z from "zod";

/** What topics are called after that tenants share; no tenant's id. */
export const SHARED = "shared";

/** A tenant's id: lower case, 3-32 characters, dashes inside. */
export const tenantId = z
  .string()
  .regex(
    /^[a-z][a-z0-9-]{1,30}[a-z0-9]$/,
    "3-32 characters: a-z, 0-9 and dashes; begins with a letter, ends with no dash",
  )
  .refine((id) => id !== SHARED, "is a name of the platform's own")
  .brand("TenantId");
export type TenantId = z.infer<typeof tenantId>;

export const TIERS = ["shared", "dedicated"] as const;
/** The service level sold. */
export type Tier = (typeof TIERS)[number];

export const TOPIC_KINDS = ["own", "shared"] as const;
/** Whether a tenant's readings have a topic to themselves. */
export type TopicKind = (typeof TOPIC_KINDS)[number];

export const TENANT_STATES = ["creating", "ready", "moving", "deleting", "failed"] as const;
export type TenantState = (typeof TENANT_STATES)[number];

/** Where a tenant's series live now; the tier is sold, the placement is a fact. */
export interface Placement {
  readonly tenant: TenantId;
  /** Name of the cell: `shared-1`, or the tenant's own `dedicated-acme`. */
  readonly cell: string;
  readonly database: string;
  readonly schema: string;
  readonly epoch: bigint;
}

/** Names of everything a tenant owns in a cell. A dash is legal in an id but awkward in SQL, hence `_`; no two ids collide, because `_` is not legal in an id. */
export interface TenantNames {
  readonly schema: string;
  readonly owner: string;
  readonly writer: string;
  readonly reader: string;
}

/** Physical names are computed, never random, so that a re-run after a crash adopts what is there. */
export function tenantNames(tenant: TenantId): TenantNames {
  const schema = `tenant_${tenant.replaceAll("-", "_")}`;
  return { schema, owner: `${schema}_owner`, writer: `${schema}_writer`, reader: `${schema}_reader` };
}

/**
 * The cell of a dedicated tenant.
 * @param besides - the one that it has, when it moves to another: two names take turns, and no other tenant's cell has them
 */
export function dedicatedCellName(tenant: TenantId, besides?: string): string {
  const name = `dedicated-${tenant}`;
  return name === besides ? `dedicated2-${tenant}` : name;
}

/** Name of the Pulumi stack of a tenant. */
export function tenantStackName(tenant: TenantId): string {
  return `tenant-${tenant}`;
}

/** What a tenant is told in topics of its own; nobody here reads them. */
export const EVENT_STREAMS = ["alerts", "deadletters"] as const;
export const STREAMS = ["readings", ...EVENT_STREAMS] as const;
export type Stream = (typeof STREAMS)[number];

/** A topic's name carries its generation: a topic that is dropped and made again is another topic. */
export function topicName(tenant: TenantId, stream: Stream, generation: number): string {
  return `${tenant}.${stream}.g${generation}`;
}
