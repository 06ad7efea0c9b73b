import { setImmediate } from "node:timers/promises";
import { expect } from "chai";
import fc from "fast-check";
import {
  historiesFor,
  MachineHistories,
  type HistoryOf,
  type Loaded,
  type LoadHistories,
} from "../../../data/catalog/machine-histories.ts";
import { TenantRows } from "../../../data/cell/reading-rows.ts";
import type { LogRecord } from "../../../data/event-log/event-log.ts";
import { RunDecoder } from "../../../handlers/ingest/decode.ts";
import { CHANGE_DELAY_MS, type Period } from "../../../model/machine-history.ts";
import { tenantId } from "../../../model/tenant.ts";
import { logRecord, machineReading } from "../../support/log-records.ts";
import { seed } from "../../support/seed.ts";

const tenant = tenantId.parse("acme");
const [READER_COUNT, START_MS] = [3, Date.UTC(2026, 10, 21, 10)];
const MACHINES = ["m-1", "m-2"];

type Act =
  | { readonly kind: "policy"; readonly refuse: boolean }
  | { readonly kind: "register" | "remove" | "record"; readonly machineId: string }
  | { readonly kind: "wait"; readonly ms: number }
  /** A reader takes what is in the log. */
  | { readonly kind: "read"; readonly reader: number };

const machineId = fc.constantFrom(...MACHINES);
const act: fc.Arbitrary<Act> = fc.oneof(
  fc.record({ kind: fc.constant("policy" as const), refuse: fc.boolean() }),
  fc.record({ kind: fc.constantFrom("register" as const, "remove" as const), machineId }),
  fc.record({ kind: fc.constant("record" as const), machineId }),
  // about the delay, in one step or a few: copies are then at the end of what they know
  fc.record({ kind: fc.constant("wait" as const), ms: fc.constantFrom(1, 500, 2_000, 4_990, 5_000) }),
  fc.record({ kind: fc.constant("read" as const), reader: fc.nat({ max: READER_COUNT - 2 }) }),
);

describe(`readers of one log with copies of different age (seed ${seed})`, () => {
  it("decide alike about every record, and as the changes say", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 80, size: "max" }), async (acts) => {
        const { decisions, expected } = await play(acts, CHANGE_DELAY_MS);
        for (const ofReader of decisions) expect(ofReader).to.deep.equal(expected);
      }),
      { seed, numRuns: 500 },
    );
  });

  it("would not, were a change valid at once", async () => {
    const acts: Act[] = [
      { kind: "record", machineId: "m-1" },
      { kind: "read", reader: 0 },
      { kind: "policy", refuse: true },
      { kind: "record", machineId: "m-1" },
      { kind: "read", reader: 0 },
    ];
    const { decisions } = await play(acts, 0);
    expect(decisions[0]).to.deep.equal(["stored", "stored"]);
    expect(decisions[1]).to.deep.equal(["stored", "refused"]);
  });
});

describe("a copy of the machine histories", () => {
  const topics = [{ tenant, topic: "acme.readings.g1" }];
  const copyOf = (clock: { nowMs: number; loads: number }) =>
    new MachineHistories(() => {
      clock.loads += 1;
      return Promise.resolve({ atMs: clock.nowMs, changes: [] });
    });

  it("is read once for as long as it is new, and renewed before it ends without a wait", async () => {
    const clock = { nowMs: START_MS, loads: 0 };
    const copy = copyOf(clock);
    await copy.until(START_MS, topics);
    await copy.until(START_MS + 1_000, topics);
    expect(clock.loads).to.equal(1);
    await copy.until(START_MS + 1_001, topics);
    expect(clock.loads).to.equal(2);
  });

  it("still serves while the catalog is away, for as long as it is right", async () => {
    let isAway = false;
    const copy = new MachineHistories(() =>
      isAway ? Promise.reject(new Error("away")) : Promise.resolve({ atMs: START_MS, changes: [] }),
    );
    await copy.until(START_MS, topics);
    isAway = true;
    await copy.until(START_MS + CHANGE_DELAY_MS - 1, topics);
    const failure = await copy.until(START_MS + CHANGE_DELAY_MS, topics).catch(String);
    expect(failure).to.equal("Error: away");
  });

  it("is read again for a topic that it lacks, also while it is being read", async () => {
    const [hasBegun, mayEnd] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
    const asked: string[][] = [];
    const copy = new MachineHistories(async (known) => {
      asked.push(known.map(({ topic }) => topic));
      hasBegun.resolve(undefined);
      await mayEnd.promise;
      return { atMs: START_MS, changes: [] };
    });
    const first = copy.until(START_MS, topics);
    await hasBegun.promise;
    const others = [1, 2].map(() => copy.until(START_MS, [{ tenant, topic: "acme.readings.g2" }]));
    mayEnd.resolve(undefined);
    await Promise.all([first, ...others]);
    expect(asked).to.deep.equal([["acme.readings.g1"], ["acme.readings.g1", "acme.readings.g2"]]);
  });
});

/** Two readers that read when they are told to, and one that begins at the end. What has not been read is read then. */
async function play(acts: readonly Act[], delayMs: number) {
  let nowMs = START_MS;
  const catalog = new SimulatedCatalog();
  const log: LogRecord[] = [];
  const readers = Array.from(
    { length: READER_COUNT },
    () =>
      new Reader(async (known) => {
        const loaded = catalog.load(known, nowMs);
        await setImmediate(); // as over a network: who does not wait for it decides without it
        return loaded;
      }),
  );
  for (const one of acts) {
    if (one.kind === "wait") nowMs += one.ms;
    else if (one.kind === "record") {
      const value = [machineReading({ machineId: one.machineId, ts: new Date(START_MS).toISOString() })];
      log.push(logRecord(tenant, 0, log.length, value, { appendedAtMs: nowMs }));
    } else if (one.kind === "read") await readers[one.reader]?.read(log);
    else catalog.change(one, nowMs + delayMs);
    nowMs += 1;
  }
  for (const reader of readers) await reader.read(log);
  const expected = log.map(({ appendedAtMs, value }) => {
    const [reading] = JSON.parse(value.toString()) as { machineId: string }[];
    return catalog.takes(reading?.machineId ?? "", appendedAtMs) ? "stored" : "refused";
  });
  return { decisions: readers.map(({ decisions }) => decisions), expected };
}

class Reader {
  readonly decisions: string[] = [];
  readonly #histories: MachineHistories;

  constructor(load: LoadHistories) {
    this.#histories = new MachineHistories(load);
  }

  async read(log: readonly LogRecord[]): Promise<void> {
    const news = log.slice(this.decisions.length);
    if (news.length === 0) return;
    const historyOf: HistoryOf = await historiesFor(this.#histories, news);
    const topic = { tenant, generation: 1 };
    const decoder = new RunDecoder(topic, new TenantRows(), historyOf(news[0]?.topic ?? ""));
    for (const record of news) {
      const { rowCount, deadLetters } = decoder.decode(record);
      const isRefused = deadLetters[0]?.reason === "machine-unknown";
      this.decisions.push(rowCount === 1 ? "stored" : isRefused ? "refused" : "neither");
    }
  }
}

/** A list of changes; what holds is found by walking it, where the code under test looks up periods. */
class SimulatedCatalog {
  readonly #changes: { readonly what: Act; readonly validFromMs: number }[] = [];

  change(what: Act, validFromMs: number): void {
    this.#changes.push({ what, validFromMs });
  }

  takes(ofMachine: string, appendedAtMs: number): boolean {
    let [isRefusing, isRegistered] = [false, false];
    for (const { what, validFromMs } of this.#changes) {
      if (validFromMs > appendedAtMs) break;
      if (what.kind === "policy") isRefusing = what.refuse;
      else if (what.kind !== "record" && "machineId" in what && what.machineId === ofMachine)
        isRegistered = what.kind === "register";
    }
    return !isRefusing || isRegistered;
  }

  load(known: Parameters<LoadHistories>[0], atMs: number): Loaded {
    const revision = BigInt(this.#changes.length);
    const history = {
      refusing: this.#periods((what) => (what.kind === "policy" ? what.refuse : undefined)),
      registered: new Map(
        MACHINES.map((machine) => [
          machine,
          this.#periods((what) =>
            (what.kind === "register" || what.kind === "remove") && what.machineId === machine
              ? what.kind === "register"
              : undefined,
          ),
        ]),
      ),
    };
    const changed = known.filter((topic) => topic.revision !== revision);
    return { atMs, changes: changed.map(({ topic }) => ({ topic, revision, history })) };
  }

  #periods(stateAfter: (what: Act) => boolean | undefined): Period[] {
    const periods: Period[] = [];
    let fromMs: number | undefined;
    for (const { what, validFromMs } of this.#changes) {
      const state = stateAfter(what);
      if (state === true) fromMs ??= validFromMs;
      if (state !== false || fromMs === undefined) continue;
      periods.push([fromMs, validFromMs]);
      fromMs = undefined;
    }
    return fromMs === undefined ? periods : [...periods, [fromMs, Infinity]];
  }
}
