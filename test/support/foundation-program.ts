import { Config, secret } from "@pulumi/pulumi";

/** A platform's stack on AWS as tenants' stacks see it: its outputs, from the config `outputs` (JSON). */
export const program = () => {
  const { foundation, cells, sslmodes } = JSON.parse(new Config().require("outputs")) as Record<
    "foundation" | "cells" | "sslmodes",
    object
  >;
  return Promise.resolve({ foundation, cells: secret(cells), sslmodes });
};
