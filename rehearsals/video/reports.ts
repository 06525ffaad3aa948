/** The steering manifest's address with what an HLS player says, as hls.js, Shaka and VHS do: without quotation marks. */
export function asHls(url: string, pathway: string, throughputBps: number): string {
  return withQuery(url, `_HLS_pathway=${pathway}&_HLS_throughput=${throughputBps}`);
}

/** The same of a DASH player, as dash.js: the pathways since the last question, quoted, and a throughput for each. */
export function asDash(url: string, pathways: readonly string[], throughputsBps: readonly number[]): string {
  const used = encodeURIComponent(`"${pathways.join(",")}"`);
  return withQuery(url, `_DASH_pathway=${used}&_DASH_throughput=${encodeURIComponent(throughputsBps.join(","))}`);
}

function withQuery(url: string, query: string): string {
  return `${url}${url.includes("?") ? "&" : "?"}${query}`;
}
