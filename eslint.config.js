import tseslint from "typescript-eslint";

const onlyIn = (message, selector) => ({ selector, message });

const envSelector = onlyIn(
  "process.env is read in environment.ts and function-environment.ts only",
  "MemberExpression[object.name='process'][property.name='env']",
);
const configSelector = onlyIn(
  "pulumi.Config is read in stacks/config only",
  "NewExpression[callee.property.name='Config'][callee.object.name='pulumi']",
);
const applySelector = onlyIn(
  "await Outputs through test/support/outputs.ts: an expectation inside apply is lost",
  "CallExpression[callee.property.name='apply']",
);

export default tseslint.config(
  { ignores: ["dist/", "coverage/", ".millwright/", "node_modules/", "**/*.js", "**/*.cjs"] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/restrict-template-expressions": [
        "error",
        { allowNumber: true, allowBoolean: true },
      ],
      "@typescript-eslint/no-confusing-void-expression": "off",
      "@typescript-eslint/only-throw-error": "error",
      "no-restricted-syntax": ["error", envSelector, configSelector],
    },
  },
  {
    files: ["environment.ts", "function-environment.ts"],
    rules: { "no-restricted-syntax": ["error", configSelector] },
  },
  { files: ["stacks/config/**"], rules: { "no-restricted-syntax": ["error", envSelector] } },
  {
    files: ["test/**", "bench/**"],
    rules: {
      "no-restricted-syntax": ["error", configSelector, applySelector],
      "@typescript-eslint/no-unused-expressions": "off",
      "@typescript-eslint/no-non-null-assertion": "off",
      // answers of the API are looked into as they come; a test fails where it meets another shape
      "@typescript-eslint/no-unsafe-argument": "off",
      "@typescript-eslint/no-unsafe-assignment": "off",
      "@typescript-eslint/no-unsafe-call": "off",
      "@typescript-eslint/no-unsafe-member-access": "off",
      "@typescript-eslint/no-unsafe-return": "off",
    },
  },
  { files: ["test/support/outputs.ts"], rules: { "no-restricted-syntax": ["error", configSelector] } },
);
