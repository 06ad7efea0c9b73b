import { createHash } from "node:crypto";
import type { CleanUpReceipt, MoveReceipt, SignedReceipt } from "../../model/receipt.ts";
import { html, Html } from "./html.ts";
import { htmlTable } from "./html-table.ts";
import { durationText, timeline } from "./receipt-timeline.ts";

const STYLE = `
:root { color-scheme: light dark; --ink: #1a2027; --soft: #57606a; --line: #d8dee4; --page: #fff; --bar: #2f6f9f; --pause: #b4540a }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ec; --soft: #9aa4af; --line: #333b44; --page: #14181c; --bar: #6fb1e0; --pause: #f0a35e }
}
body { margin: 0 auto; max-width: 46rem; padding: 1.5rem 1rem 3rem; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .25rem }
h2 { font-size: 1.05rem; margin: 2rem 0 .5rem }
p { margin: .25rem 0 } .soft { color: var(--soft) }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .35rem 1.25rem; margin: 1.25rem 0 }
dt { color: var(--soft) } dd { margin: 0; overflow-wrap: anywhere } dd p { margin: 0 }
svg { display: block; width: 100%; max-width: 34rem; height: auto; font-size: 14px }
svg text { fill: var(--ink) } svg line { stroke: var(--line) }
.track { fill: var(--line); opacity: .45 } .step { fill: var(--bar) } .pause { fill: var(--pause) }
.scroll { overflow-x: auto } table { border-collapse: collapse; width: 100%; font-size: .85rem }
th, td { text-align: left; padding: .3rem .75rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top }
td { white-space: nowrap } .number { text-align: right; font-variant-numeric: tabular-nums }
summary { cursor: pointer; margin-top: 1rem } code { overflow-wrap: anywhere; font-size: .9em }
@media (max-width: 30rem) { dl { grid-template-columns: 1fr; gap: 0 } dd { margin-bottom: .6rem } }
`;

/** Its own style, named by its hash, and nothing else: no script, nothing from elsewhere. */
export const RECEIPT_PAGE_POLICY = `default-src 'none'; style-src 'sha256-${createHash("sha256").update(STYLE).digest("base64")}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

/** A receipt for a person, in one file that can be kept. */
export function receiptPage({ receipt, signature }: SignedReceipt): string {
  const title = receipt.kind === "move" ? moveTitle(receipt) : cleanUpTitle(receipt);
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>${title}</title>
        <link rel="icon" href="data:," />
        <style>
          ${new Html(STYLE)}
        </style>
      </head>
      <body>
        <h1>${title}</h1>
        <p class="soft">Receipt of operation <code>${receipt.operation}</code></p>
        ${receipt.kind === "move" ? moveBody(receipt) : cleanUpBody(receipt)}
        <h2>Signature</h2>
        <p>
          ${signature.algorithm}, by the key with the fingerprint <code>${signature.keyFingerprint}</code>. A
          page can say anything: <code>npx millwright receipt verify FILE</code> checks the receipt itself,
          which is JSON.
        </p>
      </body>
    </html> `;
  return page.text;
}

function moveTitle({ tenant, from, to }: MoveReceipt): string {
  return `${tenant} moved from ${from.cell} to ${to.cell}`;
}

function cleanUpTitle({ tenant, cell }: CleanUpReceipt): string {
  return `What ${tenant} left in ${cell} is gone`;
}

function moveBody(receipt: MoveReceipt): Html {
  const { from, to, ranges, tails, sideTables, totals, pause, cost, times, epochs, positions } = receipt;
  const tailRows = tails
    .flatMap(({ series }) => series)
    .reduce((sum, { rowCount }) => sum + BigInt(rowCount), 0n);
  return html`
    <dl>
      ${facts([
        ["Tier", from.tier === to.tier ? `${to.tier}, as before` : `${from.tier} to ${to.tier}`],
        [
          "When",
          `${timeText(times.startedAt)}, took ${durationText(Date.parse(times.endedAt) - Date.parse(times.startedAt))}`,
        ],
        [
          "Copied",
          `${grouped(totals.rowCount)} rows in ${grouped(ranges.length)} ranges, each compared: equal`,
        ],
        ["By the log", `${grouped(String(tailRows))} rows came meanwhile into both, compared: equal`],
        ["Pause", pauseText(pause)],
        ["Asked by", askedBy(receipt)],
        [
          "Cost",
          `${usd(cost.beforeUsdPerMonth)} to ${usd(cost.afterUsdPerMonth)} a month, by list prices: no bill`,
        ],
        ["Way back", `open until ${timeText(receipt.rollbackUntil)}`],
        ["Epoch", `${epochs.before} to ${epochs.after}`],
      ])}
    </dl>
    <h2>The move in time</h2>
    ${timeline(receipt)}
    <h2>Proof</h2>
    <p>Both homes counted the same rows, and the sums of the rows' hashes are the same.</p>
    <details>
      <summary>Ranges that were copied (${grouped(ranges.length)})</summary>
      ${table(
        ["Series", "From", "To", "Rows", "Hash"],
        ranges.map(({ type, from: begin, to: end, rowCount, hash }) => [
          type,
          begin,
          end,
          grouped(rowCount),
          hash,
        ]),
      )}
    </details>
    <details>
      <summary>What came by the log</summary>
      ${table(
        ["Series", "From", "Until", "Rows", "Hash"],
        tails.flatMap(({ from: begin, until, series }) =>
          series.map(({ type, rowCount, hash }) => [
            type,
            offsets(begin),
            offsets(until),
            grouped(rowCount),
            hash,
          ]),
        ),
      )}
    </details>
    <details>
      <summary>Side tables (${sideTables.length})</summary>
      ${table(
        ["Table", "Rows", "Hash"],
        sideTables.map(({ name, rowCount, hash }) => [name, grouped(rowCount), hash]),
      )}
    </details>
    <details>
      <summary>Positions in the log</summary>
      ${table(
        ["Topic", "Partition", "At the mark", "At the flip"],
        positions.final.map(({ topic, partition, nextOffset }) => {
          const marked = positions.mark.find((one) => one.topic === topic && one.partition === partition);
          return [topic, String(partition), marked?.nextOffset ?? "-", nextOffset];
        }),
      )}
    </details>
  `;
}

function cleanUpBody({ rows, droppedAt, move }: CleanUpReceipt): Html {
  return html`
    <dl>
      ${facts([
        ["When", timeText(droppedAt)],
        [
          "After the move",
          `operation ${move.operation}, whose receipt has the SHA-256 ${move.receiptSha256}`,
        ],
      ])}
    </dl>
    <h2>Rows that went</h2>
    ${table(
      ["Table", "Rows"],
      Object.entries(rows).map(([name, count]) => [name, grouped(count)]),
    )}
  `;
}

function facts(pairs: readonly (readonly [string, string | Html])[]): Html[] {
  return pairs.map(
    ([name, value]) =>
      html`<dt>${name}</dt>
        <dd>${value}</dd>`,
  );
}

/** Columns named for what they count stand to the right. */
function table(headings: readonly string[], rows: readonly (readonly string[])[]): Html {
  const isNumber = (heading: string) =>
    ["Rows", "Hash", "Partition"].includes(heading) || heading.startsWith("At ");
  const columns = headings.map((name) => ({ name, isNumber: isNumber(name) }));
  return html`<div class="scroll">${htmlTable(columns, rows)}</div>`;
}

function pauseText({ seen, flipMs }: MoveReceipt["pause"]): string {
  const own = flipMs === null ? "" : `, ${durationText(flipMs)} by the flip's own clock`;
  if (seen === null) return `not measured from outside${own}`;
  return `${durationText(seen.pauseMs)} for a writer from outside, who tried ${grouped(seen.probeCount)} times${own}`;
}

function askedBy({ decidedBy: { actor, reason, trigger } }: MoveReceipt): Html {
  const because = reason === null ? "" : `: ${reason}`;
  const approved = trigger?.approvedBy == null ? "" : `, approved by ${trigger.approvedBy}`;
  const evidence = trigger?.reasons.map(
    ({ metric, value, limit, windowHours }) =>
      html`<p class="soft">${metric} was ${value} in ${windowHours} h, the limit is ${limit}</p>`,
  );
  return html`<p>${actor}${because}${approved}</p>
    ${evidence ?? []}`;
}

function offsets(list: MoveReceipt["positions"]["mark"]): string {
  return list.map(({ partition, nextOffset }) => `${partition}: ${nextOffset}`).join(", ");
}

function timeText(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;
}

function grouped(count: string | number): string {
  return BigInt(count).toLocaleString("en-US");
}

function usd(amount: number): string {
  return amount.toLocaleString("en-US", { style: "currency", currency: "USD" });
}
