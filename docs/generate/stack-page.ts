import type { StackResource } from "./stack-graph.ts";

/** What the engine writes in a state where a value is secret. */
const SECRET = "4dabf18193072939515e22adb298388d";
const SHOWN_DEPTH = 2;

/**
 * The page of a stack: its picture, how many resources it has, its outputs with the values that a test saw.
 * @param title - "The platform on AWS, production"; the picture lies beside the page, as NAME.svg
 */
export function stackPage(name: string, title: string, resources: readonly StackResource[]): string {
  const made = resources.filter(({ custom, type }) => custom && !type.startsWith("pulumi:"));
  const protectedCount = made.filter(({ protect }) => protect).length;
  const outputs = resources.find(({ type }) => type === "pulumi:pulumi:Stack")?.outputs ?? {};
  return [
    `# ${title}`,
    "",
    "Made by `npm run docs` from a run of the stack; its values are those of the plugin that stands in for AWS.",
    "",
    `![The stack's components, what each of them makes, and what needs what](${name}.svg)`,
    "",
    `${made.length} resources, ${protectedCount} of them protected (shaded). An arrow leads from what gives to what needs it.`,
    "",
    "| Output | For example |",
    "| --- | --- |",
    ...rowsOf(outputs, "", 1).map(([output, value]) => `| \`${output}\` | ${value} |`),
    "",
  ].join("\n");
}

function rowsOf(values: object, prefix: string, depth: number): readonly (readonly [string, string])[] {
  return Object.entries(values)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([key, value]: [string, unknown]) => {
      const output = prefix + key;
      if (typeof value !== "object" || value === null || Array.isArray(value))
        return [[output, `\`${[value].flat().join(", ")}\``] as const];
      if (SECRET in value) return [[output, "(secret)"] as const];
      if (depth === SHOWN_DEPTH)
        return [[output, `with ${Object.keys(value).toSorted().join(", ")}`] as const];
      return rowsOf(value, `${output}.`, depth + 1);
    });
}
