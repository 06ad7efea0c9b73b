import { lengthAt, textAt, UNKNOWN, valueAt, type Props } from "../planned-resource.ts";
import { charge, MOST_ZONES, type Charger } from "./charging.ts";

/** What a list of regions that is not known may hold. */
const MOST_REGIONS = 40;
/** CloudWatch takes so many metrics in one alarm. */
const MOST_METRICS_IN_ALARM = 10;
const HIGH_RESOLUTION_BELOW_SECONDS = 60;

const endpoint: Charger = ({ props }, { hours }) => {
  const kind = textAt(props, "vpcEndpointType") ?? "Gateway";
  if (kind === "Gateway") return [];
  const zones = Math.max(
    1,
    lengthAt(props, "subnetIds", MOST_ZONES),
    lengthAt(props, "subnetConfigurations", MOST_ZONES),
  );
  return [charge("network", "vpc-endpoint/hours", zones * hours)];
};

const alarm: Charger = ({ props }, { months }) => {
  const queries = valueAt(props, "metricQueries");
  const periods = Array.isArray(queries)
    ? queries
        .map((query) => valueAt(query as Props, "metric.period"))
        .filter((period) => period !== undefined)
    : [valueAt(props, "period")];
  const isFast = periods.some(
    (period) => period === UNKNOWN || Number(period) < HIGH_RESOLUTION_BELOW_SECONDS,
  );
  const count = queries === UNKNOWN ? MOST_METRICS_IN_ALARM : Math.max(1, periods.length);
  const price = isFast ? "cloudwatch/alarms-high-resolution" : "cloudwatch/alarms";
  return [charge("monitoring", price, count * months)];
};

const parameter: Charger = ({ props }, { months }) => {
  const tier = textAt(props, "tier") ?? "Standard";
  return tier === "Standard" ? [] : [charge("security", "ssm/advanced-parameters", months)];
};

/** What is around them: networks, keys, secrets, alarms. */
export const SURROUNDINGS: Readonly<Record<string, Charger>> = {
  "aws:ec2/natGateway:NatGateway": (_, { hours }) => [charge("network", "nat/hours", hours)],
  "aws:ec2/eip:Eip": (_, { hours }) => [charge("network", "ipv4/hours", hours)],
  "aws:ec2/vpcEndpoint:VpcEndpoint": endpoint,
  "aws:route53/zone:Zone": (_, { months }) => [charge("api", "route53/zones", months)],
  "aws:kms/key:Key": (_, { months }) => [charge("security", "kms/keys", months)],
  "aws:secretsmanager/secret:Secret": ({ props }, { months }) => [
    charge("security", "secrets-manager/secrets", (1 + lengthAt(props, "replicas", MOST_REGIONS)) * months),
  ],
  "aws:ssm/parameter:Parameter": parameter,
  "aws:budgets/budgetAction:BudgetAction": (_, { hours }) => [
    charge("monitoring", "budgets/action-days", hours / 24),
  ],
  "aws:cloudwatch/metricAlarm:MetricAlarm": alarm,
  "aws:cloudwatch/dashboard:Dashboard": (_, { months }) => [
    charge("monitoring", "cloudwatch/dashboards", months),
  ],
};
