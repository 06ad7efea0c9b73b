import { queryReadings, type ReadingsPage, type ReadingsRequest } from "./process.ts";
import type { TenantCells } from "./tenant-cells.ts";

/** The placement, and with it the epoch, is the service's to find. */
export type PlacelessRequest = Omit<ReadingsRequest, "epoch">;

/** Reads of all tenants, each from the cell where its placement says that it is. */
export interface QueryService {
  readonly query: (request: PlacelessRequest) => Promise<ReadingsPage>;
}

export function queryService(cells: Pick<TenantCells, "atHome">): QueryService {
  return {
    query: (request) =>
      cells.atHome(request.tenant, ({ pool, epoch }) =>
        queryReadings({ pool, now: Date.now }, { ...request, epoch }),
      ),
  };
}
