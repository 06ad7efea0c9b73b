import type { CostComponent } from "./cost-line.ts";
import { PRICE_RULES, type PriceRule } from "./price-rules.ts";
import { withoutAnyRegion } from "./usage-type.ts";

/** Which part of the platform a price pays for, by the first part of its key. */
const COMPONENTS: Readonly<Record<string, CostComponent>> = {
  ...{ ec2: "time-series", ebs: "time-series", rds: "catalog", msk: "event-log", lambda: "functions" },
  ...{ fargate: "control-plane", ecr: "control-plane", alb: "control-plane", nlb: "control-plane" },
  ...{ "api-gateway": "api", route53: "api", iot: "machine-entrance", s3: "archive" },
  ...{ nat: "network", ipv4: "network", "vpc-endpoint": "network", "data-transfer": "network" },
  ...{ sns: "notifications", ses: "notifications", sqs: "notifications", cloudwatch: "monitoring" },
  ...{ kms: "security", "secrets-manager": "security", ssm: "security" },
};

/** @param price - key into the price book @returns undefined: the platform has nothing of the kind */
export function componentOfPrice(price: string): CostComponent | undefined {
  return COMPONENTS[price.split("/")[0] ?? ""];
}

/** What no price of the book is for, the first that fits: product, usage type. It shows as a line without an estimate. */
const OTHERS: readonly (readonly [product: RegExp, usageType: RegExp, component: CostComponent])[] = [
  [/^AmazonEC2$/, /NatGateway|DataTransfer|-Bytes/, "network"],
  [/^AmazonEC2$/, /./, "time-series"],
  [/^AmazonRDS$/, /./, "catalog"],
  [/^AmazonMSK$/, /./, "event-log"],
  [/^AWSLambda$/, /./, "functions"],
  [/^(AmazonECS|AmazonECR|AWSELB)$/, /./, "control-plane"],
  [/^(AmazonApiGateway|AmazonRoute53)$/, /./, "api"],
  [/^AWSIoT$/, /./, "machine-entrance"],
  [/^(AmazonVPC|AWSDataTransfer)$/, /./, "network"],
  [/^AmazonS3$/, /./, "archive"],
  [/^(AmazonSNS|AmazonSES|AWSQueueService)$/, /./, "notifications"],
  [/^AmazonCloudWatch$/, /./, "monitoring"],
  [/^(awskms|AWSSecretsManager|AWSSystemsManager)$/, /./, "security"],
];

const RULES = Map.groupBy(
  PRICE_RULES.flatMap(({ offer, rules }) => rules.map((rule) => ({ offer, rule }))),
  ({ offer, rule }) => placeOf(offer, rule.usageType),
);

/** A line of a report as AWS names what was used. */
export interface ReportedUse {
  /** `line_item_product_code` */
  readonly product: string;
  readonly usageType: string;
  readonly operation: string;
}

/**
 * Which price a line of a report was charged by, and which part of the platform it pays for.
 * @returns `price` is a key into the price book, or the usage type itself where the book knows none; undefined: of a
 *   product that the platform has nothing of
 */
export function priceOfUse({
  product,
  usageType,
  operation,
}: ReportedUse): { readonly component: CostComponent; readonly price: string } | undefined {
  const bare = withoutAnyRegion(usageType);
  // A report counts what leaves a server among the servers; the price lists have a list of their own for it.
  const rule = [product, "AWSDataTransfer"]
    .flatMap((offer) => RULES.get(placeOf(offer, bare)) ?? [])
    .find((known) => isOfOperation(known.rule, operation))?.rule;
  const component = rule && componentOfPrice(rule.key);
  if (rule !== undefined && component !== undefined) return { component, price: rule.key };
  const other = OTHERS.find(([of, type]) => of.test(product) && type.test(usageType))?.[2];
  return other && { component: other, price: usageType };
}

function isOfOperation({ where }: PriceRule, operation: string): boolean {
  return where["operation"] === undefined || where["operation"] === operation;
}

function placeOf(offer: string, usageType: string): string {
  return `${offer} ${usageType.toLowerCase()}`;
}
