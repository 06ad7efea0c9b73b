import type { HistoryOf, MachineHistories } from "../../data/catalog/machine-histories.ts";

/** Nobody has ever refused a machine. */
export const noHistory: HistoryOf = () => undefined;
export const everyMachine: Pick<MachineHistories, "until"> = { until: () => Promise.resolve(noHistory) };
