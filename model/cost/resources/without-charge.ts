/**
 * Resources that cost by their use alone, and which: of what is used much, usage-charges.ts has the charges, and of what nothing
 * meters unmetered-charges.ts. Rules of IoT Core have no price in any book; a queue of what was given up is empty.
 */
export const CHARGED_BY_USE: Readonly<Record<string, string>> = {
  "aws:apigateway/restApi:RestApi": "requests",
  "aws:apigateway/stage:Stage": "requests",
  "aws:cloudwatch/logGroup:LogGroup": "invocations",
  "aws:iot/topicRule:TopicRule": "messages that it led on",
  "aws:lambda/eventSourceMapping:EventSourceMapping": "invocations",
  "aws:lambda/function:Function": "invocations",
  "aws:s3/bucket:Bucket": "what is archived and backed up",
  "aws:sesv2/emailIdentity:EmailIdentity": "mails",
  "aws:sns/topic:Topic": "notifications",
  "aws:sqs/queue:Queue": "deliveries that were given up",
};

const FREE_BY_FAMILY: readonly (readonly [RegExp, string])[] = [
  [/^pulumi:/, "the engine's own"],
  [/^(millwright|random|postgresql|awsx):/, "no resource of the cloud, or a bracket around some"],
  [/^aws:(iam|acm|codedeploy|costexplorer|budgets)\//, "AWS charges nothing for it"],
  [/^aws:vpc\/securityGroup/, "rules are part of the network"],
];

/** Parts of something that is charged where it stands, or that AWS charges nothing for. */
const FREE_TYPES: ReadonlySet<string> = new Set([
  ...[
    "account",
    "basePathMapping",
    "deployment",
    "domainName",
    "methodSettings",
    "usagePlan",
    "usagePlanKey",
  ].map((part) => `aws:apigateway/${part}`),
  "aws:apigatewayv2/vpcLink", // of HTTP APIs, and of REST APIs since they share it
  ...["policy", "target"].map((part) => `aws:appautoscaling/${part}`),
  ...["eventRule", "eventTarget"].map((part) => `aws:cloudwatch/${part}`), // of AWS's own events
  ...[
    ...["defaultSecurityGroup", "internetGateway", "launchTemplate", "networkAcl", "networkAclRule"],
    ...["networkInterface", "route", "routeTable", "routeTableAssociation", "securityGroup", "subnet"],
    ...["volumeAttachment", "vpc", "defaultRouteTable", "defaultNetworkAcl", "securityGroupRule"],
  ].map((part) => `aws:ec2/${part}`),
  "aws:ecr/lifecyclePolicy",
  ...["cluster", "taskDefinition"].map((part) => `aws:ecs/${part}`), // their tasks are the service's
  ...["policy", "policyAttachment", "thing", "thingGroup", "certificate", "topicRuleDestination"].map(
    (part) => `aws:iot/${part}`,
  ),
  "aws:kms/alias",
  ...["alias", "functionEventInvokeConfig", "permission"].map((part) => `aws:lambda/${part}`),
  ...["listener", "listenerRule", "targetGroup"].map((part) => `aws:lb/${part}`),
  ...["configuration", "scramSecretAssociation", "topic"].map((part) => `aws:msk/${part}`),
  ...["parameterGroup", "subnetGroup"].map((part) => `aws:rds/${part}`),
  ...["record"].map((part) => `aws:route53/${part}`),
  ...[
    ...[
      "bucketAcl",
      "bucketLifecycleConfiguration",
      "bucketLogging",
      "bucketOwnershipControls",
      "bucketPolicy",
    ],
    ...["bucketPublicAccessBlock", "bucketServerSideEncryptionConfiguration", "bucketVersioning"],
  ].map((part) => `aws:s3/${part}`),
  ...["secretPolicy", "secretRotation", "secretVersion"].map((part) => `aws:secretsmanager/${part}`),
  ...["configurationSet", "configurationSetEventDestination", "emailIdentityMailFromAttributes"].map(
    (part) => `aws:sesv2/${part}`,
  ),
  ...["topicPolicy", "topicSubscription"].map((part) => `aws:sns/${part}`),
  "aws:sqs/queuePolicy",
  "aws:ssm/association",
]);

/** Whether a resource costs nothing by standing there. @param type - such as `aws:kms/alias:Alias` */
export function isWithoutCharge(type: string): boolean {
  if (Object.hasOwn(CHARGED_BY_USE, type) || FREE_BY_FAMILY.some(([family]) => family.test(type)))
    return true;
  return FREE_TYPES.has(type.split(":").slice(0, 2).join(":"));
}
