/** Import directions: model <- data <- handlers; model <- components <- stacks; automation on top. */
const forbid = (name, from, to, comment) => ({ name, severity: "error", comment, from, to });
const NPM = (pattern) => ({ path: `node_modules/${pattern}` });

module.exports = {
  forbidden: [
    forbid(
      "no-cycles",
      {},
      { circular: true },
      "two files that need each other are one file, or hide a third",
    ),
    forbid(
      "model-is-pure",
      { path: "^model/" },
      { pathNot: ["^model/", "node_modules/(zod|luxon|mustache|jsep)/"] },
      "no I/O, no clock, no driver",
    ),
    forbid(
      "data-below-handlers",
      { path: "^data/" },
      { path: "^(handlers|components|stacks|automation|providers|policy|test|bench)/" },
    ),
    forbid(
      "handlers-below-automation",
      { path: "^handlers/" },
      { path: "^(components|stacks|automation|providers|policy|test|bench)/" },
    ),
    forbid(
      "components-know-model-only",
      { path: "^components/" },
      { path: "^(data|handlers|stacks|automation|policy|test|bench)/" },
    ),
    forbid(
      "stacks-know-components",
      { path: "^stacks/" },
      { path: "^(data|handlers|automation|policy|test|bench)/" },
    ),
    forbid(
      "policy-knows-model-only",
      { path: "^policy/" },
      { path: "^(data|handlers|components|stacks|automation|providers|test|bench)/" },
    ),
    forbid(
      "providers",
      { path: "^providers/" },
      {
        path: "^(handlers|components|stacks|automation|policy|test|bench|data/(?!postgres-cluster|pool|scram))",
      },
    ),
    forbid(
      "automation-runs-processes-not-entries",
      { path: "^automation/" },
      { path: "^handlers/[^/]+/handler\\.ts$" },
    ),
    forbid(
      "programs-run-in-the-child",
      { path: "^automation/", pathNot: "^automation/engine/child" },
      { path: "^(stacks|components|providers)/", pathNot: "^components/aws/names\\.ts$" },
      "the service loads no @pulumi/* (150 MB); how things are called on AWS needs none",
    ),
    forbid("no-pulumi-in-the-data-plane", { path: "^(model|data|handlers)/" }, NPM("@pulumi/")),
    forbid(
      "automation-api-in-engine",
      { pathNot: "^(automation/engine/|test/|bench/)" },
      NPM("@pulumi/pulumi/automation"),
    ),
    forbid("express-in-http", { pathNot: "^(automation/http/|test/)" }, NPM("express/")),
    forbid(
      "pg-in-data",
      { pathNot: "^(data|providers|test|bench)/" },
      { ...NPM("pg/"), dependencyTypesNot: ["type-only"] },
    ),
    forbid(
      "checker-shares-no-code",
      { path: "^test/checker/", pathNot: "\\.test\\.ts$" },
      { pathNot: ["^test/checker/", "node_modules/(pg|kafkajs)/"], dependencyTypesNot: ["core"] },
      "what judges the handlers must not repeat their mistakes",
    ),
    forbid("nothing-imports-tests", { pathNot: "^(test|bench)/" }, { path: "^(test|bench)/" }),
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^(dist|coverage|\\.millwright)/" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "require", "node", "default", "types"],
    },
  },
};
