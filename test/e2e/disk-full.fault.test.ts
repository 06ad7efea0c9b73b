import { expect } from "chai";
import { execFileSync } from "node:child_process";
import { open, rm, statfs } from "node:fs/promises";
import path from "node:path";
import { eventually } from "../support/eventually.ts";
import { TestPlatform } from "../support/platform.ts";
import { skipBecause } from "../support/skip.ts";

const DISK_MB = 700;

describe("the disk of the platform fills up", function () {
  this.timeout(10 * 60_000);
  let platform: TestPlatform | undefined;
  before(async function () {
    if (process.getuid?.() !== 0 || process.platform !== "linux")
      skipBecause(this, "no-root", "a small tmpfs is mounted as root");
    const made = await TestPlatform.inNewHome();
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${DISK_MB}m,mode=0700`, "tmpfs", made.home]);
    platform = made;
    await platform.start();
    await platform.tenant("acme");
  });
  after(async () => {
    if (platform === undefined) return;
    const { home } = platform;
    // the mount point itself cannot be removed while it is mounted
    await platform.stop();
    execFileSync("umount", ["--lazy", home]);
    await platform.remove();
  });

  it("refuses readings with a clear, retryable answer, loses none that it took, and goes on when there is room", async () => {
    const at = platform!;
    const machine = await at.key("acme", "machine");
    const start = Date.now() - 3_600_000;
    let taken = 0;
    const post = async (index: number) => {
      const readings = [
        {
          type: "machine",
          machineId: "m-001",
          ts: new Date(start + index).toISOString(),
          values: { cycle_count: index },
        },
      ];
      return at.call("POST", "/v1/data", { readings }, { token: machine });
    };
    for (; taken < 20; taken++) expect((await post(taken)).status).to.equal(202);

    const ballast = path.join(at.home, "ballast");
    const { bavail, bsize } = await statfs(at.home);
    const file = await open(ballast, "w");
    const block = Buffer.alloc(1 << 16);
    for (let left = bavail * bsize; left > 0; left -= block.length) {
      const written = await file.write(block).then(
        () => true,
        () => false,
      );
      if (!written) break;
    }
    await file.close();

    const refusal = await eventually(
      "a refusal for want of room",
      async () => {
        const answer = await post(taken);
        if (answer.status !== 202) return answer;
        taken++;
        return undefined;
      },
      60_000,
    );
    expect(refusal.status).to.be.oneOf([503, 507]);
    expect(refusal.body.code).to.be.oneOf(["disk-full", "log-unavailable", "database-unavailable"]);
    expect(refusal.body.retryable).to.equal(true);
    expect((await at.call("GET", "/healthz")).status).to.equal(200);

    await rm(ballast);
    await eventually(
      "readings are taken again",
      async () => {
        const answer = await post(taken);
        if (answer.status !== 202) return false;
        taken++;
        return true;
      },
      60_000,
    );
    const rows = await eventually(
      "what was taken is stored",
      async () => {
        const page = await at.call("GET", "/v1/data/machine?tenant=acme&limit=10000");
        return page.status === 200 && page.body.rows.length >= taken ? page.body.rows : undefined;
      },
      60_000,
    );
    // A refused POST may have reached the log before the answer was lost, never an accepted one be missing or doubled.
    const counts = new Set(rows.map(({ cycle_count }: { cycle_count: number }) => cycle_count));
    for (let index = 0; index < taken; index++) expect(counts.has(index), `reading ${index}`).to.equal(true);
  });
});
