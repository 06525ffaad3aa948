/** A match's breaks: everybody asks for their pod at once, and reports what they play of it. */
import { run } from "../k6/run.ts";
import { breaks } from "./breaks.ts";

export { handleSummary, options } from "../k6/run.ts";

export default (): Promise<void> => run(breaks);
