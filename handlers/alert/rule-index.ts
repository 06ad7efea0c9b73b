import type { ReadingType } from "../../model/reading.ts";
import type { RuleInForce } from "../../model/rule.ts";

/** Rules over one set of machines: those that a metric decides, and those that look at the whole reading. */
interface RuleGroup {
  readonly byMetric: Map<string, RuleInForce[]>;
  readonly others: RuleInForce[];
}

/**
 * A tenant's rules by type, machine and metric: a reading meets those that concern it and no others. It is made anew
 * when the rules change, which is rare.
 */
export class RuleIndex {
  readonly #byId: ReadonlyMap<string, RuleInForce>;
  readonly #ofEveryMachine = new Map<ReadingType, RuleGroup>();
  readonly #ofMachine = new Map<ReadingType, Map<string, RuleGroup>>();
  readonly #dependents = new Map<string, RuleInForce[]>();
  readonly #expressionMetrics = new Map<ReadingType, Set<string>>();
  readonly #machinesOutOfService: ReadonlySet<string>;

  constructor(rules: readonly RuleInForce[], machinesOutOfService: ReadonlySet<string>) {
    this.#byId = new Map(rules.map((rule) => [rule.id, rule]));
    this.#machinesOutOfService = machinesOutOfService;
    for (const rule of rules) {
      for (const group of this.#groupsFor(rule)) addTo(group, rule);
      for (const suppressor of rule.suppressedBy) entry(this.#dependents, suppressor, () => []).push(rule);
      const metrics = entry(this.#expressionMetrics, rule.type, () => new Set<string>());
      for (const name of rule.expression?.names ?? []) metrics.add(name);
    }
  }

  get isEmpty(): boolean {
    return this.#byId.size === 0;
  }

  get(id: string): RuleInForce | undefined {
    return this.#byId.get(id);
  }

  concerns(type: ReadingType, machineId: string): boolean {
    return this.#ofEveryMachine.has(type) || this.#ofMachine.get(type)?.has(machineId) === true;
  }

  /** The rules that a reading with these metrics meets, each once. */
  forReading(
    type: ReadingType,
    machineId: string,
    values: Readonly<Record<string, unknown>>,
    visit: (rule: RuleInForce) => void,
  ): void {
    for (const group of [this.#ofEveryMachine.get(type), this.#ofMachine.get(type)?.get(machineId)]) {
      if (group === undefined) continue;
      for (const metric in values) for (const rule of group.byMetric.get(metric) ?? []) visit(rule);
      for (const rule of group.others) {
        if (rule.expression === undefined || rule.expression.names.some((name) => name in values))
          visit(rule);
      }
    }
  }

  /** Rules that an alert of this one suppresses. */
  dependentsOf(id: string): readonly RuleInForce[] {
    return this.#dependents.get(id) ?? [];
  }

  /** Metrics whose latest value some expression needs. */
  expressionMetrics(type: ReadingType): ReadonlySet<string> {
    return this.#expressionMetrics.get(type) ?? new Set();
  }

  isOutOfService(rule: RuleInForce, machineId: string): boolean {
    return rule.isOutOfService || this.#machinesOutOfService.has(machineId);
  }

  #groupsFor({ type, machines }: RuleInForce): RuleGroup[] {
    if (machines === undefined) return [entry(this.#ofEveryMachine, type, newGroup)];
    const ofType = entry(this.#ofMachine, type, () => new Map<string, RuleGroup>());
    return [...machines].map((machineId) => entry(ofType, machineId, newGroup));
  }
}

function addTo({ byMetric, others }: RuleGroup, rule: RuleInForce): void {
  if (rule.metric === undefined) others.push(rule);
  else entry(byMetric, rule.metric, () => []).push(rule);
}

function newGroup(): RuleGroup {
  return { byMetric: new Map(), others: [] };
}

function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}
