import { flushCompileCache } from "node:module";
import { PolicyPack } from "@pulumi/policy";
import { gatePolicies } from "./pack.ts";

// Making a PolicyPack starts its server: the policies lie in modules of their own, so that tests need none.
new PolicyPack("millwright", { policies: gatePolicies(() => new Date().toISOString().slice(0, 10)) });

// Ends with the engine, also when that was killed.
process.stdin.once("end", () => process.exit(0)).resume();

// The engine ends its plugins by SIGKILL, which is too late to write Node's compile cache (NODE_COMPILE_CACHE).
flushCompileCache();
