import { alarmPage } from "../../docs/generate/alarm-page.ts";
import { expectDocument } from "../support/documents.ts";

it("the page of alarms is what the rules say", async () => {
  await expectDocument("alarms.md", alarmPage());
});
