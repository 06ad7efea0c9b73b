import Mustache from "mustache";

/** What a template may name; each is text. */
export const TEMPLATE_VARIABLES = [
  "tenant",
  "event",
  "state",
  "severity",
  "rule",
  "ruleName",
  "machineId",
  "metric",
  "value",
  "raisedAt",
  "alertId",
] as const;
export type TemplateView = Readonly<Record<(typeof TEMPLATE_VARIABLES)[number], string>>;

/** How a value is written into a text of its kind; a template's own words are its author's and stay as they are. */
export const ESCAPES = {
  text: (value: string) => value,
  html: (value: string) => Mustache.escape(value),
  /** The three characters with which Slack's markup begins links and mentions. */
  slack: (value: string) => value.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;"),
} as const;
export type Escape = (value: string) => string;

// No cache: the library's grows with every template that was ever used.
const writer = Object.assign(new Mustache.Writer(), { templateCache: undefined });

/** What is wrong with a mustache template, in words for its author; undefined when nothing is. */
export function templateProblem(template: string): string | undefined {
  try {
    return problemOf(writer.parse(template) as Token[]);
  } catch (error) {
    return `is no mustache template: ${(error as Error).message}`;
  }
}

export function renderTemplate(template: string, view: TemplateView, escape: Escape): string {
  return writer.render(template, view, undefined, { escape: (value: unknown) => escape(String(value)) });
}

/** `[type, value, start, end, tokens of a section]`; the types are listed in mustache's manual. */
type Token = readonly [type: string, value: string, start: number, end: number, inner?: readonly Token[]];

function problemOf(tokens: readonly Token[]): string | undefined {
  for (const [type, value, , , inner] of tokens) {
    const problem = tokenProblem(type, value) ?? (Array.isArray(inner) ? problemOf(inner) : undefined);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function tokenProblem(type: string, value: string): string | undefined {
  if (type === "text" || type === "!") return undefined;
  if (type === "&") return `must not switch off escaping, as for '${value}'`;
  if (type === ">" || type === "=") return "must hold variables and sections only";
  const isKnown = (TEMPLATE_VARIABLES as readonly string[]).includes(value);
  return isKnown ? undefined : `names '${value}'; there are ${TEMPLATE_VARIABLES.join(", ")}`;
}
