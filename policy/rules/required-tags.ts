import type { Rule } from "./rule.ts";

/** The bill is split by these: a resource without them is a cost that belongs to nobody. */
const REQUIRED_TAGS = ["tenant", "environment", "costCenter"] as const;

// AWS bills nothing for these and takes no tags on them. A type that is missing here is refused without tags, which
// is seen at once; the other way round it would cost money unseen.
export const UNTAGGABLE: ReadonlySet<string> = new Set([
  "aws:acm/certificateValidation:CertificateValidation",
  "aws:apigateway/account:Account",
  "aws:apigateway/basePathMapping:BasePathMapping",
  "aws:apigateway/deployment:Deployment",
  "aws:apigateway/methodSettings:MethodSettings",
  "aws:apigateway/usagePlanKey:UsagePlanKey",
  "aws:apigatewayv2/integration:Integration",
  "aws:apigatewayv2/route:Route",
  "aws:appautoscaling/policy:Policy",
  "aws:cloudwatch/dashboard:Dashboard",
  "aws:cloudwatch/eventTarget:EventTarget",
  "aws:ec2/networkAclRule:NetworkAclRule",
  "aws:ec2/route:Route",
  "aws:ec2/routeTableAssociation:RouteTableAssociation",
  "aws:ec2/volumeAttachment:VolumeAttachment",
  "aws:ecr/lifecyclePolicy:LifecyclePolicy",
  "aws:iam/rolePolicy:RolePolicy",
  "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
  "aws:iot/policyAttachment:PolicyAttachment",
  "aws:iot/topicRuleDestination:TopicRuleDestination",
  "aws:kms/alias:Alias",
  "aws:lambda/alias:Alias",
  "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
  "aws:lambda/permission:Permission",
  "aws:msk/configuration:Configuration",
  "aws:msk/scramSecretAssociation:ScramSecretAssociation",
  "aws:msk/topic:Topic",
  "aws:route53/record:Record",
  "aws:s3/bucketAcl:BucketAcl",
  "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
  "aws:s3/bucketLogging:BucketLogging",
  "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
  "aws:s3/bucketPolicy:BucketPolicy",
  "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
  "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
  "aws:s3/bucketVersioning:BucketVersioning",
  "aws:secretsmanager/secretPolicy:SecretPolicy",
  "aws:secretsmanager/secretRotation:SecretRotation",
  "aws:secretsmanager/secretVersion:SecretVersion",
  "aws:sesv2/configurationSetEventDestination:ConfigurationSetEventDestination",
  "aws:sesv2/emailIdentityMailFromAttributes:EmailIdentityMailFromAttributes",
  "aws:sns/topicPolicy:TopicPolicy",
  "aws:sns/topicSubscription:TopicSubscription",
  "aws:sqs/queuePolicy:QueuePolicy",
]);

/** Resources of AWS only: what the local target builds has no tags. */
export const requiredTags: Rule = {
  name: "required-tags",
  description: `Every AWS resource carries the tags ${REQUIRED_TAGS.join(", ")}.`,
  violations({ type, props }) {
    if (!type.startsWith("aws:") || UNTAGGABLE.has(type)) return [];
    const tags = (props["tags"] ?? {}) as Readonly<Record<string, unknown>>;
    const missing = REQUIRED_TAGS.filter((tag) => typeof tags[tag] !== "string" || tags[tag] === "");
    return missing.length === 0 ? [] : [`Missing tags: ${missing.join(", ")}.`];
  },
};
