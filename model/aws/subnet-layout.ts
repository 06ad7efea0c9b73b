/** A range of IPv4 addresses: `size` of them, beginning with `first`. */
interface Range {
  readonly first: number;
  readonly size: number;
}

const CIDR = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/;

// A VPC has at least /28 and at most /16. Below /22 a database subnet has fewer than 59 addresses, and the network
// interfaces of brokers, databases and endpoints no longer fit beside those of the next zone.
const LONGEST_PREFIX = 22;
const SHORTEST_PREFIX = 16;

/** Why `block` cannot be a VPC of ours; undefined when it can. */
export function vpcBlockFault(block: string): string | undefined {
  const range = rangeOf(block);
  if (range === undefined) return `'${block}' is not a block of IPv4 addresses such as 10.64.0.0/16`;
  const prefix = prefixOf(range);
  return prefix < SHORTEST_PREFIX || prefix > LONGEST_PREFIX
    ? `'${block}' is not between /${SHORTEST_PREFIX} and /${LONGEST_PREFIX}: the subnets of three zones do not fit`
    : undefined;
}

/** Addresses of the subnets of one availability zone. */
export interface ZoneSubnets {
  readonly public: string;
  readonly private: string;
  readonly database: string;
}

/**
 * Cuts a VPC into quarters, one for each of up to three zones (the fourth is room to grow), and each quarter into a
 * private half, a public and a database quarter. A zone that is added later moves none of the others.
 * @param block - without a `vpcBlockFault`
 */
export function subnetLayout(block: string, zoneCount: number): ZoneSubnets[] {
  const vpc = rangeOf(block);
  if (vpc === undefined || zoneCount > 3)
    throw new RangeError(`No layout for ${zoneCount} zones in ${block}.`);
  const zoneSize = vpc.size / 4;
  return Array.from({ length: zoneCount }, (_, zone) => {
    const first = vpc.first + zone * zoneSize;
    return {
      private: blockOf({ first, size: zoneSize / 2 }),
      public: blockOf({ first: first + zoneSize / 2, size: zoneSize / 4 }),
      database: blockOf({ first: first + (zoneSize * 3) / 4, size: zoneSize / 4 }),
    };
  });
}

/** True when the two have an address in common; a text that is no block overlaps with everything. */
export function blocksOverlap(one: string, other: string): boolean {
  const [a, b] = [rangeOf(one), rangeOf(other)];
  if (a === undefined || b === undefined) return true;
  return a.first < b.first + b.size && b.first < a.first + a.size;
}

/** undefined for a text that is no block, or whose address is not the block's first one. */
function rangeOf(block: string): Range | undefined {
  const [, ...parts] = (CIDR.exec(block) ?? []).map(Number);
  const prefix = parts.pop() ?? 33;
  if (prefix > 32 || parts.some((part) => part > 255)) return undefined;
  const first = parts.reduce((address, part) => address * 256 + part, 0);
  const size = 2 ** (32 - prefix);
  return first % size === 0 ? { first, size } : undefined;
}

function prefixOf({ size }: Range): number {
  return 32 - Math.log2(size);
}

function blockOf(range: Range): string {
  const parts = [24, 16, 8, 0].map((bits) => Math.floor(range.first / 2 ** bits) % 256);
  return `${parts.join(".")}/${prefixOf(range)}`;
}
