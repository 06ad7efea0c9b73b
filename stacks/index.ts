// What the Pulumi command line runs (Pulumi.yaml): it takes a default export that is a function, and no other export.
export { program as default } from "./program.ts";
