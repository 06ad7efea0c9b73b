import { Option, type Command } from "commander";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { MillwrightError } from "../../model/errors.ts";
import { diffBooks, type PriceBookDiff } from "../../model/cost/price-book-diff.ts";
import { priceBookSchema, type Price, type PriceBook } from "../../model/cost/price-book.ts";
import { bookOf, SNAPSHOTS } from "../../model/cost/price-books.ts";
import { show, type CommandContext } from "./context.ts";
import { facts, table } from "./output.ts";
import { makePriceBook, type LeftOut } from "./prices/make-price-book.ts";
import { AWS_PRICE_LISTS, fileSource } from "./prices/offer-source.ts";
import { REGIONS } from "../../model/cost/usage-type.ts";

const BOOKS = path.join(import.meta.dirname, "../../model/cost/prices/aws");
const MAX_BOOK_BYTES = 5 << 20;

interface RefreshOptions {
  readonly region: string;
  readonly from: string;
  readonly to: string;
}

export function addPriceCommands(program: Command, context: CommandContext): void {
  const cost = program.commands.find((command) => command.name() === "cost") ?? program.command("cost");
  const prices = cost.command("prices").description("the price books (docs/prices.md)");
  prices
    .command("refresh")
    .description("write a new snapshot of a region's prices from AWS's public price lists")
    .addOption(new Option("--region <region>").choices(REGIONS).makeOptionMandatory())
    .option("--from <folder or https address>", "where the price lists are", AWS_PRICE_LISTS)
    .option("--to <folder>", "where the snapshots are", BOOKS)
    .action((options: RefreshOptions, command: Command) => refresh(options, command, context));
  prices
    .command("diff <old> <new>")
    .description("what is added, gone or changed from one snapshot (a file) to another")
    .action(async (old: string, young: string, _options: unknown, command: Command) => {
      const [before, after] = [await readBook(old), await readBook(young)];
      const diff = diffBooks(before, after);
      show(context, command, diff, () => diffText(diff, before, after));
    });
}

async function refresh({ region, from, to }: RefreshOptions, command: Command, context: CommandContext) {
  const { signal, terminal } = context;
  const { book, leftOut: unmatched } = await makePriceBook(region, {
    open: fileSource(from),
    signal,
    onFile: (file) => terminal.err(`reading ${file}`),
  });
  const today = new Date().toISOString().slice(0, 10);
  if (book.date > today) {
    const message = `The price lists are of ${book.date}, which is after today, ${today}; no book is written.`;
    throw new MillwrightError("price-list-invalid", message);
  }
  const leftOut = [...unmatched, ...withoutRule(book, unmatched, today)];
  const file = path.join(to, region, `${book.date}.json`);
  const isNew = await writeOnce(file, `${JSON.stringify(book, null, 2)}\n`);
  const priceCount = Object.keys(book.prices).length;
  show(context, command, { file, date: book.date, isNew, priceCount, leftOut }, () =>
    [
      facts([
        ["book", file],
        ["prices", priceCount],
        ["left out", leftOut.length],
      ]),
      ...(leftOut.length === 0
        ? []
        : [
            table(
              ["LEFT OUT", "WHY"],
              leftOut.map(({ key, reason }) => [key, reason]),
            ),
          ]),
      isNew ? "Register it in model/cost/price-books.ts to use it." : "It was there already, the same.",
    ].join("\n\n"),
  );
}

/** What the book in use has, and no rule says where it stands in the price lists. */
function withoutRule(book: PriceBook, leftOut: readonly LeftOut[], today: string): LeftOut[] {
  if (!SNAPSHOTS.some(({ region }) => region === book.region)) return [];
  const known = new Set([...Object.keys(book.prices), ...leftOut.map(({ key }) => key)]);
  return Object.keys(bookOf({ region: book.region, date: today }).prices)
    .filter((key) => !known.has(key))
    .map((key) => ({ key, reason: "no rule says where it stands; the book in use has it" }));
}

/**
 * What was quoted or billed by a snapshot must stay as it was.
 * @returns whether it was written; false: it is there, just the same
 * @throws MillwrightError `price-book-exists`
 */
async function writeOnce(file: string, text: string): Promise<boolean> {
  await mkdir(path.dirname(file), { recursive: true });
  try {
    await writeFile(file, text, { flag: "wx" });
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cause;
    if ((await readFile(file, "utf8")) === text) return false;
    const message = `There is another snapshot of that day already, ${file}. If nothing was priced by it, delete it first.`;
    throw new MillwrightError("price-book-exists", message, { cause });
  }
}

/** @throws MillwrightError `price-book-invalid` */
async function readBook(file: string): Promise<PriceBook> {
  try {
    if ((await stat(file)).size > MAX_BOOK_BYTES) throw new Error("it is larger than 5 MiB");
    return priceBookSchema.parse(JSON.parse(await readFile(file, "utf8")));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new MillwrightError("price-book-invalid", `${file} is not a price book: ${reason}`, { cause });
  }
}

function diffText(
  { added, removed, changed, unchangedCount }: PriceBookDiff,
  before: PriceBook,
  after: PriceBook,
) {
  const rows = [
    ...changed.map(({ key, before, after, percent }) => [
      key,
      priceText(before),
      priceText(after),
      percentText(percent),
    ]),
    ...added.map(({ key, price }) => [key, null, priceText(price), "added"]),
    ...removed.map(({ key, price }) => [key, priceText(price), null, "gone"]),
  ];
  const headings = ["PRICE", ...[before, after].map((book) => `${book.region} ${book.date}`), "CHANGE"];
  const counts = `${changed.length} changed, ${added.length} added, ${removed.length} gone, ${unchangedCount} the same`;
  return rows.length === 0 ? counts : `${table(headings, rows)}\n\n${counts}`;
}

function priceText({ unit, steps }: Price): string {
  const [first, ...later] = steps.map(({ usd }) =>
    usd.toLocaleString("en-US", { maximumSignificantDigits: 12 }),
  );
  const more = later.map(
    (usd, index) => `, from ${steps[index + 1]?.from.toLocaleString("en-US") ?? ""}: ${usd}`,
  );
  return `${first ?? ""}${more.join("")} per ${unit}`;
}

function percentText(percent: number | undefined): string {
  if (percent === undefined) return "changed";
  return percent === 0 ? "steps" : `${percent > 0 ? "+" : ""}${percent.toFixed(1)} %`;
}
