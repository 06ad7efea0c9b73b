import { expect } from "chai";
import { UNKNOWN_VALUE } from "../../../providers/properties.ts";
import {
  database,
  server,
  service,
  stripedDatabase,
  task,
  template,
  templated,
} from "../../support/planned-resources.ts";
import { factsOf, gate, planned, type Planned } from "../../support/planned-stack.ts";

const disk = (props: object) => ({ deviceName: "/dev/xvda", ebs: { volumeType: "gp3", ...props } });

const SERVER_USD = 730 * 0.2016 + 8 * 0.3;
const DATABASE_USD = 730 * 0.899;
const TASK_USD = 730 * (0.25 * 0.04048 + 0.5 * 0.004445);

describe("the gate, over variations of prices:", () => {
  for (const [what, usd, ...stack] of [
    ["a server", SERVER_USD, server()],
    [
      "a server's own disks",
      SERVER_USD + 300 * 0.08 + 3_000 * 0.005,
      server({
        rootBlockDevice: { volumeType: "gp3", volumeSize: 100 },
        ebsBlockDevices: [{ deviceName: "b", volumeType: "gp3", volumeSize: 200, iops: 6_000 }],
      }),
    ],
    ["a server that is measured each minute", SERVER_USD + 7 * 0.3, server({ monitoring: true })],
    [
      "its template's disk",
      SERVER_USD + 16 * 0.08,
      template({ blockDeviceMappings: [disk({ volumeSize: 16 })] }),
      templated(),
    ],
    [
      "the dearest of two templates that it may have",
      SERVER_USD + 500 * 0.08,
      template({ blockDeviceMappings: [disk({ volumeSize: 16 })] }, "one"),
      template({ blockDeviceMappings: [disk({ volumeSize: 500 })] }, "two"),
      templated(),
    ],
    [
      "the template that it names",
      SERVER_USD + 16 * 0.08,
      template({ name: "small", blockDeviceMappings: [disk({ volumeSize: 16 })] }, "one"),
      template({ name: "large", blockDeviceMappings: [disk({ volumeSize: 500 })] }, "two"),
      templated({ name: "small" }),
    ],
    [
      "a disk from a snapshot, at the largest",
      SERVER_USD + 65_536 * 0.08,
      template({ blockDeviceMappings: [disk({ snapshotId: "snap-1" })] }),
      templated(),
    ],
    [
      "a place on a disk that is none of EBS",
      SERVER_USD,
      template({ blockDeviceMappings: [{ deviceName: "b", noDevice: "" }] }),
      templated(),
    ],
    ["a database", DATABASE_USD + 100 * 0.23, database()],
    [
      "a database with the IOPS that its storage has",
      DATABASE_USD + 8_000 * 0.23,
      stripedDatabase({ iops: 12_000, storageThroughput: 500 }),
    ],
    [
      "a database with more IOPS",
      DATABASE_USD + 8_000 * 0.23 + 52_000 * 0.04,
      stripedDatabase({ iops: 64_000 }),
    ],
    [
      "a database whose IOPS nobody knows",
      DATABASE_USD + 8_000 * 0.23 + 52_000 * 0.04,
      stripedDatabase({ iops: UNKNOWN_VALUE }),
    ],
    [
      "a secret with two copies",
      3 * 0.4,
      planned("aws:secretsmanager/secret:Secret", {
        replicas: [{ region: "eu-west-1" }, { region: "eu-west-2" }],
      }),
    ],
    [
      "a secret whose copies nobody knows",
      41 * 0.4,
      planned("aws:secretsmanager/secret:Secret", { replicas: UNKNOWN_VALUE }),
    ],
    ["an action of a budget", (730 / 24) * 0.1, planned("aws:budgets/budgetAction:BudgetAction")],
    ["a task", TASK_USD, task(), service()],
    [
      "the dearest of two tasks",
      TASK_USD * 4,
      task(),
      task({ cpu: "1024", memory: "2048" }, "two"),
      service(),
    ],
    [
      "an endpoint in the zones of its configurations",
      2 * 730 * 0.01,
      planned("aws:ec2/vpcEndpoint:VpcEndpoint", {
        ...{ vpcEndpointType: "Interface", subnetConfigurations: [{ subnetId: "a" }, { subnetId: "b" }] },
      }),
    ],
  ] as const satisfies readonly (readonly [what: string, usd: number, ...stack: Planned[]])[])
    it(`counts ${what}`, async () => {
      const budget = (cents: number) => factsOf({ environmentBudgetUsdPerMonth: cents / 100 });
      const cents = Math.ceil(usd * 100 - 1e-6);
      expect((await gate([budget(cents), ...stack])).refused).to.deep.equal([]);
      const { refused } = await gate([budget(cents - 1), ...stack]);
      expect(refused.map(({ policy }) => policy)).to.deep.equal(["environment-budget"]);
    });

  it("knows no size of a server whose template is elsewhere", async () => {
    for (const stack of [[templated({ name: "x" })], [template({ name: "y" }), templated({ name: "x" })]]) {
      const { refused } = await gate([factsOf(), ...stack]);
      expect(refused.map(({ policy }) => policy)).to.include("server-sizes");
    }
  });
});
