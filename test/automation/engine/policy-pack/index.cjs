"use strict";
const { PolicyPack } = require("@pulumi/policy");

new PolicyPack("engine-test", {
  policies: [
    {
      name: "no-forbidden-text",
      description: "No file may hold forbidden text.",
      enforcementLevel: "mandatory",
      validateResource: ({ type, props }, report) => {
        if (type === "pulumi-nodejs:dynamic:Resource" && String(props.text).includes("forbidden"))
          report(`the text ${props.text} is not allowed`);
      },
    },
  ],
});
