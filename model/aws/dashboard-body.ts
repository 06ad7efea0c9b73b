import { alarmRulesOf, type AlarmRule, type SubjectKind } from "./alarm-rules.ts";

/** A subject of alarms, its dimensions known. */
export interface ShownSubject {
  readonly kind: SubjectKind;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, string>>;
}

const COLUMNS = 3;
const WIDGET = { width: 8, height: 6 };
/** CloudWatch shows 500 metrics in one widget at most (read 2026-11-22). */
const MAX_LINES = 500;

/**
 * A dashboard of CloudWatch: one graph for each rule, with a line for each subject and the limit at which the alarm
 * rings. What has an alarm is seen, and nothing has to be drawn by hand.
 */
export function dashboardBody(region: string, subjects: readonly ShownSubject[]): string {
  const byKind = Map.groupBy(subjects, ({ kind }) => kind);
  const graphs = [...byKind].flatMap(([kind, ofKind]) =>
    alarmRulesOf(kind).map(([, rule]) => graphOf(region, rule, ofKind.slice(0, MAX_LINES))),
  );
  const widgets = graphs.map((properties, index) => ({
    ...{ type: "metric", ...WIDGET, properties },
    x: (index % COLUMNS) * WIDGET.width,
    y: Math.floor(index / COLUMNS) * WIDGET.height,
  }));
  return JSON.stringify({ widgets });
}

function graphOf(region: string, rule: AlarmRule, subjects: readonly ShownSubject[]) {
  const { metric, perMetric, periodSeconds: period, threshold } = rule;
  const lines = subjects.flatMap(({ name, dimensions }, index) => {
    const line = ({ namespace, name: metricName, statistic: stat }: AlarmRule["metric"], options: object) => [
      ...[namespace, metricName, ...Object.entries(dimensions).flat()],
      { stat, label: name, ...options },
    ];
    if (perMetric === undefined) return [line(metric, {})];
    const [part, whole] = [`part${index}`, `whole${index}`];
    return [
      [{ expression: `IF(${whole} > 0, 100 * ${part} / ${whole}, 0)`, label: name, id: `share${index}` }],
      line(metric, { id: part, visible: false }),
      line(perMetric, { id: whole, visible: false }),
    ];
  });
  return {
    title: rule.title.replace("{}", "…"),
    ...{ region, period, view: "timeSeries", metrics: lines },
    annotations: { horizontal: [{ label: "alarm", value: threshold }] },
  };
}
