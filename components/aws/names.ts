import { createHash } from "node:crypto";
import { SHARED, type TenantId } from "../../model/tenant.ts";

/** Whose resource it is: a part of its name, and what its cost is attributed to. */
export interface AwsScope {
  /** `development`, `production`, …: without a dash (stacks/config/aws-config.ts checks it). */
  readonly environment: string;
  /** undefined for what all tenants of the environment share. */
  readonly tenant: TenantId | undefined;
}

// Longest names that AWS takes (service quotas and API references, read 2026-11). All of them take a-z, 0-9 and single
// dashes, begin with a letter and end with no dash: names here are made of nothing else.
const MAX_LENGTHS = {
  loadBalancer: 32, // target groups as well
  bucket: 63,
  databaseIdentifier: 63,
  function: 64,
  kafkaCluster: 64,
  role: 64,
  queue: 80,
  apiLink: 128,
  instanceProfile: 128,
  launchTemplate: 128,
  policy: 128,
  codeDeploy: 100, // applications and groups
  topic: 256,
  /** Groups, aliases, alarms, dashboards, log groups, secrets: 250 or more. */
  other: 250,
} as const;
export type NameKind = keyof typeof MAX_LENGTHS;

const HASH_LENGTH = 10; // 40 bits, and only names that agree in all that is left of them could meet

/**
 * `millwright-ENV-OWNER-PART`: computed, never random, so that a run after a crash collides visibly instead of making a
 * second one. Where it would be too long, or where the dashes of a tenant's id could be read as its parts' (`acme` and
 * `a-b`, `acme-a` and `b`), the owner is cut and a hash of the whole is added: two resources never share a name.
 * @param part - what it is, a constant of the code: lower case, digits, single dashes
 */
export function awsName(kind: NameKind, scope: AwsScope, part: string): string {
  const owner = ownerOf(scope);
  const head = `millwright-${scope.environment}-${owner}`;
  const maxLength = MAX_LENGTHS[kind];
  const plain = `${head}-${part}`;
  if (plain.length <= maxLength && !owner.includes("-")) return plain;

  const identity = JSON.stringify([scope.environment, owner, part]);
  const tail = `${part}-${createHash("sha256").update(identity).digest("hex").slice(0, HASH_LENGTH)}`;
  const room = maxLength - tail.length - 1;
  if (room < 1) throw new RangeError(`No ${kind} can be called '${part}': the longest name is ${maxLength}.`);
  return `${head.replaceAll(/-+/g, "-").slice(0, room).replace(/-$/, "")}-${tail}`;
}

/** The attribute of a thing that says which machine it is. */
export const MACHINE_ATTRIBUTE = "machine";

/** What a tenant's machines have at IoT Core: the group of their things, whose policy is theirs, and the rule for them. */
export function machineEntranceNames(scope: AwsScope) {
  const group = awsName("policy", scope, "machines");
  const rule = group.replaceAll("-", "_"); // rules are called by letters, digits and low lines
  return { group, rule, topicPrefix: `$aws/rules/${rule}/` };
}

const MAX_THING_LENGTH = 128;

/**
 * `millwright-ENV:TENANT:GENERATION:MACHINE`, in letters, digits, `:`, `_` and `-`. A machine's id that has others, or is
 * too long, is a hash behind one more `:`. A tenant that is made anew has other things, with nothing of the former's.
 * @param generation - of the tenant, among those that had its id
 */
export function thingName(scope: AwsScope, generation: number, machineId: string): string {
  const head = `${thingPrefix(scope)}${ownerOf(scope)}:${generation}:`;
  if (/^[\w-]+$/.test(machineId) && head.length + machineId.length <= MAX_THING_LENGTH)
    return head + machineId;
  return `${head}:${createHash("sha256").update(machineId).digest("hex").slice(0, 32)}`;
}

/** What the names of all things of an environment begin with. */
export function thingPrefix({ environment }: Pick<AwsScope, "environment">): string {
  return `millwright-${environment}:`;
}

/** Bucket names belong to the whole world: the account's number keeps them apart from other installations'. */
export function bucketName(scope: AwsScope, part: string, accountId: string): string {
  return awsName("bucket", scope, `${part}-${accountId}`);
}

/** `/millwright/ENV/OWNER/PART`, of SSM parameters and log groups. */
export function awsPath(scope: AwsScope, part: string): string {
  return `/millwright/${scope.environment}/${ownerOf(scope)}/${part}`;
}

/** What the names of the secrets begin with that the service keeps: `PREFIX/NAME`, one place for all tenants. */
export function storedSecretPrefix({ environment }: AwsScope): string {
  return awsName("other", { environment, tenant: undefined }, "store");
}

/** MSK takes credentials only from secrets whose name begins so. */
export function kafkaSecretName(scope: AwsScope, part: string): string {
  return `AmazonMSK_${awsName("other", scope, part)}`;
}

/** The tags of everything in one stack: what the bill is split by, and what the policy pack asks for. */
export function awsTags(scope: AwsScope, costCenter: string): Readonly<Record<string, string>> {
  return { project: "millwright", environment: scope.environment, tenant: ownerOf(scope), costCenter };
}

/** No tenant can be called `shared`. */
function ownerOf({ tenant }: AwsScope): string {
  return tenant ?? SHARED;
}
