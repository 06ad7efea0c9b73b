import { DEFAULT_TRIGGERS, triggerConfig, type TriggerConfig } from "../../model/trigger-config.ts";
import type { Queryable } from "../pool.ts";

/** The triggers in force. */
export interface StoredTriggers {
  readonly triggers: TriggerConfig;
  /** 0: the defaults, which nobody has changed. */
  readonly version: number;
  readonly putAt: string | null;
  readonly putBy: string | null;
}

interface Row {
  readonly version: bigint;
  readonly config: unknown;
  readonly put_at: Date;
  readonly put_by: string;
}

export async function currentTriggers(service: Queryable): Promise<StoredTriggers> {
  const { rows } = await service.query<Row>("select * from trigger_config order by version desc limit 1");
  return rows[0] === undefined
    ? { triggers: DEFAULT_TRIGGERS, version: 0, putAt: null, putBy: null }
    : storedOf(rows[0]);
}

export async function putTriggers(
  tx: Queryable,
  triggers: TriggerConfig,
  putBy: string,
): Promise<StoredTriggers> {
  const { rows } = await tx.query<Row>(
    "insert into trigger_config (config, put_by) values ($1, $2) returning *",
    [JSON.stringify(triggers), putBy],
  );
  if (rows[0] === undefined) throw new Error("an insert returns its row");
  return storedOf(rows[0]);
}

function storedOf({ version, config, put_at: putAt, put_by: putBy }: Row): StoredTriggers {
  return {
    triggers: triggerConfig.parse(config),
    version: Number(version),
    putAt: putAt.toISOString(),
    putBy,
  };
}
