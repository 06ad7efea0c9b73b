import {
  appendixA,
  devices,
  gbPerMonth,
  memoryUsd,
  rawGbPerDay,
  rowsPerDay,
  scannedGbPerDay,
  SEED_004,
  timestreamUsd,
} from "./seed-004-figures.ts";
import { right, sum, type Statement } from "./statement.ts";

const { compressedShare, daysPerMonth, magneticMonths, memoryDays, queriesUsd, siteWise, timestream } =
  SEED_004;
const scannedGbPerMonth = sum(scannedGbPerDay) * daysPerMonth;

const TIMESTREAM = "004, Amazon Timestream Costs";
const APPENDIX = "004, Appendix A";
const BY_ITS_FUNCTION =
  "1,500 devices with 5 properties at 1 Hz are 19.44 billion values a month; the document's own function and unit prices " +
  "($1 an asset, $0.50 a thousand values) give this.";

const calculator = appendixA();
const calculatorSaving = calculator.siteWise - calculator.timestream;
const impliedValues = (usd: number) =>
  ((usd - devices * siteWise.perAsset) / siteWise.perThousandValues) * 1_000;

/** What SiteWise costs for the same data, in one of the places where the document says so. */
const siteWiseClaim = (id: string, place: string, printed: string, usd: number): Statement => ({
  ...{ id: `004/sitewise/${id}`, place, claim: "SiteWise for 1,500 devices", printed },
  computed: [calculator.siteWise],
  reason: BY_ITS_FUNCTION,
  implied: { what: "values a month", value: impliedValues(usd) },
});

/** Volumes, Timestream, and SiteWise beside it. */
export const STATEMENTS_004_TIMESTREAM: readonly Statement[] = [
  right("004/devices", "004, Monthly Cost Breakdown", "30 tenants with 50 devices each", "1,500", devices),
  {
    id: "004/rows-per-day",
    place: "004, Key Objectives",
    claim: "Rows a day, from 30 to 45 sensors of a deployment at 1 Hz",
    printed: "2.6M-3.9M",
    computed: rowsPerDay,
    onceCorrected: rowsPerDay.map((rows) => rows * SEED_004.tenants),
    reason: "That is one deployment; the document has 30 tenants.",
  },
  right("004/raw-gb-per-day", TIMESTREAM, "Raw measurements in GB a day", "5.18", rawGbPerDay),
  {
    id: "004/compression",
    place: TIMESTREAM,
    claim: "Compression by which 5.18 GB become 1.04",
    printed: "20%",
    computed: [(1 - compressedShare) * 100],
    reason: "Multiplied with 0.2: that takes away 80 %. With 20 % taken away 4.15 GB a day are left.",
  },
  right("004/gb-per-day", TIMESTREAM, "GB a day after compression", "1.04", rawGbPerDay * compressedShare),
  {
    ...right("004/gb-per-month", TIMESTREAM, "GB a month", "31.2", gbPerMonth),
    onceCorrected: [rawGbPerDay * compressedShare * daysPerMonth],
    reason: "1.04 is rounded before it is multiplied.",
  },
  right(
    "004/stored",
    TIMESTREAM,
    "GB in memory for 90 days, and in the magnetic store for 24 months",
    "93.6, 748.8",
    (gbPerMonth * memoryDays.required) / daysPerMonth,
    gbPerMonth * magneticMonths,
  ),
  right("004/ingestion", TIMESTREAM, "Ingestion", "$15.60", gbPerMonth * timestream.perGbIn),
  {
    id: "004/memory-90-days",
    place: TIMESTREAM,
    claim: "Memory store, 90 days",
    printed: "$2,426.88",
    computed: [memoryUsd(memoryDays.required)],
    reason: "93.6 × 0.036 × 720, multiplied again.",
  },
  {
    ...right(
      "004/memory-30-days",
      TIMESTREAM,
      "Memory store, 30 days",
      "$808.70",
      memoryUsd(memoryDays.billed),
    ),
    onceCorrected: [memoryUsd(memoryDays.required)],
    reason: "The bill has 30 days, the tables and the requirement on retention have 90.",
  },
  right(
    "004/magnetic",
    TIMESTREAM,
    "Magnetic store, 24 months",
    "$22.46",
    gbPerMonth * magneticMonths * timestream.perGbMonthMagnetic,
  ),
  right(
    "004/scanned",
    TIMESTREAM,
    "GB scanned by dashboards, API and jobs a day, and a month",
    "1 + 1 + 2.4 = 4.4, 132",
    ...scannedGbPerDay,
    sum(scannedGbPerDay),
    scannedGbPerMonth,
  ),
  right("004/queries", TIMESTREAM, "Queries", "$1.32", scannedGbPerMonth * timestream.perGbScanned),
  {
    id: "004/queries-used",
    place: TIMESTREAM,
    claim: "Queries, as they are counted in the subtotal",
    printed: "$100",
    computed: [],
    reason: "The 132 GB above cost 1.32; the reserve for growth is not derived from anything.",
    implied: { what: "GB scanned a month", value: queriesUsd / timestream.perGbScanned },
  },
  right("004/timestream", TIMESTREAM, "Timestream subtotal", "$946.76", timestreamUsd),
  siteWiseClaim("ingestion", TIMESTREAM, "$10,700", 10_700),
  siteWiseClaim("table", "004, Why Timestream Over SiteWise?", "$13,732", 13_732),
  {
    id: "004/appendix-a/sitewise",
    place: APPENDIX,
    claim: "What the function prints for SiteWise",
    printed: "$13,232.40",
    computed: [calculator.siteWise],
    reason: `The printed output is not of the printed function. ${BY_ITS_FUNCTION}`,
    implied: { what: "values a month", value: impliedValues(13_232.4) },
  },
  {
    id: "004/appendix-a/timestream",
    place: APPENDIX,
    claim: "What the function prints for Timestream",
    printed: "$946.76",
    computed: [calculator.timestream],
    reason: "The function counts 2^30 bytes a GB, where the text counts 10^9, and no magnetic store.",
  },
  {
    id: "004/appendix-a/savings",
    place: APPENDIX,
    claim: "What the function prints as savings",
    printed: "$12,285.64",
    computed: [calculatorSaving],
    reason: "The printed output is not of the printed function.",
  },
  {
    id: "004/appendix-a/savings-percent",
    place: APPENDIX,
    claim: "The same in percent",
    printed: "92.8%",
    computed: [(calculatorSaving / calculator.siteWise) * 100],
    reason: "The printed output is not of the printed function.",
  },
  {
    ...right(
      "004/sitewise/saving",
      TIMESTREAM,
      "Saving of $15.60 against $10,700",
      "99.85%",
      (1 - 15.6 / 10_700) * 100,
    ),
    onceCorrected: [(1 - 15.6 / calculator.siteWise) * 100],
    reason: "Against SiteWise by the document's own function; ingestion alone, without storage and queries.",
  },
];
