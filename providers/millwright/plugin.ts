import type { Plugin } from "../plugin.ts";
import { cell } from "./cell.ts";
import { secret } from "./secret.ts";

/** What the local target has that no public plugin makes. */
export const millwrightPlugin: Plugin<undefined> = {
  name: "millwright",
  version: "0.1.0",
  settings: [],
  configure: () => undefined,
  types: { "millwright:index:Cell": cell, "millwright:index:Secret": secret },
  close: () => Promise.resolve(),
};
