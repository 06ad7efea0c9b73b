import { createHash } from "node:crypto";
import type { SdkType } from "./sdk-types.ts";

export const ACCOUNT = "123456789012";
export const REGION = "us-east-1";

type Properties = Readonly<Record<string, unknown>>;
type Computed = (id: string, inputs: Properties) => Properties;

// The name that an ARN ends with and that most ids are, in the order in which AWS would use it.
const NAMES = [
  ...["name", "bucket", "identifier", "clusterIdentifier", "clusterName", "topicName", "alarmName"],
  ...["dashboardName", "functionName", "family"],
];

/** Outputs whose form matters to what reads them. */
const COMPUTED: Readonly<Record<string, Computed>> = {
  "aws:acm/certificate:Certificate": (_, { domainName }) => ({
    domainValidationOptions: [
      {
        ...{ domainName, resourceRecordName: `_proof.${String(domainName)}.`, resourceRecordType: "CNAME" },
        resourceRecordValue: "_proof.acm-validations.aws.",
      },
    ],
  }),
  "aws:ec2/instance:Instance": (id) => ({ privateIp: "10.0.32.10", privateDns: `${id}.ec2.internal` }),
  "aws:iam/policyDocument:PolicyDocument": () => ({ json: "{}" }),
  "aws:msk/cluster:Cluster": (id) => ({
    bootstrapBrokersSaslIam: [1, 2, 3].map((n) => `b-${n}.${id}.kafka.${REGION}.amazonaws.com:9098`).join(),
    bootstrapBrokersSaslScram: [1, 2, 3].map((n) => `b-${n}.${id}.kafka.${REGION}.amazonaws.com:9096`).join(),
    bootstrapBrokersTls: [1, 2, 3].map((n) => `b-${n}.${id}.kafka.${REGION}.amazonaws.com:9094`).join(),
    clusterUuid: "0b7c3f0e-0000-4000-8000-000000000000-1",
  }),
  "aws:rds/instance:Instance": (id, { manageMasterUserPassword }) => ({
    address: `${id}.cluster.${REGION}.rds.amazonaws.com`,
    endpoint: `${id}.cluster.${REGION}.rds.amazonaws.com:5432`,
    port: 5432,
    masterUserSecrets: manageMasterUserPassword === true ? [{ secretArn: arn("secretsmanager", id) }] : [],
  }),
  "aws:secretsmanager/secretVersion:SecretVersion": (_id, { secretString }) => ({
    versionId: digest(JSON.stringify(secretString)),
  }),
  "aws:sesv2/emailIdentity:EmailIdentity": () => ({
    dkimSigningAttributes: {
      tokens: ["t1", "t2", "t3"],
      status: "PENDING",
      signingKeyLength: "RSA_2048_BIT",
    },
  }),
  "aws:sqs/queue:Queue": (id) => ({ url: `https://sqs.${REGION}.amazonaws.com/${ACCOUNT}/${id}` }),
};
/** Types that are called by their ARN, or by another property, instead of a name. */
const ID_PROPERTIES: Readonly<Record<string, string>> = {
  "aws:acm/certificate:Certificate": "arn",
  "aws:codedeploy/deploymentGroup:DeploymentGroup": "arn",
  "aws:iam/policy:Policy": "arn",
  "aws:lambda/alias:Alias": "arn",
  "aws:lb/listener:Listener": "arn",
  "aws:lb/loadBalancer:LoadBalancer": "arn",
  "aws:lb/targetGroup:TargetGroup": "arn",
  "aws:msk/cluster:Cluster": "arn",
  "aws:msk/configuration:Configuration": "arn",
  "aws:secretsmanager/secret:Secret": "arn",
  "aws:sns/topic:Topic": "arn",
  "aws:sqs/queue:Queue": "url",
};

/**
 * What AWS could answer for a new resource: the same for the same inputs. A value is a guess of the right type; only
 * ids, ARNs and endpoints look like AWS's own.
 * @param name - the resource's logical name, for types that have none of their own
 */
export function awsOutputs(
  token: string,
  type: SdkType,
  name: string,
  inputs: Properties,
): { readonly id: string; readonly state: Properties } {
  const [, service = "", kind = ""] = /^aws:(\w+)\/(\w+):/.exec(token) ?? [];
  const ownName = NAMES.map((property) => inputs[property]).find((value) => typeof value === "string");
  const shortId = ownName ?? `${kind}-${digest(token, name)}`;
  const guessed = Object.fromEntries(
    [...type.outputs].map(([property, output]) => {
      const value = output === "text" ? textOf(property, service, kind, shortId) : GUESSES[output];
      return [property, value] as const;
    }),
  );
  const state = {
    ...guessed,
    ...(type.inputs.has("tags") ? { tagsAll: inputs["tags"] ?? {} } : {}),
    ...COMPUTED[token]?.(shortId, inputs),
    ...inputs,
  };
  const id = (state as Properties)[ID_PROPERTIES[token] ?? ""] ?? shortId;
  return { id: id as string, state };
}

const GUESSES = { number: 1, flag: false, list: [], object: {}, absent: undefined } as const;

function textOf(property: string, service: string, kind: string, id: string): string {
  if (property === "region") return REGION;
  if (/arn$/i.test(property)) return arn(service, `${kind}/${id}`);
  if (/accountId|ownerId/.test(property)) return ACCOUNT;
  return `${id}-${property}`;
}

function arn(service: string, resource: string): string {
  return `arn:aws:${service}:${REGION}:${ACCOUNT}:${resource}`;
}

function digest(...parts: readonly string[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 17);
}
