/** A resource as the engine keeps it in a stack's state. */
export interface StackResource {
  readonly urn: string;
  readonly id?: string;
  readonly type: string;
  /** false: a component */
  readonly custom: boolean;
  readonly parent?: string;
  readonly protect?: boolean;
  readonly dependencies?: readonly string[];
  readonly outputs?: Readonly<Record<string, unknown>>;
  readonly inputs?: Readonly<Record<string, unknown>>;
}

/** A component with the resources that it makes itself, counted by type. */
interface Box {
  readonly urn: string;
  readonly title: string;
  readonly parent: string | undefined;
  readonly resources: readonly StackResource[];
}

const STACK = "pulumi:pulumi:Stack";
const ENGINES_OWN = /^pulumi:/;

/**
 * The picture of a stack in Graphviz's language: each component is a box with its resources by type, within the component
 * that makes it; an arrow leads from what gives to what needs it, left out where others lead there. Protected ones are shaded.
 */
export function stackGraph(resources: readonly StackResource[]): string {
  const boxes = boxesOf(resources);
  const roots = boxes.filter(({ parent }) => parent === undefined);
  return [
    "digraph stack {",
    // Verdana is the widest of what a reader may have: text never leaves its box.
    'rankdir=LR; ranksep=0.6; nodesep=0.15; fontname="Verdana"; fontsize=11;',
    'node [shape=plain, fontname="Verdana", fontsize=10]; edge [color="#8a94a6", arrowsize=0.6];',
    ...roots.flatMap((root) => drawn(root, boxes)),
    ...arrowsOf(resources, boxes).map(([from, to]) => `${quoted(from)} -> ${quoted(to)};`),
    "}",
  ].join("\n");
}

function boxesOf(resources: readonly StackResource[]): readonly Box[] {
  const components = resources.filter(({ custom }) => !custom).toSorted(byUrn);
  const stack = components.find(({ type }) => type === STACK)?.urn;
  return components.map(({ urn, type, parent }) => ({
    urn,
    title: type === STACK ? "the stack itself" : `${urn.split("::").at(-1)} · ${type.split(":").at(-1)}`,
    parent: parent === stack ? undefined : parent,
    resources: resources.filter((one) => one.custom && one.parent === urn && !ENGINES_OWN.test(one.type)),
  }));
}

function drawn(box: Box, boxes: readonly Box[]): readonly string[] {
  const inner = boxes.filter(({ parent }) => parent === box.urn);
  const own = box.resources.length > 0 ? [`${quoted(box.urn)} [label=<${table(box)}>];`] : [];
  if (inner.length === 0) return own;
  return [
    `subgraph ${quoted(`cluster ${box.urn}`)} {`,
    `label=${quoted(box.title)}; color="#b8c0cc"; style=rounded;`,
    ...own,
    ...inner.flatMap((one) => drawn(one, boxes)),
    "}",
  ];
}

function table({ title, resources }: Box): string {
  const rows = [...Map.groupBy(resources, ({ type }) => type)]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([type, ofType]) => {
      const shade = ofType.some(({ protect }) => protect) ? ' bgcolor="#ffe8b3"' : "";
      const times = ofType.length > 1 ? ` × ${ofType.length}` : "";
      return `<tr><td align="left"${shade}>${shortType(type)}${times}</td></tr>`;
    });
  return [
    '<table border="1" color="#5b6b82" cellborder="0" cellspacing="0" cellpadding="2" bgcolor="white">',
    `<tr><td bgcolor="#e6ecf5"><b>${title}</b></td></tr>`,
    ...rows,
    "</table>",
  ].join("");
}

/** `aws:ec2/subnet:Subnet` is written `ec2.Subnet`, one of another package with the package's name. */
function shortType(type: string): string {
  const [pack, module = "", name = ""] = type.split(":");
  const prefix = pack === "aws" ? module.split("/")[0] : pack;
  return `${prefix}.${name}`;
}

function arrowsOf(
  resources: readonly StackResource[],
  boxes: readonly Box[],
): readonly (readonly [from: string, to: string])[] {
  const boxOf = new Map(boxes.flatMap(({ urn, resources: own }) => own.map((one) => [one.urn, urn])));
  const givers = new Map<string, Set<string>>();
  for (const { urn, dependencies = [] } of resources) {
    const to = boxOf.get(urn);
    if (to === undefined) continue;
    for (const dependency of dependencies) {
      const from = boxOf.get(dependency);
      if (from === undefined || from === to) continue;
      givers.set(to, (givers.get(to) ?? new Set()).add(from));
    }
  }
  const arrows = [...givers].flatMap(([to, from]) => [...from].map((one) => [one, to] as const));
  const isLong = ([from, to]: readonly [string, string]) =>
    [...(givers.get(to) ?? [])].some((middle) => middle !== from && reaches(from, middle, to, givers));
  return arrows.filter((arrow) => !isLong(arrow)).toSorted(byText);
}

/** Whether one comes from `from` to `goal` without passing `avoiding`, going by what is given. */
function reaches(
  from: string,
  goal: string,
  avoiding: string,
  givers: ReadonlyMap<string, ReadonlySet<string>>,
): boolean {
  const seen = new Set([goal, avoiding]);
  const open = [goal];
  for (let box = open.pop(); box !== undefined; box = open.pop()) {
    if (box === from) return true;
    for (const giver of givers.get(box) ?? []) {
      if (!seen.has(giver)) open.push(giver);
      seen.add(giver);
    }
  }
  return false;
}

const byUrn = (a: StackResource, b: StackResource) => (a.urn < b.urn ? -1 : 1);
const byText = (a: readonly string[], b: readonly string[]) => (a.join(" ") < b.join(" ") ? -1 : 1);
const quoted = (text: string) => JSON.stringify(text);
