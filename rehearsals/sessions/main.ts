/** A match's viewers at the watch page: they come, start a session, and stay until the whistle. */
import { run } from "../k6/run.ts";
import { watchPage } from "./watch-page.ts";

export { handleSummary, options } from "../k6/run.ts";

export default (): Promise<void> => run(watchPage);
