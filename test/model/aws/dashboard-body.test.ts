import { expect } from "chai";
import { ALARM_RULES, alarmRulesOf, type SubjectKind } from "../../../model/aws/alarm-rules.ts";
import { dashboardBody } from "../../../model/aws/dashboard-body.ts";

const KINDS = Object.keys(ALARM_RULES) as SubjectKind[];

interface Widget {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly properties: {
    readonly title: string;
    readonly metrics: readonly (string | object)[][];
    readonly annotations: { readonly horizontal: readonly { readonly value: number }[] };
  };
}

function widgetsOf(...subjects: Parameters<typeof dashboardBody>[1][number][]): readonly Widget[] {
  return (JSON.parse(dashboardBody("eu-central-1", subjects)) as { widgets: Widget[] }).widgets;
}

describe("the dashboard", () => {
  it("shows each rule of each subject, and where its alarm rings", () => {
    const widgets = widgetsOf(
      ...KINDS.map((kind) => ({ kind, name: `the-${kind}`, dimensions: { Of: kind } })),
    );
    const rules = KINDS.flatMap((kind) => alarmRulesOf(kind).map(([, rule]) => rule));
    expect(widgets.map(({ properties }) => properties.annotations.horizontal[0]?.value)).to.deep.equal(
      rules.map(({ threshold }) => threshold),
    );
  });

  it("puts no graph upon another", () => {
    const widgets = widgetsOf(...KINDS.map((kind) => ({ kind, name: kind, dimensions: {} })));
    const places = widgets.flatMap(({ x, y, width, height }) =>
      Array.from(
        { length: width * height },
        (_, cell) => `${x + (cell % width)} ${y + Math.floor(cell / width)}`,
      ),
    );
    expect(new Set(places).size).to.equal(places.length);
    expect(Math.max(...widgets.map(({ x, width }) => x + width))).to.be.at.most(24);
  });

  it("draws a line for each subject of a kind", () => {
    const [latency] = widgetsOf(
      ...["acme", "beta"].map((name) => ({ kind: "tenant" as const, name, dimensions: { Tenant: name } })),
    );
    expect(latency?.properties.metrics.map((line) => line.slice(0, 4))).to.deep.equal([
      ["Millwright", "AlertLatency", "Tenant", "acme"],
      ["Millwright", "AlertLatency", "Tenant", "beta"],
    ]);
  });
});
