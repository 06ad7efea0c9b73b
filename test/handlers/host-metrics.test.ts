import { readFile } from "node:fs/promises";
import { expect } from "chai";
import { HostMetrics } from "../../handlers/host-metrics.ts";

const STAGES = { append: 1, evaluate: 2, commit: 3, send: 4 };

describe("metrics of the handler host", () => {
  it("show the stages of a tenant's alerts, and count those over the promise", async () => {
    const metrics = new HostMetrics();
    const { onRaised } = metrics.alerts;
    const { onNotified } = metrics.notifications;
    onRaised?.({ tenant: "acme", latencyMs: { ...STAGES, send: null, total: null } });
    onNotified?.({ tenant: "acme", latencyMs: { ...STAGES, total: 500 } });
    onNotified?.({ tenant: "acme", latencyMs: { ...STAGES, total: 501 } });
    const text = await metrics.text();
    for (const [stage, count] of [
      ["append", 1],
      ["evaluate", 1],
      ["commit", 1],
      ["send", 2],
      ["total", 2],
    ])
      expect(text).to.contain(
        `millwright_alert_latency_seconds_count{tenant="acme",stage="${stage}"} ${count}\n`,
      );
    expect(text).to.contain('millwright_alert_sla_violations_total{tenant="acme"} 1\n');
  });

  it("give no more than 50 tenants series of their own", async () => {
    const metrics = new HostMetrics();
    for (let n = 0; n < 1_000; n++)
      metrics.notifications.onNotified?.({ tenant: `t-${n}`, latencyMs: { ...STAGES, total: 9_000 } });
    const text = await metrics.text();
    const labels = new Set(
      [...text.matchAll(/sla_violations_total\{tenant="([^"]+)"\}/g)].map(([, label]) => label),
    );
    expect(labels.size).to.equal(51);
    expect(text).to.contain('millwright_alert_sla_violations_total{tenant="other"} 950\n');
  });

  it("stand in the documentation, each with its help", async () => {
    const page = await readFile(new URL("../../docs/metrics.md", import.meta.url), "utf8");
    const text = await new HostMetrics().text();
    const helps = [...text.matchAll(/^# HELP (millwright_(?!host_)\S+) (.*)$/gm)];
    expect(helps).to.not.have.length(0);
    const documented = page.replace(/ +/g, " ");
    for (const [, name, help] of helps) expect(documented).to.contain(`| \`${name}\` | ${help} |`);
  });

  it("show dead letters by reason, and who has open ones", async () => {
    const metrics = new HostMetrics();
    const reasons = ["reading-invalid", "reading-invalid", "time-out-of-range"] as const;
    const outcome = { seeks: [], taken: [], left: [], rowCount: 1, deadLetterCount: 3 };
    metrics.stored("shared-1", { ...outcome, deadLetterReasons: reasons });
    metrics.openLetters("shared-1", [
      { tenant: "acme", openCount: 2 },
      { tenant: "globex", openCount: 0 },
    ]);
    const text = await metrics.text();
    expect(text).to.contain('millwright_dead_letters_total{cell="shared-1",reason="reading-invalid"} 2\n');
    expect(text).to.contain('millwright_dead_letters_open{cell="shared-1",tenant="acme"} 2\n');
    expect(text).to.not.contain("globex");
    metrics.openLetters("shared-1", [{ tenant: "acme", openCount: 0 }]);
    expect(await metrics.text()).to.not.contain("acme");
  });
});
