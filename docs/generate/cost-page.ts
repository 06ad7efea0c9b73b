import { COST_COMPONENTS, totalOf, type CostLine } from "../../model/cost/cost-line.ts";
import { platformLines, tenantLines } from "../../model/cost/materials.ts";
import { usdOf } from "../../model/cost/money.ts";
import { bookOf } from "../../model/cost/price-books.ts";
import type { PriceBook } from "../../model/cost/price-book.ts";

/** What each stack costs by standing there, and by which prices: as the quotes and the gate compute it. */
export function costPage(): string {
  const book = bookOf({ region: "us-east-1", date: "2026-11-20" });
  const stacks: readonly (readonly [string, readonly CostLine[]])[] = [
    ["platform, development", platformLines(book, "development")],
    ["platform, production", platformLines(book, "production")],
    ["a shared tenant more", tenantLines(book, "shared")],
    ["a dedicated tenant more", tenantLines(book, "dedicated")],
  ];
  const row = (name: string, of: (lines: readonly CostLine[]) => string) =>
    `| ${[name, ...stacks.map(([, lines]) => of(lines))].join(" | ")} |`;
  const used = new Set(stacks.flatMap(([, lines]) => lines.map(({ price }) => price)));
  return [
    "# What the stacks cost",
    "",
    "Made by `npm run docs` from the stacks' bills of materials and the price book, as quotes and the gate are.",
    "",
    `USD a month of 730 h at list prices on demand, ${book.region}, ${book.date}, before any use of them: requests, transfer,`,
    "logs and backups are in a quote ([cost.md](cost.md)). Servers of a dedicated tenant are of production's size; the platform",
    "has one shared cell and the control plane.",
    "",
    `| Component | ${stacks.map(([name]) => name).join(" | ")} |`,
    `| --- |${" ---: |".repeat(stacks.length)}`,
    ...COST_COMPONENTS.filter((component) =>
      stacks.some(([, lines]) => ofComponent(lines, component).length > 0),
    ).map((component) => row(component, (lines) => cents(totalOf(ofComponent(lines, component)).expected))),
    row("**Together**", (lines) => `**${cents(totalOf(lines).expected)}**`),
    row("… at most, as disks grow by themselves", (lines) => cents(totalOf(lines).high)),
    "",
    "| Price | USD | for one | Source |",
    "| --- | ---: | --- | --- |",
    ...[...used].toSorted().map((key) => priceRow(book, key)),
    "",
  ].join("\n");
}

function ofComponent(lines: readonly CostLine[], component: CostLine["component"]): readonly CostLine[] {
  return lines.filter((line) => line.component === component);
}

function priceRow({ prices, sources }: PriceBook, key: string): string {
  const price = prices[key];
  if (price === undefined) throw new RangeError(`no price ${key}`);
  const usd = price.steps
    .map(({ from, usd: each }) => (from === 0 ? `${each}` : `${each} from ${from}`))
    .join("; ");
  const { what, date } = sources[price.source] ?? { what: price.source, date: null };
  const weak = price.isVerified ? "" : " (not verified)";
  return `| \`${key}\` | ${usd} | ${price.unit} | ${what}${date === null ? "" : `, ${date}`}${weak} |`;
}

function cents(amount: number): string {
  return usdOf(amount).toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
}
