import * as pulumi from "@pulumi/pulumi";
import { POLICY_FACTS_TYPE, type PolicyFacts as Facts } from "../model/policy/facts.ts";

/** Makes nothing: its inputs tell the policy pack what a plan does not hold. Each stack on AWS has one. */
export class PolicyFacts extends pulumi.ComponentResource {
  constructor(name: string, facts: Facts, opts?: pulumi.ComponentResourceOptions) {
    super(POLICY_FACTS_TYPE, name, facts, opts);
    this.registerOutputs({});
  }
}
