import ipaddr from "ipaddr.js";
import type { PlannedResource } from "../rules/rule.ts";

type Props = PlannedResource["props"];

/** What the internet does not route: RFC 1918, RFC 6598 (networks of carriers, which customers use within), RFC 4193. */
const PRIVATE_BLOCKS = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"].map(
  (block) => ipaddr.parseCIDR(block),
);

/**
 * What of a rule's sources may lie outside. Security groups are of networks of ours or of those that are connected to them.
 * Whatever is not known to be private counts as public: two halves of the internet are as open as the whole.
 */
export function publicSources(rule: Props): string[] {
  const blocks = ["cidrBlocks", "ipv6CidrBlocks", "cidrIpv4", "cidrIpv6"].flatMap((name) => list(rule[name]));
  const prefixLists = ["prefixListIds", "prefixListId"].flatMap((name) => list(rule[name]));
  return [
    ...blocks
      .filter((block) => !isPrivate(block))
      .map((block) => `Ingress from ${shown(block)}, which is not within a private network.`),
    ...prefixLists.map(
      (id) => `Ingress from the prefix list ${shown(id)}, whose addresses nobody knows here.`,
    ),
  ];
}

/** Values of a property that may hold one, many or none. */
export function list(value: unknown): readonly unknown[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : [value];
}

function isPrivate(block: unknown): boolean {
  if (typeof block !== "string" || !ipaddr.isValidCIDR(block)) return false;
  const [address, prefix] = ipaddr.parseCIDR(block);
  return PRIVATE_BLOCKS.some(
    ([network, shortest]) =>
      address.kind() === network.kind() && prefix >= shortest && address.match(network, shortest),
  );
}

function shown(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
