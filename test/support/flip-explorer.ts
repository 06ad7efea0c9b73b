import type { Fence, FlipPlacement } from "../../model/flip.ts";

type Cell = "S" | "T";

/** The compare-and-sets of the flip, and the two orders that its movers keep. */
export interface Rules {
  readonly begin: (placement: FlipPlacement, epoch: bigint, target: string) => FlipPlacement | undefined;
  readonly decide: (placement: FlipPlacement, epoch: bigint) => FlipPlacement | undefined;
  readonly abort: (placement: FlipPlacement, epoch: bigint) => FlipPlacement | undefined;
  readonly settle: (placement: FlipPlacement, epoch: bigint) => FlipPlacement | undefined;
  readonly raise: (fence: Fence, epoch: bigint) => Fence | undefined;
  readonly open: (fence: Fence, epoch: bigint) => Fence | undefined;
  readonly shadow: (fence: Fence, epoch: bigint) => Fence | undefined;
  /** Whether an abort changes the placement before it opens the source. */
  readonly abortFirst: boolean;
  /** Whether the placement is decided before the target opens. */
  readonly decideFirst: boolean;
}

/** Where a mover stands: what it does next, and what it knows of the flip that it is about. */
interface Mover {
  readonly next:
    "look" | "raise" | "prove" | "open-early" | "decide" | "abort" | "open" | "shadow" | "settle";
  readonly epoch: bigint;
  readonly source: Cell;
  readonly target: Cell;
}

/** One state of everything that takes part. */
interface World {
  readonly placement: FlipPlacement;
  readonly fences: Readonly<Record<Cell, Fence>>;
  readonly movers: readonly Mover[];
}

interface Step {
  readonly what: string;
  readonly world: World;
  /** A rule that this step itself breaks. */
  readonly broken?: string;
}

interface Exploration {
  readonly stateCount: number;
  /** Homes at the end, when all attempts are used up. */
  readonly outcomes: ReadonlySet<string>;
  readonly violation: { readonly what: string; readonly path: readonly string[] } | undefined;
}

const AT_REST: Mover = { next: "look", epoch: 0n, source: "S", target: "T" };

/**
 * Walks through every interleaving of the movers, breadth first. A mover may stop for good anywhere: the walk goes on
 * without it from each of its states.
 */
export function explore(rules: Rules, moverCount: number, lastEpoch: bigint): Exploration {
  const first: World = {
    placement: { epoch: 1n, cell: "S", state: "stable", flipTarget: undefined, flipSource: undefined },
    fences: {
      S: { epoch: 1n, role: "primary", isClosed: false },
      T: { epoch: 1n, role: "shadow", isClosed: false },
    },
    movers: Array.from({ length: moverCount }, () => AT_REST),
  };
  const cameFrom = new Map<string, readonly [string, string] | undefined>([[keyOf(first), undefined]]);
  const outcomes = new Set<string>();
  const pathTo = (key: string): string[] => {
    const before = cameFrom.get(key);
    return before === undefined ? [] : [...pathTo(before[0]), before[1]];
  };
  const end = (what: string, path: readonly string[]) => ({
    ...{ stateCount: cameFrom.size, outcomes, violation: { what, path } },
  });

  const queue = [first];
  for (let world = queue.shift(); world !== undefined; world = queue.shift()) {
    const key = keyOf(world);
    const wrong = wrongIn(world) ?? wrongAfterRecovery(world, rules);
    if (wrong !== undefined) return end(wrong, pathTo(key));
    const steps = stepsOf(world, rules, lastEpoch);
    if (steps.length === 0) outcomes.add(world.placement.cell);
    for (const { what, world: next, broken } of steps) {
      const wrongStep = broken ?? wrongBetween(world, next);
      if (wrongStep !== undefined) return end(wrongStep, [...pathTo(key), what]);
      const nextKey = keyOf(next);
      if (cameFrom.has(nextKey)) continue;
      cameFrom.set(nextKey, [key, what]);
      queue.push(next);
    }
  }
  return { stateCount: cameFrom.size, outcomes, violation: undefined };
}

const isOpen = ({ role, isClosed }: Fence) => role === "primary" && !isClosed;

function wrongIn({ placement, fences }: World): string | undefined {
  const open = (["S", "T"] as const).filter((cell) => isOpen(fences[cell]));
  if (open.length > 1) return "both cells are open";
  if (open[0] !== undefined && open[0] !== placement.cell)
    return `${open[0]} is open, the placement is ${placement.cell}`;
  if (placement.state === "stable" && placement.flipSource === undefined && open.length === 0)
    return "the flip is over, and nobody can write";
  return undefined;
}

/** One process that comes when all others have stopped, and only ends what is there. */
function wrongAfterRecovery(world: World, rules: Rules): string | undefined {
  const alone = { ...world, movers: [AT_REST] };
  let at: World = alone;
  for (let tries = 0; tries < 10; tries++) {
    const [step] = stepsOf(at, rules, 0n);
    if (step === undefined) return wrongIn(at);
    at = step.world;
  }
  return "whoever comes cannot end it";
}

function wrongBetween(before: World, after: World): string | undefined {
  if (after.placement.epoch < before.placement.epoch) return "the placement's epoch went back";
  for (const cell of ["S", "T"] as const)
    if (after.fences[cell].epoch < before.fences[cell].epoch) return `the fence of ${cell} went back`;
  return undefined;
}

function stepsOf(world: World, rules: Rules, lastEpoch: bigint): Step[] {
  return world.movers.flatMap((mover, index) =>
    stepsOfMover(world, mover, rules, lastEpoch).map(({ what, world: next, mover: after, broken }) => ({
      what: `mover ${index + 1}: ${what}`,
      world: { ...world, ...next, movers: world.movers.with(index, after) },
      ...(broken === undefined ? {} : { broken }),
    })),
  );
}

interface MoverStep {
  readonly what: string;
  readonly mover: Mover;
  readonly world?: Partial<World>;
  readonly broken?: string;
}

function stepsOfMover(world: World, mover: Mover, rules: Rules, lastEpoch: bigint): MoverStep[] {
  const { placement, fences } = world;
  const { epoch, source, target } = mover;
  const go = (next: Mover["next"]): Mover => (next === "look" ? AT_REST : { ...mover, next });
  const fenced = (cell: Cell, change: Rules["open"]): Partial<World> => {
    return { fences: { ...fences, [cell]: change(fences[cell], epoch) ?? fences[cell] } };
  };
  switch (mover.next) {
    case "look":
      return look(placement, rules, lastEpoch);
    case "raise":
      return [{ what: "raise", world: fenced(source, rules.raise), mover: go("prove") }];
    case "prove": {
      // Only what is closed for this very attempt can be proven; otherwise, or when it takes too long, it gives up.
      const isProvable = fences[source].isClosed && fences[source].epoch === epoch;
      const proven = { what: "prove", mover: go(rules.decideFirst ? "decide" : "open-early") };
      return [...(isProvable ? [proven] : []), { what: "give up", mover: go("abort") }];
    }
    case "open-early":
      return [{ what: "open the target", world: fenced(target, rules.open), mover: go("decide") }];
    case "decide": {
      const decided = rules.decide(placement, epoch);
      if (decided === undefined) return [{ what: "may not decide", mover: go("look") }];
      const isProven = fences[source].isClosed && fences[source].epoch === epoch;
      const step = { what: "decide", world: { placement: decided }, mover: go("open") };
      return [isProven ? step : { ...step, broken: "decided though the source was open since the proof" }];
    }
    case "abort": {
      const aborted = rules.abort(placement, epoch);
      const opened = rules.abortFirst ? {} : fenced(source, rules.open);
      if (!rules.abortFirst && !isOpen(fences[source]))
        return [{ what: "open the source", world: opened, mover }];
      return [{ what: "abort", world: { placement: aborted ?? placement }, mover: go("look") }];
    }
    case "open": // of a flip that has ended, `target` is the home
      return [
        {
          what: "open the home",
          world: fenced(target, rules.open),
          mover: go(source === target ? "settle" : "shadow"),
        },
      ];
    case "shadow":
      return [{ what: "shadow the source", world: fenced(source, rules.shadow), mover: go("settle") }];
    case "settle": {
      const settled = rules.settle(placement, epoch);
      return [{ what: "settle", world: { placement: settled ?? placement }, mover: go("look") }];
    }
  }
}

/** A mover that has nothing in hand begins a flip, or ends one of another, which may have stopped. */
function look(placement: FlipPlacement, rules: Rules, lastEpoch: bigint): MoverStep[] {
  const { epoch, state, flipSource, flipTarget } = placement;
  const cell = placement.cell as Cell;
  if (state === "flipping")
    return [
      {
        what: "take over",
        mover: { next: "abort", epoch, source: flipSource as Cell, target: flipTarget as Cell },
      },
    ];
  if (flipSource !== undefined)
    return [
      { what: "see it ended", mover: { next: "open", epoch, source: flipSource as Cell, target: cell } },
    ];
  const other = cell === "S" ? "T" : "S";
  const begun = epoch < lastEpoch ? rules.begin(placement, epoch, other) : undefined;
  if (begun === undefined) return [];
  const mover: Mover = { next: "raise", epoch: begun.epoch, source: cell, target: other };
  return [{ what: "begin", world: { placement: begun }, mover }];
}

function keyOf({ placement, fences, movers }: World): string {
  const fence = ({ epoch, role, isClosed }: Fence) => `${epoch}${role}${isClosed}`;
  return [
    Object.values(placement).join(),
    fence(fences.S),
    fence(fences.T),
    // movers are alike: who is who does not matter
    ...movers.map(({ next, epoch, source, target }) => `${next}${epoch}${source}${target}`).sort(),
  ].join("|");
}
