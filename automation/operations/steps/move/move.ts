import type { Step } from "../step.ts";
import { buildTarget, checkTarget, placeTarget, preflight, prepareTarget, protectHome } from "./build.ts";
import { catchUp, copy, mark, prove } from "./copy.ts";
import { checkWayBack, flip, flipBack } from "./flip.ts";
import { MOVE_OUTAGE_LIMIT_MS } from "./moving.ts";
import { issueReceipt } from "./receipt.ts";

const BEFORE_FLIP = { cancel: "heard", outageLimitMs: MOVE_OUTAGE_LIMIT_MS } as const;
const AFTER_FLIP = { cancel: "ignored", outageLimitMs: MOVE_OUTAGE_LIMIT_MS } as const;
const FROM_FLIP_ON = { cancel: "last-chance", outageLimitMs: MOVE_OUTAGE_LIMIT_MS } as const;

/** From one cell to another while the tenant writes: PROTOCOLS §6. What fails before the flip ends in {@link ABANDON}. */
export const MOVE: readonly Step[] = [
  { name: "preflight", cancel: "heard", run: preflight },
  { name: "place-target", cancel: "heard", run: placeTarget },
  { name: "build-target", cancel: "heard", run: buildTarget },
  { name: "check-target", ...BEFORE_FLIP, run: checkTarget },
  { name: "prepare-target", ...BEFORE_FLIP, run: prepareTarget },
  { name: "mark", ...BEFORE_FLIP, run: mark },
  { name: "copy", ...BEFORE_FLIP, run: copy },
  { name: "prove", ...BEFORE_FLIP, run: prove },
  { name: "catch-up", ...BEFORE_FLIP, run: catchUp },
  { name: "flip", ...FROM_FLIP_ON, run: flip },
  { name: "receipt", ...AFTER_FLIP, run: issueReceipt },
  { name: "protect-home", ...AFTER_FLIP, run: protectHome },
];

/** The same flip the other way round, while the old home still follows. */
export const ROLLBACK: readonly Step[] = [
  { name: "check-way-back", cancel: "heard", run: checkWayBack },
  { name: "catch-up", ...BEFORE_FLIP, run: catchUp },
  { name: "flip", ...FROM_FLIP_ON, run: flipBack },
  { name: "receipt", ...AFTER_FLIP, run: issueReceipt },
  { name: "protect-home", ...AFTER_FLIP, run: protectHome },
];
