import { environmentBudget, tenantBudget } from "./budgets.ts";
import { dedicatedTenantLimit } from "./dedicated-tenant-limit.ts";
import { policyExceptions } from "./exceptions.ts";
import { logRetention } from "./log-retention.ts";
import { natCount } from "./nat-count.ts";
import { noPublicExposure } from "./no-public-exposure.ts";
import { requiredTags } from "./required-tags.ts";
import type { LimitRule, Rule, StackRule } from "./rule.ts";
import { serverSizes } from "./server-sizes.ts";
import { volumeSizes } from "./volume-sizes.ts";

/** All rules of the pack: a new one stands in one of these lists, and nowhere else. */
export const RULES: readonly Rule[] = [dedicatedTenantLimit, requiredTags, noPublicExposure];

export const LIMIT_RULES: readonly LimitRule[] = [serverSizes, volumeSizes, logRetention];

const JUDGING: readonly StackRule[] = [natCount, tenantBudget, environmentBudget];
const exceptable = [...LIMIT_RULES, ...JUDGING.filter(({ isExceptable }) => isExceptable)];
export const STACK_RULES: readonly StackRule[] = [
  ...JUDGING,
  policyExceptions(new Set(exceptable.map(({ name }) => name))),
];
