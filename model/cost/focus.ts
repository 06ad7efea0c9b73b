import type { AttributedLine } from "./attribution.ts";
import type { Tenancy } from "./bill.ts";
import { usdOf, type MicroUsd } from "./money.ts";

/**
 * Columns of FOCUS 1.2 (FinOps Open Cost and Usage Specification): all mandatory ones, and the conditional and recommended
 * ones that a bill of ours has something to say in. In their alphabetical order.
 */
export const FOCUS_COLUMNS = [
  ...["BilledCost", "BillingAccountId", "BillingAccountName", "BillingAccountType", "BillingCurrency"],
  ...["BillingPeriodEnd", "BillingPeriodStart", "ChargeCategory", "ChargeClass", "ChargeDescription"],
  ...["ChargeFrequency", "ChargePeriodEnd", "ChargePeriodStart", "ConsumedQuantity", "ConsumedUnit"],
  ...["ContractedCost", "ContractedUnitPrice", "EffectiveCost", "InvoiceIssuerName", "ListCost"],
  ...["ListUnitPrice", "PricingCategory", "PricingQuantity", "PricingUnit", "ProviderName", "PublisherName"],
  ...[
    "RegionId",
    "ResourceId",
    "ServiceCategory",
    "ServiceName",
    "ServiceSubcategory",
    "SkuId",
    "SkuPriceId",
  ],
  ...["SubAccountId", "SubAccountName", "SubAccountType", "Tags"],
] as const;
export type FocusRow = Readonly<Record<(typeof FOCUS_COLUMNS)[number], string | number | null>>;

/** The first part of a price's key: the service, as its provider names it, and where FOCUS puts it. */
const SERVICES: Readonly<Record<string, readonly [name: string, category: string, subcategory: string]>> = {
  alb: ["Elastic Load Balancing", "Networking", "Network Routing"],
  "api-gateway": ["Amazon API Gateway", "Integration", "API Management"],
  cloudwatch: ["Amazon CloudWatch", "Management and Governance", "Observability"],
  "data-transfer": ["AWS Data Transfer", "Networking", "Network Connectivity"],
  ebs: ["Amazon Elastic Block Store", "Storage", "Block Storage"],
  ec2: ["Amazon Elastic Compute Cloud", "Compute", "Virtual Machines"],
  ecr: ["Amazon Elastic Container Registry", "Compute", "Containers"],
  fargate: ["AWS Fargate", "Compute", "Containers"],
  iot: ["AWS IoT Core", "Internet of Things", "IoT Platforms"],
  ipv4: ["Amazon Virtual Private Cloud", "Networking", "Network Infrastructure"],
  kms: ["AWS Key Management Service", "Security", "Secret Management"],
  lambda: ["AWS Lambda", "Compute", "Serverless Compute"],
  msk: ["Amazon Managed Streaming for Apache Kafka", "Integration", "Messaging"],
  nat: ["Amazon Virtual Private Cloud", "Networking", "Network Infrastructure"],
  nlb: ["Elastic Load Balancing", "Networking", "Network Routing"],
  rds: ["Amazon Relational Database Service", "Databases", "Relational Databases"],
  route53: ["Amazon Route 53", "Networking", "Network Routing"],
  s3: ["Amazon Simple Storage Service", "Storage", "Object Storage"],
  "secrets-manager": ["AWS Secrets Manager", "Security", "Secret Management"],
  ses: ["Amazon Simple Email Service", "Integration", "Messaging"],
  sns: ["Amazon Simple Notification Service", "Integration", "Messaging"],
  sqs: ["Amazon Simple Queue Service", "Integration", "Messaging"],
  "vpc-endpoint": ["Amazon Virtual Private Cloud", "Networking", "Network Connectivity"],
};
const OTHER = ["Amazon Web Services", "Other", "Other (Other)"] as const;

/** Of which month a row is, and up to when it is counted. ISO 8601 in UTC; ends are exclusive. */
export interface FocusPeriod {
  readonly billingFrom: string;
  readonly billingTo: string;
  readonly chargedTo: string;
  readonly region: string;
}

/**
 * A line of a tenant's bill as a row of FOCUS. What all share is charged at the part that falls on the tenant; the quantity
 * is the same part, so that the unit price stays what it is.
 * @param payer - null: the platform's own part
 */
export function focusRow(line: AttributedLine, payer: Tenancy | null, period: FocusPeriod): FocusRow {
  const { component, kind, price, of, unit, quantity, amount } = line;
  const [service, category, subcategory] = SERVICES[price.split("/")[0] ?? ""] ?? OTHER;
  const cost = decimal(amount);
  const unitPrice = numeric(quantity > 0 ? usdOf(amount) / quantity : 0);
  const payerTags = payer === null ? {} : { "millwright/since": payer.since };
  return {
    ...{
      BilledCost: cost,
      EffectiveCost: cost,
      ListCost: cost,
      ContractedCost: cost,
      BillingCurrency: "USD",
    },
    ...{ BillingAccountId: "millwright", BillingAccountName: "Millwright", BillingAccountType: "Platform" },
    ...{ BillingPeriodStart: period.billingFrom, BillingPeriodEnd: period.billingTo },
    ...{ ChargePeriodStart: period.billingFrom, ChargePeriodEnd: period.chargedTo },
    ...{ ChargeCategory: "Usage", ChargeClass: null, ChargeFrequency: "Usage-Based" },
    ChargeDescription: `${DESCRIPTIONS[kind]} ${component}: ${of}`,
    ...{
      ConsumedQuantity: numeric(quantity),
      ConsumedUnit: unit,
      PricingQuantity: numeric(quantity),
      PricingUnit: unit,
    },
    ...{ PricingCategory: "Standard", ListUnitPrice: unitPrice, ContractedUnitPrice: unitPrice },
    ...{ InvoiceIssuerName: "Millwright", ProviderName: "AWS", PublisherName: "AWS" },
    ...{ RegionId: period.region, ResourceId: kind === "used" ? null : of },
    ...{ ServiceName: service, ServiceCategory: category, ServiceSubcategory: subcategory },
    ...{ SkuId: price, SkuPriceId: `${period.region}/${price}` },
    ...{ SubAccountId: payer?.tenant ?? null, SubAccountName: payer?.tenant ?? null },
    SubAccountType: payer === null ? null : "Tenant",
    Tags: JSON.stringify({ "millwright/component": component, "millwright/kind": kind, ...payerTags }),
  };
}

const DESCRIPTIONS = { own: "Own", used: "Use of", shared: "Part of shared" } as const;

/** All digits of an amount, and no exponent. */
function decimal(amount: MicroUsd): string {
  const digits = String(amount).padStart(7, "0");
  return `${digits.slice(0, -6)}.${digits.slice(-6)}`;
}

/** FOCUS writes exponents with a capital letter. */
function numeric(value: number): string {
  return String(value).toUpperCase();
}
