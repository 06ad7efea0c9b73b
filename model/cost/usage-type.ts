/** What AWS puts before the usage types of a region. New services name the region in full, or by a newer short name. */
const SHORT_NAMES: Readonly<Record<string, readonly string[]>> = {
  "us-east-1": ["USE1-", ""],
  "us-east-2": ["USE2-"],
  "us-west-1": ["USW1-"],
  "us-west-2": ["USW2-"],
  "ca-central-1": ["CAN1-"],
  "eu-west-1": ["EUW1-", "EU-"],
  "eu-west-2": ["EUW2-"],
  "eu-west-3": ["EUW3-"],
  "eu-central-1": ["EUC1-"],
  "eu-north-1": ["EUN1-"],
  "ap-south-1": ["APS3-"],
  "ap-southeast-1": ["APS1-"],
  "ap-southeast-2": ["APS2-"],
  "ap-northeast-1": ["APN1-"],
  "sa-east-1": ["SAE1-"],
};

export const REGIONS = Object.keys(SHORT_NAMES);

/** The files for the whole world name things as the first region does. */
const WORLD = "us-east-1";

/**
 * The usage type without its region, in lower case; undefined for one of another region, or of a local zone, that stands in
 * the same file.
 * @param region - undefined for a price of the whole world
 */
export function withoutRegion(usageType: string, region = WORLD): string | undefined {
  const prefixes = [`${region}-`, ...(SHORT_NAMES[region] ?? [])];
  const prefix = prefixes.find((name) => usageType.startsWith(name));
  return prefix === undefined ? undefined : usageType.slice(prefix.length).toLowerCase();
}

const PREFIXES = Object.entries(SHORT_NAMES).flatMap(([region, names]) => [`${region}-`, ...names]);

/** The same of whatever region; as it is, in lower case, where it begins with none. */
export function withoutAnyRegion(usageType: string): string {
  const prefix = PREFIXES.find((name) => name !== "" && usageType.startsWith(name)) ?? "";
  return usageType.slice(prefix.length).toLowerCase();
}
