import { METRIC_COLUMNS, DIRECTIONS, type UsageColumn } from "../../model/trigger.ts";
import { TRIGGER_METRICS, type TriggerConfig } from "../../model/trigger-config.ts";

/** How many hours back each column is needed to judge one hour. Metrics without a rule cost nothing. */
export function windowsOf(config: TriggerConfig): ReadonlyMap<UsageColumn, number> {
  const windows = new Map<UsageColumn, number>();
  for (const direction of DIRECTIONS) {
    const { mode, rules } = config[direction];
    for (const metric of TRIGGER_METRICS) {
      const rule = rules[metric];
      if (rule === undefined || mode === "off") continue;
      for (const column of METRIC_COLUMNS[metric])
        windows.set(column, Math.max(windows.get(column) ?? 0, rule.windowHours));
    }
  }
  return windows;
}
