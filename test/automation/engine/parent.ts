import { openTestEngine } from "./test-engine.ts";

/** `parent.ts FOLDER`: a service that is to be killed while its session runs. */
const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error("usage: parent.ts FOLDER");
const engine = await openTestEngine(folder);
const session = await engine.open({ stack: "tenant-orphan", files: { p1: "hold" } });
await session.up();
