import { createHash } from "node:crypto";
import { DEFAULT_ASSUMPTIONS, type Projection } from "../../model/cost/projection.ts";
import type { Range } from "../../model/cost/range.ts";
import type { Recommendation } from "../../model/cost/recommendations.ts";
import type { CheckedMonth, CostReport, OptionsAnswer, SpentMonth } from "../cost/decisions.ts";
import { barChart, logChart, usdText } from "./cost-charts.ts";
import { html, Html } from "./html.ts";
import { htmlTable } from "./html-table.ts";

const STYLE = `
:root { --ink: #1a2027; --soft: #57606a; --line: #d8dee4; --bar: #2f6f9f; --warn: #b4540a }
@page { size: A4; margin: 14mm }
body { margin: 0 auto; max-width: 48rem; padding: 1.5rem 1rem 3rem; background: #fff; color: var(--ink);
  font: 15px/1.45 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .25rem } h2 { font-size: 1.1rem; margin: 1.75rem 0 .4rem; break-after: avoid }
p { margin: .25rem 0 } .soft { color: var(--soft) } .warn { color: var(--warn) }
svg { display: block; width: 100%; height: auto; font-size: 12px; break-inside: avoid; margin: .5rem 0 }
svg text { fill: var(--ink) } svg line { stroke: var(--line) } svg .bar { fill: var(--bar) }
svg polyline { fill: none; stroke-width: 2 } svg .total { stroke: var(--bar) } svg .each { stroke: var(--soft) }
svg .budget { stroke: var(--warn); stroke-dasharray: 5 4 }
table { border-collapse: collapse; width: 100%; font-size: .8rem } thead { display: table-header-group } tr { break-inside: avoid }
th, td { text-align: left; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
@media print { body { max-width: none; padding: 0; font-size: 10pt } a { color: inherit } }
`;

/** Its own style, named by its hash, and nothing else: no script, nothing from elsewhere. */
export const COST_REPORT_POLICY = `default-src 'none'; style-src 'sha256-${createHash("sha256").update(STYLE).digest("base64")}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

/** Bars that a page has room for; the rest are one bar. */
const MOST_BARS = 20;
/** Stacks whose check a page has room for: the largest. */
const MOST_CHECKED = 30;
/** The curve has more points than a reader wants as numbers. */
const TABLED_TENANTS = [3, 10, 50, 100, 1_000];

/** Cost by component and tenant, projection, options and recommendations, in one file that prints on A4. */
export function costReportPage(report: CostReport, nowMs: number): string {
  const { region, priceDate, spent, checked, projection, options, recommendations } = report;
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>Cost of the platform</title>
        <link rel="icon" href="data:," />
        <style>
          ${new Html(STYLE)}
        </style>
      </head>
      <body>
        <h1>Cost of the platform</h1>
        <p class="soft">
          ${dateText(nowMs)} UTC. List prices of ${region}, as of ${priceDate}; a month has 730 h.
        </p>
        ${spentSection(spent)} ${checkedSection(checked)} ${projectionSection(projection)}
        ${recommendationSection(recommendations)} ${optionSection(options)} ${statementSection(options)}
      </body>
    </html> `;
  return page.text;
}

function spentSection({ fromMs, toMs, totalUsd, byComponent, byTenant }: SpentMonth): Html {
  const days = `${dateText(fromMs)} to ${dateText(toMs - 1)}`;
  if (totalUsd === 0)
    return html`<h2>The last 30 days</h2>
      <p>Nothing stood yet (${days}).</p>`;
  return html`
    <h2>The last 30 days: ${usdText(totalUsd)}</h2>
    <p class="soft">${days}; what stood by the hour, and what was used.</p>
    <h2>By component</h2>
    ${barChart("Cost by component", byComponent)}
    <h2>By tenant</h2>
    ${byTenant.length === 0 ? html`<p>No tenant yet.</p>` : barChart("Cost by tenant", firstBars(byTenant))}
  `;
}

function firstBars(items: SpentMonth["byTenant"]): SpentMonth["byTenant"] {
  if (items.length <= MOST_BARS) return items;
  const rest = items.slice(MOST_BARS - 1);
  const usd = rest.reduce((sum, item) => sum + item.usd, 0);
  return [...items.slice(0, MOST_BARS - 1), { name: `${rest.length} others`, usd }];
}

function checkedSection(checked: CheckedMonth | undefined): Html {
  if (checked === undefined)
    return html`<h2>Estimate and bill</h2>
      <p>No bill was reported yet: <code>millwright cost compare FILE --month MONTH --keep</code>.</p>`;
  const { month, total, lines } = checked;
  return html`<h2>Estimate and bill of ${month}</h2>
    ${table(
      ["Stack", "Component", "Price", "#Estimate", "#Bill", "#Error %"],
      [
        ...lines.slice(0, MOST_CHECKED),
        { owner: `total of ${lines.length}`, component: "", price: "", ...total },
      ].map((one) => [
        ...[one.owner, one.component, one.price, usdText(one.estimateUsd), usdText(one.actualUsd)],
        one.errorPercent?.toFixed(1) ?? "-",
      ]),
    )}`;
}

function projectionSection({ assumptions, points, breakEven, returnOnInvestment }: Projection): Html {
  const { budgetUsdPerMonth, horizonMonths } = assumptions;
  const [first, last] = [points[0]?.tenants ?? 1, points.at(-1)?.tenants ?? 1];
  const curves = [
    {
      name: "platform",
      kind: "total",
      points: points.map((one) => [one.tenants, one.totalUsd.expected] as const),
    },
    {
      name: "a tenant",
      kind: "each",
      points: points.map((one) => [one.tenants, one.usdPerTenant.expected] as const),
    },
    ...(budgetUsdPerMonth > 0
      ? [
          {
            name: "budget",
            kind: "budget",
            points: [first, last].map((x) => [x, budgetUsdPerMonth] as const),
          },
        ]
      : []),
  ];
  const tabled = points.filter(({ tenants }) => TABLED_TENANTS.includes(tenants));
  const { ratio } = returnOnInvestment;
  return html`
    <h2>Projection</h2>
    ${logChart("Cost by number of tenants", "tenants (USD a month, both axes logarithmic)", curves)}
    ${table(
      ["Tenants", "#USD a month", "#low", "#high", "#of a tenant", "#Cells", "#Brokers", "Quotas to raise"],
      tabled.map(({ tenants, totalUsd, usdPerTenant, needs, quotas }) => [
        tenants.toLocaleString("en-US"),
        ...[totalUsd.expected, totalUsd.low, totalUsd.high, usdPerTenant.expected].map(usdText),
        ...[needs.cells, needs.brokers].map(String),
        quotas
          .filter(({ isMet }) => !isMet)
          .map(
            ({ what, quotaCode, needed }) =>
              `${what}: ${needed}${quotaCode === null ? "" : ` (${quotaCode})`}`,
          )
          .join("; ") || "-",
      ]),
    )}
    <p>
      Break-even: ${breakEven.tenants === null ? "none" : `${breakEven.tenants} tenants`}
      (${breakEven.tenantsAtHighCost ?? "none"} at the high end of the cost). The investment is back
      ${breakEven.paidBackInMonth === null ? `not within ${horizonMonths} months` : `in month ${breakEven.paidBackInMonth}`}.
      ${horizonMonths} months bring
      ${usdText(returnOnInvestment.resultUsd)}${ratio === null ? "" : `, ${(ratio * 100).toFixed(0)} % on the investment`}.
    </p>
    <h2>What is assumed</h2>
    ${table(
      ["Assumption", "#Value", "From"],
      Object.entries(DEFAULT_ASSUMPTIONS).map(([name, { from }]) => {
        const value = assumptions[name as keyof typeof assumptions];
        return [name, typeof value === "number" ? value.toLocaleString("en-US") : value, from];
      }),
    )}
  `;
}

function recommendationSection(recommendations: readonly Recommendation[]): Html {
  const rows = recommendations.map(({ kind, subject, action, savingUsd, missingPrices, evidence }) => [
    kind,
    subject,
    action,
    savingUsd === null ? `no price: ${missingPrices.join(", ")}` : rangeText(savingUsd),
    evidence
      .map(
        ({ name, value, limit }) =>
          `${name} ${short(value)}${limit === null ? "" : ` (limit ${short(limit)})`}`,
      )
      .join("; "),
  ]);
  return html`<h2>What would cost less</h2>
    ${
      rows.length === 0
        ? html`<p>Nothing that the usage of the last 30 days shows.</p>`
        : table(["What", "Of", "Do", "Saves a month", "Evidence"], rows)
    }`;
}

function optionSection({ options, components }: OptionsAnswer): Html {
  return html`
    <h2>Options, for 30 tenants with 50 devices each</h2>
    ${table(
      ["Option", "Printed a month", "Computed a month", "Of a tenant", "A year, with people", "Notes"],
      options.map(({ id, name, printed, monthlyUsd, usdPerTenant, yearlyUsd, notes }) => [
        `${id}: ${name}`,
        printed === null ? "-" : [...new Set(printed.monthlyUsd)].map(usdText).join(" to "),
        rangeText(monthlyUsd),
        rangeText(usdPerTenant),
        yearlyUsd === null ? "-" : rangeText(yearlyUsd.total),
        notes.join(" "),
      ]),
    )}
    <h2>Components: shared or dedicated</h2>
    ${table(
      ["Component", "Decided", "Printed for 3 customers", "#List price today", "Why"],
      components.map(({ component, decided, printedUsd, listUsd, bought, reason }) => [
        component,
        decided,
        Object.entries(printedUsd)
          .map(([place, text]) => `${place}: ${text}`)
          .join("; "),
        listUsd === null ? "by use" : usdText(listUsd),
        `${reason}${bought === null ? "" : ` The printed sum buys ${short(bought.quantity)} ${bought.unit}s.`}`,
      ]),
    )}
  `;
}

function statementSection({ statements }: OptionsAnswer): Html {
  const wrong = statements.filter(
    ({ verdict, onceCorrected }) => verdict !== "holds" || onceCorrected !== undefined,
  );
  const count = (verdict: string) => statements.filter((one) => one.verdict === verdict).length;
  return html`
    <h2>Sums that the founding documents print</h2>
    <p>
      ${count("holds")} hold, ${count("corrected")} are corrected, ${count("unfounded")} follow from nothing
      that is given. Below are those that are wrong, have no ground, or are made of figures that are wrong.
    </p>
    ${table(
      ["Where", "What", "Printed", "Computed", "Once corrected", "Why"],
      wrong.map(({ place, claim, printed, computed, onceCorrected, implied, reason = "" }) => [
        place,
        claim,
        printed,
        computed.length === 0 ? "nothing gives it" : computed.map(short).join(" to "),
        onceCorrected === undefined ? "" : onceCorrected.map(short).join(" to "),
        `${reason}${implied === undefined ? "" : ` It would take ${short(implied.value)} ${implied.what}.`}`,
      ]),
    )}
  `;
}

/** Columns whose heading begins with # stand to the right. */
function table(headings: readonly string[], rows: readonly (readonly string[])[]): Html {
  const columns = headings.map((heading) => ({
    name: heading.replace(/^#/, ""),
    isNumber: heading.startsWith("#"),
  }));
  return htmlTable(columns, rows);
}

function rangeText({ low, expected, high }: Range): string {
  return low === high ? usdText(expected) : `${usdText(expected)} (${usdText(low)} to ${usdText(high)})`;
}

function short(value: number): string {
  return value.toLocaleString("en-US", { maximumFractionDigits: 2 });
}

function dateText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
