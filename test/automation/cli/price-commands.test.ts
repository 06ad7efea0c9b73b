import { expect } from "chai";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { chargeOf, priceBookSchema, priceOf, type PriceBook } from "../../../model/cost/price-book.ts";
import { runCli } from "./run-cli.ts";

const SAMPLES = path.join(import.meta.dirname, "prices/samples");
const BOOK_IN_USE = path.join(
  import.meta.dirname,
  "../../../model/cost/prices/aws/eu-west-2/2026-11-20.json",
);

describe("the commands of the price books", () => {
  let folder: string;
  let lists: string;
  let books: string;

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "prices-"));
    lists = path.join(folder, "lists");
    books = path.join(folder, "books");
    await cp(SAMPLES, lists, { recursive: true });
  });
  afterEach(() => rm(folder, { recursive: true }));

  const refresh = (...more: string[]) =>
    runCli("http://unused", ["cost", "prices", "refresh", "--region", "eu-west-2", "--to", books, ...more]);
  const refreshed = () => refresh("--from", lists, "--json");
  const written = async (): Promise<PriceBook> =>
    priceBookSchema.parse(JSON.parse(await readFile(path.join(books, "eu-west-2/2026-11-19.json"), "utf8")));
  const writtenFiles = () => readdir(books, { recursive: true }).catch(() => []);
  const listOf = (offer: string) => path.join(lists, "offers/v1.0/aws", offer, "current/eu-west-2/index.csv");
  const change = async (offer: string, from: string | RegExp, to: string) => {
    const before = await readFile(listOf(offer), "utf8");
    const after = before.replace(from, to);
    expect(after).to.not.equal(before);
    await writeFile(listOf(offer), after);
  };
  const refused = async (code: string, text: RegExp) => {
    const run = await refreshed();
    expect(run.exitCode).to.equal(1);
    const { error } = JSON.parse(run.err.split("\n").at(-1) ?? "");
    expect(error.code).to.equal(code);
    expect(error.message).to.match(text);
    expect(await writtenFiles()).to.deep.equal([]);
  };

  describe("refresh", () => {
    it("writes each price with its SKU, its list and its unit, under the newest day of publication", async () => {
      const answer = JSON.parse((await refreshed()).out);
      expect(answer).to.include({ date: "2026-11-19", isNew: true, priceCount: 20 });
      const book = await written();
      expect(book.prices["ec2/instance/r7g.large"]).to.deep.equal({
        unit: "hour",
        steps: [{ from: 0, usd: 0.1258 }],
        sku: "MADEUPEC2R7GLARG", // neither reserved, of another system, dedicated, unused, nor of a local zone
        source: "AmazonEC2",
        isVerified: true,
      });
      expect(book.sources["AmazonEC2"]).to.include({ date: "2026-11-18" });
      expect(book.sources["AmazonEC2"]?.what).to.match(/20261118201152/);
      expect(Object.values(book.prices).every((price) => price.isVerified && price.sku !== null)).to.equal(
        true,
      );
    });

    it("tells apart what differs by its engine, its deployment or its operation alone", async () => {
      await refreshed();
      const { prices } = await written();
      const skus = [
        "rds/postgresql/db.r6g.xlarge/single-az",
        "rds/postgresql/db.r6g.xlarge/multi-az",
        "rds/gp3-storage/single-az",
        "s3/transition/glacier",
        "s3/transition/deep-archive",
        "data-transfer/inter-region",
      ].map((key) => prices[key]?.sku);
      expect(skus).to.deep.equal([
        "MADEUPRDSPGSINGL",
        "MADEUPRDSPGMULTI",
        "MADEUPRDSGP3STOR",
        "MADEUPS3GLACTRAN",
        "MADEUPS3GDATRANS",
        "MADEUPDTUSWEST02",
      ]);
    });

    it("puts steps in order, counts in the book's unit and leaves out an account's free tier", async () => {
      await refreshed();
      const book = await written();
      expect(book.prices["s3/standard-storage"]?.steps).to.deep.equal([
        { from: 0, usd: 0.024 },
        { from: 51_200, usd: 0.023 },
        { from: 512_000, usd: 0.022 },
      ]);
      expect(book.prices["data-transfer/internet"]?.steps[0]).to.deep.equal({ from: 0, usd: 0.09 });
      expect(book.prices["data-transfer/internet"]?.steps[1]?.from).to.equal(10_240);
      expect(book.prices["ebs/gp3-throughput"]?.steps).to.deep.equal([{ from: 0, usd: 0.046 }]); // from GiBps
      expect(chargeOf(priceOf(book, "route53/zones", "a test"), 30)).to.equal(13_000_000); // the world's list
    });

    it("lists what it leaves out, each with its reason", async () => {
      const { leftOut } = JSON.parse((await refreshed()).out);
      const reasonOf = (key: string) => leftOut.find((one: { key: string }) => one.key === key)?.reason;
      expect(reasonOf("ec2/instance/r6g.medium")).to.equal("no SKU fits");
      expect(reasonOf("ec2/instance/m7g.large")).to.equal("its price is 0");
      expect(reasonOf("ebs/snapshot")).to.match(/unit is 'furlongs'/);
      expect(reasonOf("nlb/hours")).to.equal("there is no price list AWSELB");
      expect((await refresh("--from", lists)).out).to.match(/ec2\/instance\/m7g\.large +its price is 0/);
    });

    it("refuses to guess between two SKUs: it names both and writes nothing", async () => {
      const line = '"MADEUPNATGWHOURS"';
      const text = await readFile(listOf("AmazonEC2"), "utf8");
      const twin = text.split("\n").find((row) => row.startsWith(line)) ?? "";
      await writeFile(
        listOf("AmazonEC2"),
        `${text}${twin.replaceAll("MADEUPNATGWHOURS", "MADEUPNATGWTWINS")}\n`,
      );
      await refused(
        "price-ambiguous",
        /nat\/hours: MADEUPNATGWHOURS \(EUW2-NatGateway-Hours.*MADEUPNATGWTWINS/,
      );
    });

    it("refuses a price in another currency", async () => {
      await change("awskms", /"USD"/g, '"EUR"');
      await refused("price-list-invalid", /'kms\/keys' is in EUR/);
    });

    it("refuses steps with a gap, and a price that is no number", async () => {
      await change("AmazonS3", '"512000","Inf"', '"600000","Inf"');
      await refused("price-list-invalid", /steps of 's3\/standard-storage' have gaps/);
      await change("AmazonS3", '"600000","Inf"', '"many","Inf"');
      await refused("price-list-invalid", /startingrange of SKU MADEUPS3STANDARD is 'many'/);
    });

    it("refuses a file that is something else, is cut off or comes from the future", async () => {
      await change("AmazonS3", "AmazonS3", "AmazonS4");
      await refused("price-list-invalid", /it is the one of 'AmazonS4'/);
      await change("AmazonEC2", "v1.0", "v2.0");
      await refused("price-list-invalid", /AmazonEC2.*its format is 'v2.0'/);
      await change("AmazonEC2", "v2.0", "v1.0");
      await change("AmazonEC2", "2026-11-18T20:11:52Z", "soon");
      await refused("price-list-invalid", /no date of publication/);
      await writeFile(listOf("AmazonEC2"), "<html>Sign in</html>\n");
      await refused("price-list-invalid", /no row of column names/);
    });

    it("refuses a row that ends too early and a quote that is never closed", async () => {
      const text = await readFile(listOf("AmazonEC2"), "utf8");
      await writeFile(listOf("AmazonEC2"), `${text}"MADEUPCUT","JRTCK`);
      await refused("price-list-invalid", /a quote is never closed/);
      await writeFile(listOf("AmazonEC2"), `${text}"MADEUPCUT","JRTCKXETXF"\n`);
      await refused("price-list-invalid", /a row has 2 cells instead of/);
    });

    it("refuses price lists of a day that has not come", async () => {
      await change("awskms", "2026-09-11T", "2999-09-11T");
      await refused("price-list-invalid", /are of 2999-09-11, which is after today/);
    });

    it("writes no empty book", async () => {
      await rm(path.join(lists, "offers"), { recursive: true });
      await refused("price-list-invalid", /Nothing was found there for eu-west-2/);
    });

    it("takes the same lists twice, and never changes a snapshot that is there", async () => {
      await refreshed();
      expect(JSON.parse((await refreshed()).out)).to.include({ isNew: false });
      const before = await written();
      await change("awskms", '"1.0000000000"', '"2.0000000000"');
      const run = await refreshed();
      expect(run.err).to.match(/price-book-exists/);
      expect(await written()).to.deep.equal(before);
    });

    it("knows no region but those whose usage types it can read", async () => {
      const run = await runCli("http://unused", ["cost", "prices", "refresh", "--region", "mars-north-1"]);
      expect(run.exitCode).to.equal(2);
      expect(run.err).to.match(/Allowed choices are us-east-1, /);
    });
  });

  describe("diff", () => {
    const diff = (...args: string[]) => runCli("http://unused", ["cost", "prices", "diff", ...args]);

    it("shows what changed with its percent, what is added and what is gone", async () => {
      await refreshed();
      const before = path.join(books, "eu-west-2/2026-11-19.json");
      const book = await written();
      const others = Object.fromEntries(Object.entries(book.prices).filter(([key]) => key !== "nat/data"));
      const nat = book.prices["nat/hours"]!;
      const after = path.join(folder, "after.json");
      const prices = {
        ...others,
        "nat/hours": { ...nat, steps: [{ from: 0, usd: 0.06 }] },
        "kms/keys": { ...book.prices["kms/keys"]!, sku: "ANOTHERNAME" },
        "nlb/hours": nat,
      };
      await writeFile(after, JSON.stringify({ ...book, date: "2026-11-21", prices }));
      const { out } = await diff(before, after);
      expect(out).to.match(/PRICE +eu-west-2 2026-11-19 +eu-west-2 2026-11-21 +CHANGE/);
      expect(out).to.match(/nat\/hours +0.05 per hour +0.06 per hour +\+20.0 %/);
      expect(out).to.match(/nlb\/hours +- +0.05 per hour +added/);
      expect(out).to.match(/nat\/data +0.05 per GB +- +gone/);
      expect(out).to.match(/1 changed, 1 added, 1 gone, 18 the same/); // another SKU is no other price
      const answer = JSON.parse((await diff(before, after, "--json")).out);
      expect(answer.changed[0]).to.include({ key: "nat/hours" });
      expect(answer.changed[0].percent).to.be.closeTo(20, 1e-9);
    });

    it("finds nothing between a book and itself", async () => {
      expect((await diff(BOOK_IN_USE, BOOK_IN_USE)).out).to.equal("0 changed, 0 added, 0 gone, 70 the same");
    });

    it("says that a file is no price book", async () => {
      const run = await diff(BOOK_IN_USE, listOf("awskms"));
      expect(run.exitCode).to.equal(1);
      expect(run.err).to.match(/index\.csv is not a price book.*price-book-invalid/s);
    });
  });
});
