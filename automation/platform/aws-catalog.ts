import * as z from "zod";
import type { AwsAccount } from "../../data/aws/ask-aws.ts";
import { readAwsSecret } from "../../data/aws/secrets-manager.ts";
import { prepareCatalog } from "../../data/catalog/catalog.ts";
import { createDatabase } from "../../data/create-database.ts";
import { parseDatabaseSecret } from "../../data/database-secret.ts";
import { prepareDatabaseLogin } from "../../data/database-login.ts";
import { databaseUrl } from "../../data/pool.ts";
import type { SecretStore } from "../../data/secret-store.ts";
import { MillwrightError } from "../../model/errors.ts";
import type { AwsPlatformSettings } from "../../model/aws/platform-settings.ts";
import { keptPasswords, WORKFLOW_DATABASE, type CatalogAccess } from "./catalog-server.ts";

const WORKFLOW_ROLE = "millwright_workflows";

/** As RDS keeps its administrator; it changes the password every week by itself. */
const adminSecret = z.object({ username: z.string().min(1), password: z.string().min(1) });

/**
 * Prepares the catalog on RDS: schema, roles, and for the role of the functions the password that their secret holds.
 * Idempotent. The administrator is needed for this alone; who works later has a password that nobody changes behind us.
 * @throws MillwrightError `setting-invalid` when a secret cannot be read, or is of another form
 */
export async function prepareAwsCatalog(
  { serviceSecret, adminSecret: adminArn }: AwsPlatformSettings["catalog"],
  secretsManager: AwsAccount,
  secrets: SecretStore,
): Promise<CatalogAccess> {
  const [serviceLogin, administrator] = await Promise.all([
    readAwsSecret(secretsManager, serviceSecret),
    readAwsSecret(secretsManager, adminArn),
  ]);
  const login = parseDatabaseSecret("catalog.serviceSecret", serviceLogin);
  const parsed = adminSecret.safeParse(administrator);
  if (!parsed.success)
    throw new MillwrightError("setting-invalid", `The secret ${adminArn} has no username and password.`);
  const { host, port, database, tls, password: service } = login;
  const place = { host, port, database, ...(tls === undefined ? {} : { tls }) };
  const admin = { ...place, user: parsed.data.username, password: parsed.data.password };
  const { app, log, workflows: password } = await keptPasswords(secrets);
  const logins = { app, log, service };
  const workflows = { ...place, database: WORKFLOW_DATABASE, user: WORKFLOW_ROLE, password };
  await createDatabase(admin, WORKFLOW_DATABASE);
  await prepareDatabaseLogin(admin, workflows); // DBOS makes its tables itself, as a role that may do nothing but that
  await prepareCatalog(admin, logins);
  await secrets.put("catalog", { ...place, ...logins });
  return { admin, workflowsUrl: databaseUrl(workflows), passwords: logins };
}
