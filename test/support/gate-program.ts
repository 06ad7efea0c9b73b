import { Config, CustomResource, ProviderResource, type Inputs } from "@pulumi/pulumi";
import { PolicyFacts } from "../../components/policy-facts.ts";
import type { PolicyFacts as Facts } from "../../model/policy/facts.ts";

interface Asked {
  readonly type: string;
  readonly name: string;
  readonly props: Readonly<Record<string, unknown>>;
}

/** Stands in `resources` for what is known only when something is made. */
export const LATER = "known-later";

/** A stack of AWS as the config says: `facts` (left out: it says none), and `resources`, both JSON. */
export const program = () => {
  const config = new Config();
  const facts = config.get("facts");
  if (facts !== undefined) new PolicyFacts("policy-facts", JSON.parse(facts) as Facts);
  const tags = { tenant: "acme", environment: "production", costCenter: "platform" };
  const provider = new Aws("aws", "aws", {
    region: "us-east-1",
    defaultTags: JSON.stringify({ tags }),
  });
  const key = new Resource("aws:kms/key:Key", "key", {}, { provider });
  for (const { type, name, props } of JSON.parse(config.require("resources")) as readonly Asked[]) {
    const given = Object.entries(props).map(([prop, value]) => [prop, value === LATER ? key.id : value]);
    new Resource(type, name, Object.fromEntries(given) as Inputs, { provider });
  }
  return Promise.resolve({});
};

class Aws extends ProviderResource {}
class Resource extends CustomResource {}
