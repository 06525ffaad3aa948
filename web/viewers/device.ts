import type { Device } from "./api.ts";

const KEY = "tifo.device";

/** This tab as a device: another tab is another one, a reload is the same. */
export function thisDevice(store: Storage): Device {
  const id = store.getItem(KEY) ?? newId();
  store.setItem(KEY, id);
  return { id, kind: "web" };
}

/** 128 random bits in hex; `crypto.randomUUID` is missing on plain http outside loopback. */
function newId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
