import { expect } from "chai";
import fc from "fast-check";
import { tunedSettings } from "../../../../components/aws/timescale/tuning.ts";
import { seed } from "../../../support/seed.ts";

describe("tunedSettings", () => {
  it("gives a machine of 64 GB and 8 vCPUs what timescaledb-tune gives it", () => {
    expect(
      tunedSettings({ memoryGb: 64, vcpuCount: 8, walVolumeGb: 200, maxConnections: 200 }),
    ).to.deep.include({
      shared_buffers: "16384MB",
      effective_cache_size: "49152MB",
      maintenance_work_mem: "2047MB",
      work_mem: "10485kB",
      max_worker_processes: "19",
      max_parallel_workers: "8",
      max_parallel_workers_per_gather: "4",
      max_wal_size: "122880MB",
      min_wal_size: "61440MB",
    });
  });

  it("never promises more memory or WAL than there is", () => {
    const sizes = fc.record({
      memoryGb: fc.integer({ min: 1, max: 1_024 }),
      vcpuCount: fc.integer({ min: 1, max: 128 }),
      walVolumeGb: fc.integer({ min: 1, max: 16_384 }),
      maxConnections: fc.integer({ min: 20, max: 1_000 }),
    });
    fc.assert(
      fc.property(sizes, (given) => {
        const settings = tunedSettings(given);
        const mb = (name: keyof typeof settings) => Number(settings[name].replace("MB", ""));
        expect(mb("shared_buffers") + mb("maintenance_work_mem")).to.be.below(given.memoryGb * 1_024);
        expect(mb("max_wal_size")).to.be.below(given.walVolumeGb * 1_024 * 0.75);
        expect(Number(settings.max_parallel_workers_per_gather)).to.be.at.least(1);
        expect(Number(settings.work_mem.replace("kB", ""))).to.be.at.least(64);
      }),
      { seed },
    );
  });
});
