import type { EngineEvent as PulumiEvent } from "@pulumi/pulumi/automation/index.js";
import type { ChangeSummary, EngineEvent, PolicyViolation } from "./engine.ts";

/** What one run of the CLI reported. Resource events pass on at once; texts wait, because only the state's secrets tell
 * what must be masked in them, and reading those costs a CLI call that a silent run is spared. */
export class RunEvents {
  readonly violations: PolicyViolation[] = [];
  readonly errors: string[] = [];
  readonly heldTexts: EngineEvent[] = [];
  changes: ChangeSummary = {};
  readonly #seen = new Set<string>();
  readonly #onResource: (event: EngineEvent) => void;

  constructor(onResource: (event: EngineEvent) => void) {
    this.#onResource = onResource;
  }

  take(event: PulumiEvent): void {
    const { diagnosticEvent, policyEvent, resOutputsEvent, resOpFailedEvent, summaryEvent } = event;
    if (summaryEvent !== undefined) this.changes = { ...summaryEvent.resourceChanges };
    const step = resOutputsEvent?.metadata ?? resOpFailedEvent?.metadata;
    if (step !== undefined && step.op !== "same" && !this.#seen.has(`${step.op} ${step.urn}`)) {
      const { urn, type, op } = step;
      this.#seen.add(`${op} ${urn}`); // the stack itself is reported twice
      const outcome = resOpFailedEvent === undefined ? "" : " failed";
      const message = `${op} ${type} ${nameOf(urn)}${outcome}`;
      this.#onResource({ kind: "resource", message, resource: { urn, type, op } });
    }
    if (policyEvent !== undefined) {
      const message = plain(policyEvent.message);
      const { policyName: policy, resourceUrn = "" } = policyEvent;
      const resource = nameOf(resourceUrn);
      this.heldTexts.push({ kind: "policy", message: `${policy}: ${resource}: ${message}` });
      if (policyEvent.enforcementLevel === "mandatory") this.violations.push({ policy, resource, message });
    }
    if (diagnosticEvent !== undefined && diagnosticEvent.ephemeral !== true) {
      const { severity, urn = "" } = diagnosticEvent;
      const text = plain(diagnosticEvent.message);
      // The SDK sends debug texts, which its types do not know; and a plugin of ours on PATH is no news.
      if (!SHOWN.has(severity) || text === "" || OWN_PLUGIN.test(text)) return;
      const message = urn === "" ? text : `${nameOf(urn)}: ${text}`;
      this.heldTexts.push({ kind: "message", message: `${severity}: ${message}` });
      if (severity === "error" && !SUMMARY.test(text)) this.errors.push(message);
    }
  }
}

const SHOWN: ReadonlySet<string> = new Set(["info", "info#err", "warning", "error"]);

const OWN_PLUGIN = /^using pulumi-resource-\S+ from \$PATH/;

/** The engine's own last line, which says only that something failed. */
const SUMMARY = /^(update|preview|destroy) (failed|canceled)$/;

/** `TYPE::NAME` is the end of a URN; the stack itself is named after project and stack. */
function nameOf(urn: string): string {
  return urn.split("::").at(-1) ?? urn;
}

/** Without the engine's own colour tags (`<{%reset%}>`) and the terminal's. */
function plain(text: string): string {
  return text.replace(/<\{%[^%]*%\}>|\u001b\[[\d;]*m/g, "").trim();
}
