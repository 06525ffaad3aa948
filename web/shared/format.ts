/** What stands where a value is not known. */
export const UNKNOWN = "–";

const whole = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 });

/** 1234567 -> "1,234,567". */
export function count(value: number): string {
  return whole.format(value);
}

/** A rate per second with the precision that its size deserves: "0.25", "4.2", "20,440". */
export function rate(value: number): string {
  if (value === 0) return "0";
  if (value < 1) return value.toFixed(2);
  return value < 100 ? value.toFixed(1) : count(value);
}

/** Milliseconds: "0.8 ms", "12 ms", "1.4 s". */
export function millis(value: number): string {
  if (value >= 1000) return `${(value / 1000).toFixed(1)} s`;
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}

/** Bits per second: "820 kb/s", "5.1 Mb/s", "1.6 Tb/s". */
export function bitrate(bitsPerSecond: number): string {
  if (bitsPerSecond >= 1e12) return `${(bitsPerSecond / 1e12).toFixed(1)} Tb/s`;
  if (bitsPerSecond >= 1e9) return `${(bitsPerSecond / 1e9).toFixed(1)} Gb/s`;
  if (bitsPerSecond >= 1e6) return `${(bitsPerSecond / 1e6).toFixed(1)} Mb/s`;
  return `${Math.round(bitsPerSecond / 1000)} kb/s`;
}

/** Bytes: "0 B", "640 KiB", "1.2 MiB", "20 GiB". */
export function bytes(value: number): string {
  if (value < 1024) return `${count(value)} B`;
  const units = ["KiB", "MiB", "GiB"];
  const place = Math.min(Math.floor(Math.log2(value) / 10), units.length) - 1;
  const amount = value / 1024 ** (place + 1);
  return `${amount < 10 ? Number(amount.toFixed(1)) : count(amount)} ${units[place]}`;
}

/** A ratio with the precision that its size deserves: "0 %", "0.25 %", "4.2 %", "38 %". */
export function percent(ratio: number): string {
  const value = ratio * 100;
  if (value === 0) return "0 %";
  if (value < 1) return `${Number(value.toFixed(2))} %`;
  return `${value < 10 ? Number(value.toFixed(1)) : Math.round(value)} %`;
}

/** How long, in two units at most: "8 s", "3 min 05 s", "2 h 14 min". */
export function duration(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${pad(s % 60)} s`;
  return `${Math.floor(s / 3600)} h ${pad(Math.floor((s % 3600) / 60))} min`;
}

/** The wall clock of an instant in milliseconds, in the reader's own zone: "20:45:09". */
export function clock(atMs: number): string {
  const at = new Date(atMs);
  return `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;
}

function pad(value: number): string {
  return String(value).padStart(2, "0");
}
