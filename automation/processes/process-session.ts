import { setTimeout as delay } from "node:timers/promises";
import { bootId, identify, sendSignal, type ProcessIdentity } from "./process-identity.ts";
import { processRows } from "./process-table.ts";

/**
 * Ends every process of the session that `leader` led, also when the leader itself is long dead.
 *
 * A detached child leads a session of its own, and everything that it starts stays in it. The process group is not
 * enough: the Pulumi CLI gives each plugin a group of its own, and a plugin outlives a killed CLI. A PostgreSQL server
 * that a plugin starts leaves the session (pg_ctl calls setsid), so ending a session never stops a database.
 */
export async function endSession(leader: ProcessIdentity, limitMs = 10_000): Promise<void> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const members = await sessionMembers(leader);
    if (members.length === 0) return;
    if (performance.now() > deadline) throw new Error(`processes ${members.join(", ")} survive SIGKILL`);
    for (const pid of members) sendSignal(pid, "SIGKILL");
    await delay(10);
  }
}

async function sessionMembers(leader: ProcessIdentity): Promise<number[]> {
  // A pid is not given out again while a session or group bears it, so a leader with another start time means that
  // nothing of ours is left.
  const current = identify(leader.pid);
  if (current !== undefined && current.startTime !== leader.startTime) return [];
  if (!leader.startTime.startsWith(`${bootId()}/`)) return [];
  const rows = await processRows();
  if (process.platform === "linux")
    return rows.filter(({ session }) => session === leader.pid).map(({ pid }) => pid);
  const members = new Set(rows.filter(({ group }) => group === leader.pid).map(({ pid }) => pid));
  for (let before = -1; before !== members.size;) {
    before = members.size;
    for (const { pid, parent } of rows) if (members.has(parent)) members.add(pid);
  }
  return [...members];
}
