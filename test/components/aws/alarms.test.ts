import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";
import { Alarms } from "../../../components/aws/alarms.ts";
import {
  consumerSubject,
  functionSubjects,
  serviceSubjects,
  tenantSubject,
} from "../../../components/aws/alarm-subject.ts";
import type { AlarmSubject } from "../../../components/aws/alarm-subject.ts";
import { Dashboard } from "../../../components/aws/dashboard.ts";
import { ALARM_RULES, type SubjectKind } from "../../../model/aws/alarm-rules.ts";
import { tenantId } from "../../../model/tenant.ts";
import { mockAws } from "../../support/aws-mocks.ts";

const TOPIC = "arn:aws:sns:us-east-1:123456789012:alarms";
const scope = { environment: "production", tenant: undefined };

describe("Alarms", () => {
  const created = mockAws();
  const alarmsOf = async (...subjects: AlarmSubject[]) => {
    const alarms = new Alarms("alarms", { scope, subjects, topicArn: TOPIC }, created.watched);
    expect(alarms).to.be.instanceOf(Alarms);
    const resources = await created.settled();
    expect(resources.orphans()).to.deep.equal([]);
    return resources.ofType("aws:cloudwatch/metricAlarm:MetricAlarm").map(({ inputs }) => inputs);
  };

  it("ring for every rule, to the operators, also when it is over", async () => {
    const subjects = (Object.keys(ALARM_RULES) as SubjectKind[]).map((kind) => ({
      ...{ kind, name: "one", dimensions: { Of: kind } },
    }));
    const alarms = await alarmsOf(...subjects);
    const ruleCount = Object.values(ALARM_RULES).reduce((sum, rules) => sum + Object.keys(rules).length, 0);
    expect(alarms).to.have.length(ruleCount);
    expect(new Set(alarms.map(({ name }) => name)).size).to.equal(ruleCount);
    for (const alarm of alarms) {
      expect(alarm).to.deep.include({ alarmActions: [TOPIC], okActions: [TOPIC] });
      expect(alarm["alarmDescription"]).to.include("one").and.not.include("{}");
    }
  });

  it("ring at the seeds' limits: 5 % of errors, 500 ms of a tenant's alerts", async () => {
    const fn = { functionName: "f", deadLetterName: "q" };
    const alarms = await alarmsOf(...functionSubjects("alert", fn), tenantSubject(tenantId.parse("acme")));
    const named = (part: string) => alarms.find(({ name }) => String(name).includes(part));
    const dimensions = { FunctionName: "f" };
    expect(named("alert-errors")).to.deep.include({
      threshold: 5,
      comparisonOperator: "GreaterThanThreshold",
    });
    expect(named("alert-errors")?.["metricQueries"]).to.deep.equal([
      {
        ...{ id: "share", expression: "IF(whole > 0, 100 * part / whole, 0)" },
        ...{ label: "percent", returnData: true },
      },
      ...[
        ["part", "Errors"],
        ["whole", "Invocations"],
      ].map(([id, metricName]) => ({
        id,
        metric: { namespace: "AWS/Lambda", metricName, stat: "Sum", period: 300, dimensions },
      })),
    ]);
    expect(named("tenant-acme-latency")).to.deep.include({
      ...{ namespace: "Millwright", metricName: "AlertLatency", extendedStatistic: "p99" },
      ...{ threshold: 500, dimensions: { Tenant: "acme" } },
    });
  });

  it("watch the lag of the very group that a source reads with", async () => {
    const fn = { functionName: "f", deadLetterName: "q" };
    const [lag] = await alarmsOf(consumerSubject("acme", fn, "acme.readings.g1", "millwright"));
    expect(lag?.["dimensions"]).to.deep.equal({
      ...{ "Cluster Name": "millwright", Topic: "acme.readings.g1" },
      "Consumer Group": "f.acme.readings.g1",
    });
  });

  it("watch the control plane once it has an image, and take its silence for an alarm", async () => {
    const balancer = {
      arnSuffix: pulumi.output("app/service/0123"),
      targetGroupArnSuffix: pulumi.output("targetgroup/service/4567"),
    };
    expect(serviceSubjects(balancer, { serviceName: undefined })).to.deep.equal([]);
    const alarms = await alarmsOf(...serviceSubjects(balancer, { serviceName: "millwright" }));
    const named = (part: string) => alarms.find(({ name }) => String(name).endsWith(part));
    expect(named("service-service-healthy")).to.deep.include({
      ...{ namespace: "AWS/ApplicationELB", metricName: "HealthyHostCount", statistic: "Maximum" },
      ...{ comparisonOperator: "LessThanThreshold", threshold: 1, treatMissingData: "breaching" },
      dimensions: { LoadBalancer: "app/service/0123", TargetGroup: "targetgroup/service/4567" },
    });
    expect(named("service-task-service-memory")).to.deep.include({
      ...{ namespace: "AWS/ECS", treatMissingData: "breaching" },
      dimensions: { ClusterName: "millwright", ServiceName: "millwright" },
    });
    expect(named("load-balancer-service-errors")).to.deep.include({
      ...{ metricName: "HTTPCode_ELB_5XX_Count", treatMissingData: "notBreaching" },
      dimensions: { LoadBalancer: "app/service/0123" },
    });
  });

  it("take the silence of a server for an alarm, and a quiet queue for none", async () => {
    const one = (kind: SubjectKind): AlarmSubject => ({ kind, name: "one", dimensions: {} });
    const alarms = await alarmsOf(one("primary"), one("deadLetters"));
    const missing = (part: string) =>
      alarms.find(({ name }) => String(name).includes(part))?.["treatMissingData"];
    expect(missing("backup-age")).to.equal("breaching");
    expect(missing("waiting")).to.equal("notBreaching");
  });
});

describe("Dashboard", () => {
  const created = mockAws();

  it("shows what has an alarm", async () => {
    const subjects = [tenantSubject(tenantId.parse("acme"))];
    const dashboard = new Dashboard("overview", { scope, region: "us-east-1", subjects }, created.watched);
    expect(dashboard).to.be.instanceOf(Dashboard);
    const resources = await created.settled();
    const { inputs } = resources.get("aws:cloudwatch/dashboard:Dashboard", "overview");
    expect(inputs["dashboardName"]).to.equal("millwright-production-shared-overview");
    expect(inputs["dashboardBody"]).to.include('"AlertLatency","Tenant","acme"');
    expect(resources.orphans()).to.deep.equal([]);
  });
});
