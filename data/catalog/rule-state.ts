import type pg from "pg";
import type { ConditionState } from "../../model/alert-state.ts";
import type { ReadingType } from "../../model/reading.ts";
import type { TopicPartition } from "../event-log/event-log.ts";

export interface MachineKey {
  readonly tenant: string;
  readonly machineId: string;
}

/** Time of the newest reading evaluated of one machine and type. */
export interface MachineClock extends MachineKey {
  readonly type: ReadingType;
  readonly newestAtMs: number;
}

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
  const clocks = await tx.query<{
    tenant: string;
    machine_id: string;
    type: ReadingType;
    newest_at_ms: bigint;
  }>(
    `select c.* from machine_clock c join unnest($1::text[], $2::text[]) m(tenant, machine_id) using (tenant, machine_id)`,
    keys,
  );
  const states = await tx.query<StateRow>(
    `select s.* from rule_state s join unnest($1::text[], $2::text[]) m(tenant, machine_id) using (tenant, machine_id)`,
    keys,
  );
  return {
    clocks: clocks.rows.map((row) => ({
      tenant: row.tenant,
      machineId: row.machine_id,
      type: row.type,
      newestAtMs: Number(row.newest_at_ms),
    })),
    states: states.rows.map(toState),
  };
}

export async function saveClocks(tx: pg.ClientBase, clocks: readonly MachineClock[]): Promise<void> {
  if (clocks.length === 0) return;
  await tx.query({
    name: "clock-save",
    text: `insert into machine_clock (tenant, machine_id, type, newest_at_ms)
           select * from unnest($1::text[], $2::text[], $3::text[], $4::bigint[])
           on conflict (tenant, machine_id, type) do update set newest_at_ms = excluded.newest_at_ms`,
    values: [
      clocks.map(({ tenant }) => tenant),
      clocks.map(({ machineId }) => machineId),
      clocks.map(({ type }) => type),
      clocks.map(({ newestAtMs }) => newestAtMs),
    ],
  });
}

export async function saveStates(tx: pg.ClientBase, states: readonly RuleState[]): Promise<void> {
  const normal = states.filter(({ state }) => state.phase === "normal");
  if (normal.length > 0) {
    await tx.query(
      `delete from rule_state s using unnest($1::text[], $2::text[], $3::text[]) n(tenant, rule, machine_id)
        where s.tenant = n.tenant and s.rule = n.rule and s.machine_id = n.machine_id`,
      [
        normal.map(({ tenant }) => tenant),
        normal.map(({ rule }) => rule),
        normal.map(({ machineId }) => machineId),
      ],
    );
  }
  const others = states.filter(({ state }) => state.phase !== "normal");
  if (others.length === 0) return;
  await tx.query(
    `insert into rule_state (tenant, rule, machine_id, version, topic, partition, state, deadline_ms)
     select * from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::int[], $7::jsonb[], $8::bigint[])
     on conflict (tenant, rule, machine_id) do update
       set version = excluded.version, topic = excluded.topic, partition = excluded.partition,
           state = excluded.state, deadline_ms = excluded.deadline_ms`,
    [
      others.map(({ tenant }) => tenant),
      others.map(({ rule }) => rule),
      others.map(({ machineId }) => machineId),
      others.map(({ version }) => version),
      others.map(({ topic }) => topic),
      others.map(({ partition }) => partition),
      others.map(({ state }) => JSON.stringify(state)),
      others.map(({ deadlineMs }) => deadlineMs ?? null),
    ],
  );
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

/** States of a partition whose deadline lies before `beforeMs`. The caller holds the partition's position. */
export async function dueStates(
  tx: pg.ClientBase,
  due: DuePartition,
  beforeMs: number,
): Promise<readonly RuleState[]> {
  const { rows } = await tx.query<StateRow>(
    `select * from rule_state where tenant = $1 and topic = $2 and partition = $3 and deadline_ms < $4
      order by rule, machine_id`,
    [due.tenant, due.topic, due.partition, beforeMs],
  );
  return rows.map(toState);
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
