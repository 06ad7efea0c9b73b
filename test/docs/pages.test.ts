import { alarmPage } from "../../docs/generate/alarm-page.ts";
import { errorPage } from "../../docs/generate/error-page.ts";
import { expectDocument } from "../support/documents.ts";

describe("pages made from code say what the code says:", () => {
  for (const [file, page] of [
    ["alarms.md", alarmPage],
    ["errors.md", errorPage],
  ] as const)
    it(file, () => expectDocument(file, page()));
});
