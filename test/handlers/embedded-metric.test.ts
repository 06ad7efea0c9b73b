import { expect } from "chai";
import { metricLine } from "../../handlers/embedded-metric.ts";

describe("a metric in the log", () => {
  it("is one line that names its dimensions, unit and value", () => {
    const line = metricLine(
      { name: "AlertLatency", unit: "Milliseconds", value: 42, dimensions: { Tenant: "acme" } },
      1_000,
    );
    expect(line).not.to.include("\n");
    expect(JSON.parse(line)).to.deep.equal({
      _aws: {
        Timestamp: 1_000,
        CloudWatchMetrics: [
          {
            Namespace: "Millwright",
            Dimensions: [["Tenant"]],
            Metrics: [{ Name: "AlertLatency", Unit: "Milliseconds" }],
          },
        ],
      },
      Tenant: "acme",
      AlertLatency: 42,
    });
  });
});
