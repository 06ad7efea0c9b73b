import { lookup } from "node:dns/promises";
import ipaddr from "ipaddr.js";
import { MillwrightError } from "../../model/errors.ts";

/**
 * Whom a tenant's webhook may reach: `refuse` is public addresses only, `loopback-only` this machine as well, `allow`
 * private networks too. Link-local addresses are refused always: cloud metadata, with its credentials, lives there.
 */
export type WebhookPolicy = "allow" | "refuse" | "loopback-only";

const ALLOWED: Readonly<Record<WebhookPolicy, readonly string[]>> = {
  refuse: ["unicast"],
  "loopback-only": ["unicast", "loopback"],
  allow: ["unicast", "loopback", "private", "uniqueLocal", "carrierGradeNat"],
};

/** Metadata services that are not link-local: of AWS over IPv6, of Alibaba, of Azure's host. */
const METADATA = ["fd00:ec2::254", "100.100.100.200", "168.63.129.16"];
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR("2000::/3");

export interface CheckedAddress {
  readonly address: string;
  readonly family: 4 | 6;
}

/** Checks a channel's address when it is made; a name that does not resolve yet is left to the delivery's own check. */
export async function checkWebhookUrl(url: string, policy: WebhookPolicy): Promise<void> {
  try {
    await checkedAddresses(parseWebhookUrl(url), policy);
  } catch (error) {
    if (error instanceof MillwrightError) throw error;
  }
}

/** @throws MillwrightError `channel-refused` */
export function parseWebhookUrl(url: string): URL {
  if (!URL.canParse(url)) throw refusal("is no URL");
  const parsed = new URL(url);
  if (parsed.protocol !== "https:" && parsed.protocol !== "http:")
    throw refusal("must begin with https:// or http://");
  if (parsed.username !== "" || parsed.password !== "") throw refusal("must hold no user and no password");
  return parsed;
}

/**
 * Resolves the host once and checks every address. The caller connects to one of these and to nothing else: a name that
 * resolves otherwise a moment later (DNS rebinding) gets it nowhere.
 * @throws MillwrightError `channel-refused`, or the resolver's own error
 */
export async function checkedAddresses(url: URL, policy: WebhookPolicy): Promise<readonly CheckedAddress[]> {
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const addresses = ipaddr.isValid(host) ? [{ address: host }] : await lookup(host, { all: true });
  for (const { address } of addresses) {
    if (!isAllowed(address, policy)) throw refusal("leads to an address that webhooks may not reach");
  }
  return addresses.map(({ address }) => ({
    address,
    family: ipaddr.parse(address).kind() === "ipv4" ? 4 : 6,
  }));
}

export function isAllowed(address: string, policy: WebhookPolicy): boolean {
  if (!ipaddr.isValid(address)) return false;
  // process() unwraps ::ffff:10.0.0.1; ranges that embed an IPv4 address in other ways (NAT64, 6to4) are no unicast
  const parsed = ipaddr.process(address);
  const range = parsed.range();
  if (METADATA.some((known) => parsed.toString() === known)) return false;
  // Unicast is what the library has no other name for, ::10.0.0.1 too; given out is 2000::/3 alone (RFC 4291).
  if (parsed instanceof ipaddr.IPv6 && range === "unicast" && !parsed.match(GLOBAL_UNICAST)) return false;
  return ALLOWED[policy].includes(range);
}

function refusal(message: string): MillwrightError {
  return new MillwrightError("channel-refused", `The webhook's address ${message}.`, {
    fields: [{ pointer: "/url", message }],
  });
}
