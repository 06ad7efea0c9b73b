import { serve } from "../serve.ts";
import { millwrightPlugin } from "./plugin.ts";

serve(millwrightPlugin);
