import {
  apiGbSeconds,
  connectivityUsd,
  devices,
  gbSeconds,
  gbSecondsUsd,
  invocations,
  invocationsUsd,
  MB_PER_GB,
  messagesAtOneHertz,
  messagesOfOneDeployment,
  messagesUsd,
  optionDUsd,
  PARTS_USD,
  SEED_004,
  shardsUsd,
  streamGbSeconds,
  streamInvocations,
  unitsUsd,
} from "./seed-004-figures.ts";
import { right, sum, type Statement } from "./statement.ts";

const { cloudWatch, hoursPerMonth, iot } = SEED_004;
const OTHER = "004, Other AWS Services";
const SUMMARY_PLACE = "004, Total Monthly Cost Summary";

/** The document's summary, row by row as it prints them: USD a month. */
const SUMMARY = {
  timestream: 947,
  iotCore: 2_400,
  kinesis: 109,
  lambda: 8,
  dynamoDb: 19,
  apiGateway: 18,
  grafana: 290,
  cloudWatch: 378,
  s3: 12,
  amplify: 16,
  sageMaker: 39,
  other: 50,
} as const;
/** Sum of the rows, with machine learning: USD a month. */
export const SUMMARY_TOTAL_USD = sum(Object.values(SUMMARY));
const summaryWithoutMl = SUMMARY_TOTAL_USD - SUMMARY.sageMaker;
const SHOWN_SHARES = [
  "timestream",
  "iotCore",
  "kinesis",
  "grafana",
  "cloudWatch",
  "sageMaker",
  "other",
] as const;

const otherUsd = sum([...PARTS_USD.secrets, ...PARTS_USD.kms, ...PARTS_USD.cloudFront, ...PARTS_USD.backup]);

/** A service that the document prices in parts, and adds up. */
const inParts = (id: string, claim: string, printed: string, parts: readonly number[]): Statement =>
  right(id, OTHER, claim, printed, ...parts, ...(parts.length > 1 ? [sum(parts)] : []));

/** The other services, and the sum of all. */
export const STATEMENTS_004_SERVICES: readonly Statement[] = [
  {
    id: "004/iot/connectivity",
    place: OTHER,
    claim: "IoT Core, 1,500 devices always connected",
    printed: "$120",
    computed: [connectivityUsd],
    reason: "$0.08 is the price of a million minutes of connection, not of a device and month.",
  },
  {
    id: "004/iot/messages-per-month",
    place: OTHER,
    claim: "Messages a month of 1,500 devices at 1 Hz",
    printed: "2.6B",
    computed: [messagesAtOneHertz],
    reason: `Nothing gives 2.6 billion: 2.6 million rows a day are ${Math.round(messagesOfOneDeployment / 1e6)} million a month.`,
  },
  {
    ...right(
      "004/iot/messages",
      OTHER,
      "IoT Core, 1,000 million at $1 and 1,600 million at $0.80",
      "$2,280",
      messagesUsd(iot.messagesPerMonth),
    ),
    printed: "$1,000 $1,280",
    computed: [iot.perMillion[0] * 1_000, iot.perMillion[1] * 1_600],
    onceCorrected: [1_000, messagesUsd(messagesAtOneHertz) - 1_000],
    reason: "At the messages that 1,500 devices send.",
  },
  {
    ...right(
      "004/iot/total",
      OTHER,
      "IoT Core together",
      "$2,400",
      iot.perDeviceMonth * devices + messagesUsd(iot.messagesPerMonth),
    ),
    onceCorrected: [connectivityUsd + messagesUsd(iot.messagesPerMonth)],
    reason: "With the connection minutes at their price.",
  },
  right("004/kinesis/shards", OTHER, "Kinesis, 10 shards", "$108", shardsUsd),
  {
    id: "004/kinesis/units",
    place: OTHER,
    claim: "Kinesis, PUT payload units",
    printed: "104M",
    computed: [iot.messagesPerMonth],
    reason: "A unit is up to 25 KB of one record: small records do not share one.",
  },
  {
    id: "004/kinesis/units-usd",
    place: OTHER,
    claim: "Kinesis, price of the units",
    printed: "$1.46",
    computed: [unitsUsd(iot.messagesPerMonth)],
    reason: "One unit for each record.",
  },
  {
    id: "004/kinesis/total",
    place: OTHER,
    claim: "Kinesis together",
    printed: "$109.46",
    computed: [shardsUsd + unitsUsd(iot.messagesPerMonth)],
    reason: "One unit for each record.",
  },
  right(
    "004/lambda/invocations",
    OTHER,
    "Lambda, invocations of the stream, and together",
    "2.6M, 7.6M",
    streamInvocations,
    invocations,
  ),
  right("004/lambda/invocations-usd", OTHER, "Lambda, price of the invocations", "$1.52", invocationsUsd),
  ...lambdaStatements(),
  inParts(
    "004/dynamodb",
    "DynamoDB: storage, reads, writes",
    "$12.50 + $2.50 + $3.75 = $18.75",
    PARTS_USD.dynamoDb,
  ),
  {
    id: "004/dynamodb/reads",
    place: OTHER,
    claim: "DynamoDB, items read a month",
    printed: "10M",
    computed: [iot.messagesPerMonth],
    reason: "The ingest function of the same document reads an item for each record, and keeps none.",
  },
  inParts("004/api-gateway", "API Gateway: REST, WebSocket", "$17.50 + $0.25 = $17.75", PARTS_USD.apiGateway),
  inParts("004/grafana", "Grafana Cloud Pro, 10 users", "$290", PARTS_USD.grafana),
  inParts("004/sagemaker", "SageMaker: training, inference", "$2.69 + $36 = $38.69", PARTS_USD.sageMaker),
  {
    ...inParts(
      "004/cloudwatch",
      "CloudWatch: metrics, logs in, logs stored, alarms",
      "$300 + $25 + $3 + $50 = $378",
      PARTS_USD.cloudWatch,
    ),
    onceCorrected: [300, 25, 3, devices * cloudWatch.perAlarm, 328 + devices * cloudWatch.perAlarm],
    reason: "The design has an alarm for each of the 1,500 sensors; 500 are counted.",
  },
  inParts("004/s3", "S3, 500 GB", "$11.50", PARTS_USD.s3),
  inParts(
    "004/amplify",
    "Amplify: builds, storage, transfer",
    "$1 + $0.23 + $15 = $16.23",
    PARTS_USD.amplify,
  ),
  inParts("004/secrets", "Secrets Manager: secrets, calls", "$20 + $0.50 = $20.50", PARTS_USD.secrets),
  inParts("004/kms", "KMS: keys, requests", "$5 + $3 = $8", PARTS_USD.kms),
  inParts("004/cloudfront", "CloudFront: transfer, requests", "$8.50 + $7.50 = $16", PARTS_USD.cloudFront),
  inParts("004/backup", "AWS Backup", "$5", PARTS_USD.backup),
  right("004/other", SUMMARY_PLACE, "Secrets, KMS, CloudFront and Backup, rounded", "$50", otherUsd),
  {
    id: "004/total-without-ml",
    place: SUMMARY_PLACE,
    claim: "Sum of the table without machine learning",
    printed: "$3,926",
    computed: [summaryWithoutMl],
    reason: `Its rows add up to ${summaryWithoutMl - 3_926} more.`,
  },
  {
    id: "004/total",
    place: SUMMARY_PLACE,
    claim: "Sum of the table",
    printed: "$3,965",
    computed: [SUMMARY_TOTAL_USD],
    onceCorrected: [optionDUsd(iot.messagesPerMonth)],
    reason:
      `Its rows add up to ${SUMMARY_TOTAL_USD - 3_965} more. Then with the slips in its rows mended, at the printed messages; ` +
      "at one a second from each device it is more.",
  },
  {
    id: "004/shares",
    place: SUMMARY_PLACE,
    claim: "Shares of Timestream, IoT Core, Kinesis, Grafana, CloudWatch, SageMaker and the rest",
    printed: "24% 61% 3% 7% 10% 1% 1%",
    computed: SHOWN_SHARES.map((row) => (SUMMARY[row] / SUMMARY_TOTAL_USD) * 100),
    reason: "Taken of 3,965; with the small rows they add up to 108 %.",
  },
  {
    id: "004/per-tenant",
    place: SUMMARY_PLACE,
    claim: "Cost of one tenant",
    printed: "$132.17",
    computed: [SUMMARY_TOTAL_USD / SEED_004.tenants],
    reason: "3,965 / 30 is 132.17, but the table adds up to 4,286.",
  },
  ...selfHostedStatements(),
];

function lambdaStatements(): Statement[] {
  const { document, billed } = MB_PER_GB;
  const reason = (printed: number) =>
    `Lambda bills 1,024 MB as a GB; with 1,000 it is ${Math.round(printed / 1_000)}K.`;
  return [
    {
      id: "004/lambda/stream-gb-seconds",
      place: OTHER,
      claim: "Lambda, GB-seconds of the stream",
      printed: "266K",
      computed: [streamGbSeconds(billed)],
      reason: reason(streamGbSeconds(document)),
    },
    {
      id: "004/lambda/api-gb-seconds",
      place: OTHER,
      claim: "Lambda, GB-seconds of the API",
      printed: "128K",
      computed: [apiGbSeconds(billed)],
      reason: reason(apiGbSeconds(document)),
    },
    {
      id: "004/lambda/gb-seconds",
      place: OTHER,
      claim: "Lambda, GB-seconds together",
      printed: "394K",
      computed: [gbSeconds],
      reason: reason(streamGbSeconds(document) + apiGbSeconds(document)),
    },
    {
      id: "004/lambda/gb-seconds-usd",
      place: OTHER,
      claim: "Lambda, price of the GB-seconds",
      printed: "$6.57",
      computed: [gbSecondsUsd],
      reason: "Follows from the GB-seconds.",
    },
    {
      id: "004/lambda/total",
      place: OTHER,
      claim: "Lambda together",
      printed: "$8.09",
      computed: [invocationsUsd + gbSecondsUsd],
      reason: "Follows from the GB-seconds.",
    },
  ];
}

function selfHostedStatements(): Statement[] {
  const place = "004, Grafana Deployment Options";
  const fargate = 2 * 0.04 * hoursPerMonth;
  const others = [0.068 * hoursPerMonth, 0.017 * hoursPerMonth, 10 * 0.3, 5];
  const [loadBalancer, printedLoadBalancer] = [16 + 0.008 * hoursPerMonth, 30];
  return [
    right("004/self-hosted/fargate", place, "Two tasks of Fargate", "$57.60", fargate),
    right(
      "004/self-hosted/others",
      place,
      "Database, cache, files and logs",
      "$48.96, $12.24, $3, $5",
      ...others,
    ),
    {
      id: "004/self-hosted/load-balancer",
      place,
      claim: "Load balancer, 16 and 0.008 an hour",
      printed: "$30",
      computed: [loadBalancer],
      reason: "16 + 0.008 × 720.",
    },
    {
      id: "004/self-hosted/total",
      place,
      claim: "Grafana on Fargate together",
      printed: "$172",
      computed: [fargate + sum(others) + printedLoadBalancer],
      onceCorrected: [fargate + sum(others) + loadBalancer],
      reason: "Sum of its rows; then with the load balancer multiplied right.",
    },
  ];
}
