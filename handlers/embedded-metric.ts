/** One value of a metric in the namespace `Millwright`, as alarms know it (model/aws/alarm-rules.ts). */
export interface MetricValue {
  readonly name: string;
  readonly unit: "Milliseconds" | "Count";
  readonly value: number;
  /** Each set of values is a metric that is paid for: a cell or a tenant, never a machine. */
  readonly dimensions: Readonly<Record<string, string>>;
}

/**
 * A line of the log that CloudWatch makes a metric of (embedded metric format): no call, no permission.
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function metricLine({ name, unit, value, dimensions }: MetricValue, nowMs: number): string {
  const metrics = [{ Name: name, Unit: unit }];
  const directive = { Namespace: "Millwright", Dimensions: [Object.keys(dimensions)], Metrics: metrics };
  return JSON.stringify({
    _aws: { Timestamp: nowMs, CloudWatchMetrics: [directive] },
    ...dimensions,
    [name]: value,
  });
}

/** Past `console`, which on Lambda puts the line into one of its own, where CloudWatch finds no metric. */
export function publishMetric(metric: MetricValue): void {
  process.stdout.write(`${metricLine(metric, Date.now())}\n`);
}
