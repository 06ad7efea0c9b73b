import type pg from "pg";
import type { ConditionState, Place } from "../../model/condition-state.ts";
import type { ReadingType, ReadingValue } from "../../model/reading.ts";
import type { TopicPartition } from "../event-log/event-log.ts";

export interface MachineKey {
  readonly tenant: string;
  readonly machineId: string;
}

/** What the newest reading evaluated of one machine and type has left. */
export interface MachineClock extends MachineKey, TopicPartition {
  readonly type: ReadingType;
  readonly last: Place;
  /** Latest values of the metrics that expressions name. */
  readonly latest: LatestValues;
}

/** By metric: the value and the append time of its record. */
export type LatestValues = Readonly<Record<string, readonly [value: ReadingValue, appendedAtMs: number]>>;

/** State of one rule on one machine; a state of an older version of the rule counts as normal. */
export interface RuleState extends MachineKey, TopicPartition {
  readonly rule: string;
  readonly version: bigint;
  readonly state: ConditionState;
  readonly deadlineMs: number | undefined;
}

export async function loadMachines(
  tx: pg.ClientBase,
  machines: readonly MachineKey[],
): Promise<{ clocks: readonly MachineClock[]; states: readonly RuleState[] }> {
  const keys = [machines.map(({ tenant }) => tenant), machines.map(({ machineId }) => machineId)];
  const clocks = await tx.query<ClockRow>(
    `select c.* from machine_clock c join unnest($1::text[], $2::text[]) m(tenant, machine_id) using (tenant, machine_id)`,
    keys,
  );
  const states = await tx.query<StateRow>(
    `select s.* from rule_state s join unnest($1::text[], $2::text[]) m(tenant, machine_id) using (tenant, machine_id)`,
    keys,
  );
  return { clocks: clocks.rows.map(toClock), states: states.rows.map(toState) };
}

export async function saveClocks(tx: pg.ClientBase, clocks: readonly MachineClock[]): Promise<void> {
  if (clocks.length === 0) return;
  await tx.query({
    name: "clock-save",
    text: `insert into machine_clock (tenant, machine_id, type, newest_at_ms, topic, partition, appended_at_ms, log_ref,
                                      ordinal, latest)
           select * from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::int[], $7::bigint[],
                                $8::bigint[], $9::int[], $10::jsonb[])
           on conflict (tenant, machine_id, type) do update
             set newest_at_ms = excluded.newest_at_ms, topic = excluded.topic, partition = excluded.partition,
                 appended_at_ms = excluded.appended_at_ms, log_ref = excluded.log_ref, ordinal = excluded.ordinal,
                 latest = excluded.latest`,
    values: [
      clocks.map(({ tenant }) => tenant),
      clocks.map(({ machineId }) => machineId),
      clocks.map(({ type }) => type),
      clocks.map(({ last }) => last.timeMs),
      clocks.map(({ topic }) => topic),
      clocks.map(({ partition }) => partition),
      clocks.map(({ last }) => last.appendedAtMs),
      clocks.map(({ last }) => last.logRef),
      clocks.map(({ last }) => last.ordinal),
      clocks.map(({ latest }) => (Object.keys(latest).length === 0 ? null : JSON.stringify(latest))),
    ],
  });
}

/** A state that says nothing has no row; one of an older version never replaces that of a newer. */
export async function saveStates(tx: pg.ClientBase, states: readonly RuleState[]): Promise<void> {
  const normal = states.filter(({ state }) => isBlank(state));
  if (normal.length > 0) {
    await tx.query({
      name: "state-clear",
      text: `delete from rule_state s using unnest($1::text[], $2::text[], $3::text[], $4::bigint[])
             n(tenant, rule, machine_id, version)
        where s.tenant = n.tenant and s.rule = n.rule and s.machine_id = n.machine_id and s.version <= n.version`,
      values: [
        normal.map(({ tenant }) => tenant),
        normal.map(({ rule }) => rule),
        normal.map(({ machineId }) => machineId),
        normal.map(({ version }) => version),
      ],
    });
  }
  const others = states.filter(({ state }) => !isBlank(state));
  if (others.length === 0) return;
  await tx.query({
    name: "state-save",
    text: `insert into rule_state (tenant, rule, machine_id, version, topic, partition, state, deadline_ms)
     select * from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::int[], $7::jsonb[], $8::bigint[])
     on conflict (tenant, rule, machine_id) do update
       set version = excluded.version, topic = excluded.topic, partition = excluded.partition,
           state = excluded.state, deadline_ms = excluded.deadline_ms
     where rule_state.version <= excluded.version`,
    values: [
      others.map(({ tenant }) => tenant),
      others.map(({ rule }) => rule),
      others.map(({ machineId }) => machineId),
      others.map(({ version }) => version),
      others.map(({ topic }) => topic),
      others.map(({ partition }) => partition),
      others.map(({ state }) => JSON.stringify(state)),
      others.map(({ deadlineMs }) => deadlineMs ?? null),
    ],
  });
}

function isBlank({ phase, samples }: ConditionState): boolean {
  return phase === "normal" && samples === undefined;
}

/** A partition in which delays may have run out by the log's clock. */
export interface DuePartition extends TopicPartition {
  readonly tenant: string;
}

const NOW_MS = "extract(epoch from clock_timestamp()) * 1000";

export async function duePartitions(pool: pg.Pool): Promise<readonly DuePartition[]> {
  const { rows } = await pool.query<DuePartition>({
    name: "state-due",
    text: `select distinct tenant, topic, partition from rule_state where deadline_ms < ${NOW_MS}`,
  });
  return rows;
}

/** The first states of a partition whose deadline lies before `beforeMs`. The caller holds the partition's position. */
export async function dueStates(
  tx: pg.ClientBase,
  due: DuePartition,
  beforeMs: number,
  limit: number,
): Promise<readonly RuleState[]> {
  const { rows } = await tx.query<StateRow>(
    `select * from rule_state where tenant = $1 and topic = $2 and partition = $3 and deadline_ms < $4
      order by deadline_ms limit $5`,
    [due.tenant, due.topic, due.partition, beforeMs, limit],
  );
  return rows.map(toState);
}

interface ClockRow {
  readonly tenant: string;
  readonly machine_id: string;
  readonly type: ReadingType;
  readonly newest_at_ms: bigint;
  readonly topic: string | null;
  readonly partition: number | null;
  readonly appended_at_ms: bigint | null;
  readonly log_ref: bigint | null;
  readonly ordinal: number | null;
  readonly latest: LatestValues | null;
}

/** A clock of a release that kept only the time was last read at the epoch: its machine is watched from its next reading. */
function toClock(row: ClockRow): MachineClock {
  const { tenant, machine_id: machineId, type, topic, partition, latest } = row;
  const last = {
    timeMs: Number(row.newest_at_ms),
    appendedAtMs: Number(row.appended_at_ms ?? 0n),
    logRef: String(row.log_ref ?? 0n),
    ordinal: row.ordinal ?? 0,
  };
  return {
    tenant,
    machineId,
    type,
    topic: topic ?? "",
    partition: partition ?? 0,
    last,
    latest: latest ?? {},
  };
}

interface StateRow {
  readonly tenant: string;
  readonly rule: string;
  readonly machine_id: string;
  readonly version: bigint;
  readonly topic: string;
  readonly partition: number;
  readonly state: ConditionState;
  readonly deadline_ms: bigint | null;
}

function toState(row: StateRow): RuleState {
  const { tenant, rule, machine_id: machineId, version, topic, partition, state, deadline_ms } = row;
  const deadlineMs = deadline_ms === null ? undefined : Number(deadline_ms);
  return { tenant, rule, machineId, version, topic, partition, state, deadlineMs };
}
