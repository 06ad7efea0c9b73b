import type { Rule } from "./rule.ts";

/** The bill is split by these: a resource without them is a cost that belongs to nobody. */
const REQUIRED_TAGS = ["tenant", "environment", "costCenter"] as const;

// AWS bills nothing for these and takes no tags on them. A type that is missing here is refused without tags, which
// is seen at once; the other way round it would cost money unseen.
const UNTAGGABLE = new Set([
  "aws:apigatewayv2/integration:Integration",
  "aws:apigatewayv2/route:Route",
  "aws:iam/rolePolicy:RolePolicy",
  "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
  "aws:lambda/permission:Permission",
  "aws:route53/record:Record",
  "aws:s3/bucketAcl:BucketAcl",
  "aws:s3/bucketPolicy:BucketPolicy",
  "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
  "aws:secretsmanager/secretVersion:SecretVersion",
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
