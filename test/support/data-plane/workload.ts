import type { WireReading } from "../../../model/reading.ts";
import type { SentReading, SentRule } from "../../checker/journal.ts";
import { TAG_OF } from "../../checker/stored.ts";
import { draftsOf, type Call, type Draft } from "./call.ts";
import { PARTITIONS, type PlaneTenant } from "./plane.ts";

/** What every tenant of a run is alerted about: rules of every kind. */
export function rulesOf({ tenant }: PlaneTenant, machines: readonly string[]): SentRule[] {
  const of = (type: string, metric?: string) => {
    return { kind: "rule" as const, tenant, type, ...(metric === undefined ? {} : { metric }) };
  };
  const temperature = of("machine", "temperature_c");
  const delays = { onDelayMs: 0, offDelayMs: 0 };
  const threshold = { ...delays, kind: "threshold" as const, deadBand: 0 };
  const rate = { ...threshold, kind: "rate" as const, windowMs: 1_000 };
  const state = { ...delays, kind: "state" as const };
  const expression = { ...delays, kind: "expression" as const };
  const silence = { ...delays, kind: "no-data" as const, onDelayMs: 1_000 };
  return [
    { ...temperature, id: "hot", condition: { ...threshold, op: ">", limit: 80, deadBand: 2 } },
    {
      ...{ ...temperature, id: "long-warm" },
      condition: { ...threshold, op: ">=", limit: 75, onDelayMs: 900, offDelayMs: 400 },
    },
    {
      ...{ ...temperature, id: "cold", machines },
      condition: { ...threshold, op: "<", limit: 65, deadBand: 1, offDelayMs: 700 },
    },
    {
      ...of("energy", "voltage"),
      id: "voltage",
      condition: { ...threshold, op: "<=", limit: 210, deadBand: 3 },
    },
    {
      ...{ ...of("air-quality", "co2_ppm"), id: "air" },
      condition: { ...threshold, op: ">", limit: 1000, onDelayMs: 300 },
    },
    { ...temperature, id: "heats", condition: { ...rate, op: ">", limit: 15, deadBand: 5 } },
    {
      ...{ ...of("machine", "cycle_count"), id: "stalls" },
      condition: { ...rate, op: "<", limit: 4, deadBand: 1, offDelayMs: 300 },
    },
    { ...of("machine", "state"), id: "idle", condition: { ...state, equals: "idle" } },
    { ...of("machine", "state"), id: "offline", condition: { ...state, equals: "offline", onDelayMs: 500 } },
    {
      ...{ ...of("machine"), id: "wasteful" },
      condition: { ...expression, expression: "temperature_c > 75 && state == 'idle' && power_watts >= 500" },
    },
    {
      ...{ ...of("machine"), id: "strained" },
      condition: { ...expression, expression: "power_watts > 700 && temperature_c > 70", offDelayMs: 600 },
    },
    { ...of("machine"), id: "silent", machines, condition: silence },
    { ...of("scan"), id: "mute", condition: silence },
  ];
}

/** Of each of the metrics below. */
const IMPOSSIBLE = 1e9;
const METRIC_OF: Readonly<Record<string, readonly [name: string, low: number, high: number]>> = {
  machine: ["temperature_c", 60, 100],
  energy: ["voltage", 200, 240],
  "air-quality": ["co2_ppm", 400, 2000],
};

const STATES = ["running", "idle", "offline"] as const;
/** Of readings: scans are rare, so their machines are silent for long now and then. */
const SCAN_SHARE = 0.004;

interface Machine {
  readonly machineId: string;
  readonly type: WireReading["type"];
  timeMs: number;
  /** Hot or cold phases: values that only waver would never outlast a delay. */
  isHigh: boolean;
  state: (typeof STATES)[number];
  cycleCount: number;
}

/**
 * What one connection sends, call by call: single readings and many, of several machines and types, in order and late,
 * with clocks that are wrong, with batch ids that repeat or are used for another body, and poison of several sorts.
 */
export class Workload {
  readonly #random: () => number;
  readonly #connection: string;
  readonly #machines: readonly Machine[];
  #tagCount = 0;
  #callCount = 0;

  constructor(random: () => number, connection: string, nowMs: number) {
    this.#random = random;
    this.#connection = connection;
    const types = ["machine", "machine", "machine", "energy", "air-quality", "scan"] as const;
    this.#machines = types.map((type, index) => ({
      type,
      machineId: `${connection}-m${index === 2 ? 1 : index}`, // two of them are one machine with two sensors
      // an hour late, or up to five minutes ahead of us
      timeMs: nowMs - Math.floor(this.#random() * 3_600_000) + 300_000,
      isHigh: false,
      state: "running",
      cycleCount: 0,
    }));
  }

  nextCall(): Call {
    this.#callCount += 1;
    const kind = this.#random();
    if (kind < 0.04) return { drafts: [this.#undecodable()], isRepeated: false };
    const isBatch = this.#random() < 0.6;
    const count = kind < 0.7 ? 1 : 2 + Math.floor(this.#random() * 49);
    const readings = Array.from({ length: count }, () => this.#reading());
    if (kind > 0.94) this.#spoil(readings);
    const source = this.#random() < 0.08 ? "import" : "live";
    const drafts = draftsOf(readings, source, isBatch ? this.#batchId() : undefined);
    return { drafts, isRepeated: isBatch && this.#random() < 0.15 };
  }

  /** The same batch id with another body of the same machine: a client's mistake that must add nothing. */
  nextReuse(of: Call): Call | undefined {
    const [draft] = of.drafts;
    if (draft?.batch === undefined || of.drafts.length !== 1 || this.#random() > 0.1) return undefined;
    const machineId = draft.readings[0]?.machineId;
    const machine = this.#machines.find((one) => one.machineId === machineId);
    if (machine === undefined) return undefined;
    return { drafts: draftsOf([this.#reading(machine)], "live", draft.batch.id), isRepeated: false };
  }

  #batchId(): string {
    return `${this.#connection}-b${this.#callCount}`;
  }

  #anyMachine(): Machine {
    const scanner = this.#machines.length - 1;
    const index = this.#random() < SCAN_SHARE ? scanner : Math.floor(this.#random() * scanner);
    return this.#machines[index]!;
  }

  #reading(machine = this.#anyMachine()): SentReading {
    const { type, machineId } = machine;
    machine.timeMs += [0, 100, 200, 500][Math.floor(this.#random() * 4)]!;
    const isLate = this.#random() < 0.07;
    const tag = `${this.#connection}-r${++this.#tagCount}`;
    return {
      ...{ ordinal: 0, type, machineId, tag },
      ...(this.#random() < 0.5 ? { siteId: "site-1" } : {}),
      ts: new Date(machine.timeMs - (isLate ? 1 + Math.floor(this.#random() * 10_000) : 0)).toISOString(),
      ...this.#doubted(machine, { [TAG_OF[type]!]: tag, ...this.#valueOf(machine) }),
    };
  }

  /** Some values are doubted by their device, and some are impossible: these are stored, and ring no bell. */
  #doubted({ type }: Machine, values: SentReading["values"]): Pick<SentReading, "values" | "quality"> {
    const metric = METRIC_OF[type]?.[0];
    const kind = this.#random();
    if (metric === undefined || kind > 0.09) return { values };
    if (kind > 0.06) return { values, quality: { [metric]: "uncertain" } };
    if (kind > 0.03) return { values, quality: { [metric]: "bad" } };
    return { values: { ...values, [metric]: IMPOSSIBLE }, quality: { [metric]: "implausible" } };
  }

  #valueOf(machine: Machine): Record<string, number | string> {
    const metric = METRIC_OF[machine.type];
    if (metric === undefined) return {};
    const [name, low, high] = metric;
    if (this.#random() < 0.2) machine.isHigh = !machine.isHigh;
    const isNoise = this.#random() < 0.1;
    const half = machine.isHigh === isNoise ? 0 : 0.5;
    const value = Math.round((low + (high - low) * (half + this.#random() / 2)) * 10) / 10;
    return { [name]: value, ...(machine.type === "machine" ? this.#restOf(machine) : {}) };
  }

  /** Not with every reading: what an expression looks at may be older than the reading. */
  #restOf(machine: Machine): Record<string, number | string> {
    if (this.#random() < 0.2) machine.state = STATES[Math.floor(this.#random() * STATES.length)]!;
    machine.cycleCount = this.#random() < 0.05 ? 0 : machine.cycleCount + Math.floor(this.#random() * 4);
    return {
      ...(this.#random() < 0.7 ? { state: machine.state } : {}),
      ...(this.#random() < 0.5 ? { power_watts: Math.floor(this.#random() * 1_000) } : {}),
      ...(this.#random() < 0.8 ? { cycle_count: machine.cycleCount } : {}),
    };
  }

  /** Makes one reading, in any place, one that cannot be stored; the others must not suffer. */
  #spoil(readings: SentReading[]): void {
    const index = Math.floor(this.#random() * readings.length);
    const reading = readings[index]!;
    const tag = { [TAG_OF[reading.type]!]: reading.tag };
    const invalid = (values: SentReading["values"]) => ({ ...reading, values, refusal: "reading-invalid" });
    const outOfTime = (ts: string) => ({ ...reading, ts, refusal: "time-out-of-range" });
    const spoilt = [
      () => invalid({ ...tag, temperature_c: "hot" }),
      () => invalid({ ...tag, no_such_metric: 1 }),
      () => ({ ...reading, machineId: "no spaces, please", refusal: "reading-invalid" }),
      () => outOfTime("1970-01-01T00:00:00.000Z"),
      () => outOfTime(new Date(Date.now() + 86_400_000).toISOString()),
    ];
    readings[index] = spoilt[Math.floor(this.#random() * spoilt.length)]!();
  }

  #undecodable(): Draft {
    const values = [Buffer.from('[{"type":"mach'), Buffer.from([0xff, 0xfe, 0x00, 0x01]), Buffer.alloc(0)];
    const value = values[Math.floor(this.#random() * values.length)]!;
    return {
      partition: Math.floor(this.#random() * PARTITIONS),
      ...{ source: "live", value: value.toString("base64"), readings: [], refusal: "record-undecodable" },
    };
  }
}
