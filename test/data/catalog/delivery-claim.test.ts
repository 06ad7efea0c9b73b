import { expect } from "chai";
import { claimDeliveries, type ClaimLimits } from "../../../data/catalog/delivery-claim.ts";
import { alertPlant } from "../../support/alert-plant.ts";
import { raise } from "../../support/outbox.ts";

const ANY = 60_000;
const leaseMs = { webhook: ANY, slack: ANY, email: ANY, sms: ANY, sns: ANY, "in-app": ANY };

describe("claiming deliveries", () => {
  let plant: Awaited<ReturnType<typeof alertPlant>>;
  beforeEach(async () => {
    plant = await alertPlant();
  });
  afterEach(() => plant.close());

  /** A tenant with so many alerts to send to each of so many channels. */
  async function tenantWith(channelCount: number, alertCount: number): Promise<string> {
    const { tenant, channel } = await plant.newTenant();
    for (let n = 0; n < channelCount; n++) await channel(`http://127.0.0.1:1/${n}`);
    const alerts = Array.from({ length: alertCount }, (_, n) => ({ alert: `a-${n}` }));
    await raise(plant.catalog.service, tenant, alerts);
    return tenant;
  }

  /** Claims as one dispatcher does that never finishes a try. @returns after each claim what it has in flight, by tenant */
  function dispatcher(limits: Omit<ClaimLimits, "leaseMs" | "inFlight">) {
    const inFlight = new Map<string, number>();
    const byTenant: Record<string, number> = {};
    return {
      inFlight,
      claim: async () => {
        for (const { tenant, channel } of await claimDeliveries(plant.catalog.service, {
          ...limits,
          leaseMs,
          inFlight,
        })) {
          inFlight.set(channel, (inFlight.get(channel) ?? 0) + 1);
          byTenant[tenant] = (byTenant[tenant] ?? 0) + 1;
        }
        return byTenant;
      },
    };
  }

  it("takes of a tenant, and of each of its channels, as many as may be in flight", async () => {
    const [wide, narrow] = [await tenantWith(3, 5), await tenantWith(1, 9)];
    const { claim, inFlight } = dispatcher({ perChannel: 4, perTenant: 6, total: 100 });
    for (let round = 0; round < 3; round++) expect(await claim()).to.deep.equal({ [wide]: 6, [narrow]: 4 });
    expect([...inFlight.values()].sort()).to.deep.equal([2, 2, 2, 4]); // its channels in turn
  });

  it("shares little room between tenants, and lets none in beyond it", async () => {
    const [greedy, modest] = [await tenantWith(4, 10), await tenantWith(1, 1)];
    const { claim } = dispatcher({ perChannel: 16, perTenant: 16, total: 3 });
    expect(await claim()).to.deep.equal({ [greedy]: 2, [modest]: 1 });
    expect(await claim()).to.deep.equal({ [greedy]: 2, [modest]: 1 });
  });

  it("gives the next free place to who has the fewest in flight", async () => {
    const greedy = await tenantWith(4, 10);
    const limits = { perChannel: 16, perTenant: 16, total: 8 };
    const { claim, inFlight } = dispatcher(limits);
    expect(await claim()).to.deep.equal({ [greedy]: 8 });
    const late = await tenantWith(1, 1);
    expect(await claim()).to.deep.equal({ [greedy]: 8 });
    const [channel = "", count = 0] = [...inFlight][0] ?? [];
    inFlight.set(channel, count - 1); // a try has ended
    expect(await claim()).to.deep.equal({ [greedy]: 8, [late]: 1 });
  });
});
