import { queryReadings, type ReadingsPage, type ReadingsRequest } from "./process.ts";
import type { QueryMeter } from "./query-meter.ts";
import type { TenantCells } from "./tenant-cells.ts";

/** The placement, and with it the epoch, is the service's to find. */
export type PlacelessRequest = Omit<ReadingsRequest, "epoch">;

/** Reads of all tenants, each from the cell where its placement says that it is. */
export interface QueryService {
  readonly query: (request: PlacelessRequest) => Promise<ReadingsPage>;
}

export function queryService(
  cells: Pick<TenantCells, "atHome">,
  meter: Pick<QueryMeter, "count">,
): QueryService {
  return {
    query: (request) =>
      cells.atHome(request.tenant, ({ cell, pool, epoch }) => {
        const spent = (ms: number) => meter.count(request.tenant, cell, Date.now(), ms);
        return queryReadings({ pool, now: Date.now, spent }, { ...request, epoch });
      }),
  };
}
