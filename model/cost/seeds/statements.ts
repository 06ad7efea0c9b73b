import { STATEMENTS_000 } from "./seed-000.ts";
import { STATEMENTS_003 } from "./seed-003.ts";
import { STATEMENTS_004_COMPARISON } from "./seed-004-comparison.ts";
import { STATEMENTS_004_SERVICES } from "./seed-004-services.ts";
import { STATEMENTS_004_TIMESTREAM } from "./seed-004-timestream.ts";
import { judgeStatement, type JudgedStatement } from "./statement.ts";

/** Every sum of money that documents 000 to 004 print, judged. */
export const SEED_STATEMENTS: readonly JudgedStatement[] = [
  ...STATEMENTS_000,
  ...STATEMENTS_003,
  ...STATEMENTS_004_TIMESTREAM,
  ...STATEMENTS_004_SERVICES,
  ...STATEMENTS_004_COMPARISON,
].map(judgeStatement);
