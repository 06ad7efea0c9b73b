import { expect } from "chai";
import { SEED_STATEMENTS } from "../../../../model/cost/seeds/statements.ts";
import { judgeStatement, printedFigures, type Verdict } from "../../../../model/cost/seeds/statement.ts";

/**
 * What is right, computed by hand and by another program from the documents, before the code was written: verdict, figures
 * at their place, and figures once what they are made of is corrected. Rounded to two digits.
 */
const RIGHT: Readonly<Record<string, readonly [Verdict, readonly number[], (readonly number[])?]>> = {
  "000/machines": ["holds", [45]],
  "000/budget-per-customer": ["holds", [16_666.67]],
  "000/matrix/api-gateway": ["holds", [450]],
  "000/matrix/total": ["holds", [2_700, 2_900]],
  "000/matrix/platform": ["corrected", [3_585]],
  "000/breakdown/vpcs": ["holds", [450]],
  "000/breakdown/api-gateways": ["holds", [150]],
  "000/breakdown/nat-gateways": ["holds", [135]],
  "000/breakdown/timescale": ["corrected", [2_200]],
  "000/total": ["holds", [3_585], [4_785]],
  "000/per-customer": ["holds", [1_195], [1_595]],
  "000/per-machine": ["holds", [79.67], [106.33]],
  "000/at-10-customers": ["unfounded", []],
  "000/at-50-customers": ["unfounded", []],
  "000/break-even": ["unfounded", []],
  "000/shared-s3-saving": ["corrected", [38.89]],
  "000/api-per-customer": ["holds", [150], [245]],
  "003/total": ["holds", [2_900], [3_400]],
  "003/saving": ["corrected", [65.43]],
  "003/under-budget": ["holds", [94.2], [92.83]],
  "003/left-of-budget": ["holds", [47_100], [46_415]],
  "003/annual-savings": ["holds", [565_200], [556_980]],
  "003/break-even": ["unfounded", []],
  "003/three-year-roi": ["unfounded", []],
  "001/saving": ["corrected", [65.43]],
  "001/under-budget": ["holds", [94.2], [92.83]],
  "002/actual": ["corrected", [3_585]],
  "002/postgresql-saving": ["unfounded", []],
  "002/s3-saving": ["unfounded", []],
  "002/kafka-saving": ["unfounded", []],
  "004/devices": ["holds", [1_500]],
  "004/rows-per-day": ["holds", [2_592_000, 3_888_000], [77_760_000, 116_640_000]],
  "004/raw-gb-per-day": ["holds", [5.18]],
  "004/compression": ["corrected", [80]],
  "004/gb-per-day": ["holds", [1.04]],
  "004/gb-per-month": ["holds", [31.2], [31.1]],
  "004/stored": ["holds", [93.6, 748.8]],
  "004/ingestion": ["holds", [15.6]],
  "004/memory-90-days": ["corrected", [2_426.11]],
  "004/memory-30-days": ["holds", [808.7], [2_426.11]],
  "004/magnetic": ["holds", [22.46]],
  "004/scanned": ["holds", [1, 1, 2.4, 4.4, 132]],
  "004/queries": ["holds", [1.32]],
  "004/queries-used": ["unfounded", []],
  "004/timestream": ["holds", [946.76]],
  "004/sitewise/ingestion": ["corrected", [9_721_500]],
  "004/sitewise/table": ["corrected", [9_721_500]],
  "004/appendix-a/sitewise": ["corrected", [9_721_500]],
  "004/appendix-a/timestream": ["corrected", [865.33]],
  "004/appendix-a/savings": ["corrected", [9_720_634.67]],
  "004/appendix-a/savings-percent": ["corrected", [99.99]],
  "004/sitewise/saving": ["holds", [99.85], [100]],
  "004/iot/connectivity": ["corrected", [5.18]],
  "004/iot/messages-per-month": ["corrected", [3_888_000_000]],
  "004/iot/messages": ["holds", [1_000, 1_280], [1_000, 2_310.4]],
  "004/iot/total": ["holds", [2_400], [2_285.18]],
  "004/kinesis/shards": ["holds", [108]],
  "004/kinesis/units": ["corrected", [2_600_000_000]],
  "004/kinesis/units-usd": ["corrected", [36.4]],
  "004/kinesis/total": ["corrected", [144.4]],
  "004/lambda/invocations": ["holds", [2_600_000, 7_600_720]],
  "004/lambda/invocations-usd": ["holds", [1.52]],
  "004/lambda/stream-gb-seconds": ["corrected", [260_000]],
  "004/lambda/api-gb-seconds": ["corrected", [125_000]],
  "004/lambda/gb-seconds": ["corrected", [385_000]],
  "004/lambda/gb-seconds-usd": ["corrected", [6.42]],
  "004/lambda/total": ["corrected", [7.94]],
  "004/dynamodb": ["holds", [12.5, 2.5, 3.75, 18.75]],
  "004/dynamodb/reads": ["corrected", [2_600_000_000]],
  "004/api-gateway": ["holds", [17.5, 0.25, 17.75]],
  "004/grafana": ["holds", [290]],
  "004/sagemaker": ["holds", [2.69, 36, 38.69]],
  "004/cloudwatch": ["holds", [300, 25, 3, 50, 378], [300, 25, 3, 150, 478]],
  "004/s3": ["holds", [11.5]],
  "004/amplify": ["holds", [1, 0.23, 15, 16.23]],
  "004/secrets": ["holds", [20, 0.5, 20.5]],
  "004/kms": ["holds", [5, 3, 8]],
  "004/cloudfront": ["holds", [8.5, 7.5, 16]],
  "004/backup": ["holds", [5]],
  "004/other": ["holds", [49.5]],
  "004/total-without-ml": ["corrected", [4_247]],
  "004/total": ["corrected", [4_286], [4_204.7]],
  "004/shares": ["corrected", [22.1, 56, 2.54, 6.77, 8.82, 0.91, 1.17]],
  "004/per-tenant": ["corrected", [142.87]],
  "004/self-hosted/fargate": ["holds", [57.6]],
  "004/self-hosted/others": ["holds", [48.96, 12.24, 3, 5]],
  "004/self-hosted/load-balancer": ["corrected", [21.76]],
  "004/self-hosted/total": ["corrected", [156.8], [148.56]],
  "004/options/A/per-tenant": ["holds", [83.33, 140]],
  "004/options/B/per-tenant": ["holds", [75.67, 120]],
  "004/options/C/per-tenant": ["holds", [705]],
  "004/options/D/per-tenant": ["holds", [132.17], [142.87]],
  "004/tco/A/infrastructure": ["holds", [30_000, 50_400]],
  "004/tco/A/labour": ["holds", [450_000, 600_000]],
  "004/tco/A/total": ["holds", [525_000, 720_000]],
  "004/options/A/tco": ["holds", [525_000, 720_000]],
  "004/tco/B/infrastructure": ["holds", [26_040, 41_400]],
  "004/tco/B/labour": ["holds", [300_000, 450_000]],
  "004/tco/B/total": ["holds", [346_000, 521_000]],
  "004/options/B/tco": ["corrected", [347_240, 523_200]],
  "004/tco/C/infrastructure": ["corrected", [253_800, 253_800]],
  "004/tco/C/labour": ["holds", [450_000, 600_000]],
  "004/tco/C/total": ["holds", [734_000, 914_000]],
  "004/options/C/tco": ["holds", [734_000, 914_000]],
  "004/tco/D/infrastructure": ["corrected", [47_580, 47_580], [51_432, 51_432]],
  "004/tco/D/labour": ["holds", [300_000, 450_000]],
  "004/tco/D/total": ["holds", [374_000, 538_000], [381_432, 541_432]],
  "004/options/D/tco": ["corrected", [374_000, 538_000], [381_432, 541_432]],
  "004/options/C-by-D": ["holds", [5.33], [4.93]],
  "004/options/C-by-D-at-first": ["corrected", [5, 7.69]],
  "004/options/ten-times": ["corrected", [11.44, 17.17]],
  "004/options/D-by-B": ["corrected", [1.1, 1.75], [1.19, 1.89]],
  "004/options/D-premium": ["corrected", [10.14, 74.67], [19.06, 88.81]],
  "004/options/D-premium-in-summary": ["corrected", [10.14, 74.67], [19.06, 88.81]],
  "004/summary/monthly-difference": ["holds", [365, 1_695], [686, 2_016]],
  "004/summary/tco-difference": ["holds", [23_000, 9_000], [34_192, 18_232]],
  "004/summary/per-tenant-difference": ["holds", [12, 56], [22.87, 67.2]],
  "004/tco/savings": ["holds", [360_000, 376_000], [352_568, 372_568]],
  "004/tco/savings-percent": ["corrected", [49.05, 41.14], [48.03, 40.76]],
  "004/options/D-monthly": ["unfounded", []],
  "004/options/C-monthly": ["unfounded", []],
  "004/weeks": ["holds", [24]],
  "004/weeks-compared": ["corrected", [24]],
  "004/unoptimised-queries": ["unfounded", []],
  "004/quicksight": ["unfounded", []],
};

/** What a printed figure without an input would need to be true. */
const IMPLIED: Readonly<Record<string, number>> = {
  "000/at-10-customers": 766.43,
  "000/at-50-customers": 401.25,
  "000/break-even": 927.14,
  "003/break-even": 249_630,
  "003/three-year-roi": 250_088.5,
  "002/postgresql-saving": 2_000,
  "002/s3-saving": 666.67,
  "002/kafka-saving": 571.43,
  "004/queries-used": 10_000,
  "004/sitewise/ingestion": 18_400_000,
  "004/sitewise/table": 24_464_000,
  "004/appendix-a/sitewise": 23_464_800,
  "004/unoptimised-queries": 1,
  "004/quicksight": 10,
};

const HUNDREDTH = 0.01;

describe("the sums of the founding documents", () => {
  it("are all judged, each once", () => {
    expect(SEED_STATEMENTS.map(({ id }) => id)).to.have.members(Object.keys(RIGHT));
  });

  for (const { id, verdict, computed, onceCorrected, implied } of SEED_STATEMENTS)
    it(`has ${id} right`, () => {
      const [rightVerdict, figures, corrected = []] = RIGHT[id] ?? ["unfounded", []];
      expect(verdict).to.equal(rightVerdict);
      expect(computed).to.have.length(figures.length);
      figures.forEach((figure, index) => expect(computed[index]).to.be.closeTo(figure, HUNDREDTH));
      expect(onceCorrected ?? []).to.have.length(corrected.length);
      corrected.forEach((figure, index) => expect(onceCorrected?.[index]).to.be.closeTo(figure, HUNDREDTH));
      if (IMPLIED[id] === undefined) expect(implied).to.equal(undefined);
      else expect(implied?.value).to.be.closeTo(IMPLIED[id], HUNDREDTH);
    });

  it("say why, wherever a figure is another one or has no input", () => {
    const silent = SEED_STATEMENTS.filter(
      ({ verdict, onceCorrected, reason }) =>
        (verdict !== "holds" || onceCorrected !== undefined) && reason === undefined,
    );
    expect(silent.map(({ id }) => id)).to.deep.equal([]);
  });
});

describe("a printed figure", () => {
  it("is read with the step of its last digit", () => {
    expect(printedFigures("$2,426.88")).to.deep.equal([{ value: 2_426.88, step: 0.01 }]);
    expect(printedFigures("$525K-$720K")).to.deep.equal([
      { value: 525_000, step: 1_000 },
      { value: 720_000, step: 1_000 },
    ]);
    expect(printedFigures("2.6B")).to.deep.equal([{ value: 2.6e9, step: 1e8 }]);
  });

  const judged = (printed: string, ...computed: number[]) =>
    judgeStatement({ id: "x", place: "", claim: "", printed, computed }).verdict;

  it("holds as far as it is rounded, and no further", () => {
    expect(judged("$79.67", 79.6666)).to.equal("holds");
    expect(judged("$79.67", 79.66)).to.equal("corrected");
    expect(judged("94%", 94.2)).to.equal("holds");
    expect(judged("94%", 92.8)).to.equal("corrected");
  });

  it("does not hold when there are more or fewer of them", () => {
    expect(judged("1.75x", 1.75, 1.1)).to.equal("corrected");
    expect(judged("$1-$2", 1)).to.equal("corrected");
  });

  it("has no ground without inputs", () => {
    expect(judged("8 customers")).to.equal("unfounded");
  });
});
