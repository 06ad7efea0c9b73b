import { collectCell } from "../../automation/metering/collect-cell.ts";
import { rollUpUsage } from "../../data/catalog/usage-rollup.ts";
import { openPool, type DatabaseAddress } from "../../data/pool.ts";
import type { CellSecret } from "../../data/cell/cell-secret.ts";

/** A collector to be killed: sums up one cell again and again, and says after each time that it did. */
process.once("message", (message) => {
  const { catalog, secret } = message as { readonly catalog: DatabaseAddress; readonly secret: CellSecret };
  const pool = openPool(catalog, { applicationName: "test-collector", searchPath: "catalog" });
  void (async () => {
    for (;;) {
      const pass = { nowMs: Date.now() + 3_600_000, measuresStorage: false };
      await collectCell({ name: "shared-1", secret, catalog: pool }, pass);
      await rollUpUsage(pool);
      process.send?.("collected");
    }
  })();
});
