import type { ResourceType } from "../../../providers/plugin.ts";
import { postgresqlPlugin } from "../../../providers/postgresql/plugin.ts";
import { serve } from "../../../providers/serve.ts";

/**
 * `pulumi-resource-postgresql` of the tests of AWS, whose servers are imagined: takes what the real one takes, and makes
 * nothing. What roles and schemas do is seen where there is a server (test/stacks/local-stacks.test.ts).
 */
const imagined = (real: ResourceType<never>): ResourceType<undefined> => ({
  properties: real.properties,
  create: (_, inputs) =>
    Promise.resolve({ id: JSON.stringify(inputs["name"] ?? inputs["role"]), state: inputs }),
  read: (_, state) => Promise.resolve(state),
  ...(real.update === undefined ? {} : { update: (_, _state, inputs) => Promise.resolve(inputs) }),
  delete: () => Promise.resolve(),
});

const { name, version, settings, types } = postgresqlPlugin;
serve({
  ...{ name, version, settings },
  configure: () => undefined,
  types: Object.fromEntries(Object.entries(types).map(([token, type]) => [token, imagined(type)])),
  close: () => Promise.resolve(),
});
