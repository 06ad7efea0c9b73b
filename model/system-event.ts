/** The topic of the platform's own events (seed 001). No tenant's id has this form. */
export const SYSTEM_EVENTS_TOPIC = "system-events";

export const SYSTEM_EVENT_KINDS = [
  "tenant.created",
  "tenant.deleted",
  "tenant.failed",
  "tenant.moved",
  "tenant.rolled-back",
  "move.abandoned",
  "move.finished",
  "cell.added",
  "ingestion.stopped",
  "dead-letters.growing",
  "dead-letters.cleared",
  "trigger.fired",
  "trigger.started",
  "trigger.refused",
  "trigger.withdrawn",
  "stack.drifted",
  "stack.restored",
  "budget.reached",
  "budget.endangered",
  "cost.leapt",
] as const;
export type SystemEventKind = (typeof SYSTEM_EVENT_KINDS)[number];
