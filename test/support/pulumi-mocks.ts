import * as pulumi from "@pulumi/pulumi";

/** What the engine was asked to make. */
export interface Registration {
  readonly type: string;
  readonly name: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  /** undefined for a resource that lies under no watched one: a silent orphan. */
  readonly options: pulumi.CustomResourceOptions | undefined;
}

/** Outputs that a plugin would compute, by type; a type that is not here must not be made. */
const COMPUTED: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  "millwright:index:Cell": { host: "127.0.0.1", port: 5999, user: "millwright", password: "super" },
  "millwright:index:Secret": { value: "g".repeat(43) }, // 256 bits
  "postgresql:index/database:Database": {},
  "postgresql:index/defaultPrivileges:DefaultPrivileges": {},
  "postgresql:index/grant:Grant": {},
  "postgresql:index/grantRole:GrantRole": {},
  "postgresql:index/role:Role": {},
  "postgresql:index/schema:Schema": {},
};
const COMPOSED = /^(pulumi:providers:(aws|millwright|postgresql)|millwright:(aws|tiers):[A-Za-z]+)$/;

/** What stands behind the engine; both throw on what they do not know. */
export interface MockWorld {
  readonly make: (
    type: string,
    name: string,
    inputs: Registration["inputs"],
  ) => { id: string; state: object };
  readonly call: (token: string, inputs: Registration["inputs"]) => Readonly<Record<string, unknown>>;
}

/** All that a test made, once every registration has been answered. */
export class Registrations {
  readonly all: readonly Registration[];

  constructor(all: readonly Registration[]) {
    this.all = all;
  }

  /** The one resource of this name and type. */
  get(type: string, name: string): Registration {
    const found = this.all.filter((registration) => registration.type === type && registration.name === name);
    if (found.length !== 1)
      throw new Error(`${found.length} resources ${type} ${name}: ${this.names().join(", ")}`);
    return found[0]!;
  }

  ofType(type: string): readonly Registration[] {
    return this.all.filter((registration) => registration.type === type);
  }

  /** Resources that were made outside of the watched component. */
  orphans(): string[] {
    return this.all.filter(({ options }) => options === undefined).map(({ name }) => name);
  }

  private names(): string[] {
    return this.all.map(({ type, name }) => `${type} ${name}`);
  }
}

/** What both targets use. */
export const COMMON_WORLD: MockWorld = {
  make(type, name, inputs) {
    const computed = COMPUTED[type] ?? (COMPOSED.test(type) ? {} : undefined);
    if (computed === undefined) throw new Error(`no mock for a resource of type ${type}`);
    return { id: `${name}-id`, state: { ...inputs, ...computed } };
  },
  call(token) {
    throw new Error(`no mock for the call ${token}`);
  },
};

/** Stands in for the Pulumi engine in the tests of one suite. */
export function mockPulumi(world = COMMON_WORLD) {
  let made: Omit<Registration, "options">[] = [];
  let refused: unknown[] = []; // the SDK keeps what a mock throws to itself
  const options = new Map<string, pulumi.CustomResourceOptions>();

  const noting = <Answer>(work: () => Answer): Answer => {
    try {
      return work();
    } catch (error) {
      refused.push(error);
      throw error;
    }
  };

  beforeEach(async () => {
    made = [];
    refused = [];
    options.clear();
    await pulumi.runtime.setMocks(
      {
        newResource({ type, name, inputs: given }) {
          const inputs = given as Registration["inputs"];
          const { id, state } = noting(() => world.make(type, name, inputs));
          made.push({ type, name, inputs });
          return { id, state };
        },
        call: ({ token, inputs }) => noting(() => world.call(token, inputs as Registration["inputs"])),
      },
      "millwright",
      "test",
    );
  });

  return {
    /** Options for the component under test; its children inherit the watching. */
    watched: {
      transformations: [
        ({ type, name, opts, props }) => {
          options.set(`${type} ${name}`, opts);
          return { props, opts };
        },
      ],
    } satisfies pulumi.ComponentResourceOptions,
    /** @throws what the world refused first */
    async settled(): Promise<Registrations> {
      await pulumi.runtime.disconnect(); // waits for all that is under way
      if (refused.length > 0) throw refused[0] as Error;
      return new Registrations(
        made.map((each) => ({ ...each, options: options.get(`${each.type} ${each.name}`) })),
      );
    },
  };
}
