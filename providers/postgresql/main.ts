import { serve } from "../serve.ts";
import { postgresqlPlugin } from "./plugin.ts";

serve(postgresqlPlugin);
