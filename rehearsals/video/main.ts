/** A match's players: what they ask the platform for, and a few of them the CDNs, while all of them watch. */
import { run } from "../k6/run.ts";
import { player } from "./player.ts";

export { handleSummary, options } from "../k6/run.ts";

export default (): Promise<void> => run(player);
