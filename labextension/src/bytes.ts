/** Bytes as text, and their SHA-1. */

import { sha1 } from '@noble/hashes/legacy';

const BLOCK = 2 ** 20; // bytes that are hashed at once, so that the page stays responsive

export function base64(bytes: Uint8Array): string {
  let text = '';
  // apply takes only so many arguments
  for (let start = 0; start < bytes.length; start += 0x8000) {
    text += String.fromCharCode(...bytes.subarray(start, start + 0x8000));
  }
  return btoa(text);
}

export function hex(bytes: Uint8Array): string {
  return [...bytes].map(byte => byte.toString(16).padStart(2, '0')).join('');
}

/** Return the SHA-1 of what fits into the memory. */
export async function digestOf(part: Blob): Promise<Uint8Array> {
  const bytes = new Uint8Array(await part.arrayBuffer());
  // a page that came neither by https nor from this computer has no `subtle`
  return crypto.subtle ? new Uint8Array(await crypto.subtle.digest('SHA-1', bytes)) : sha1(bytes);
}

/** Return the SHA-1 of a file that may be larger than the memory, which `subtle` cannot give. */
export async function digestOfWhole(file: File, signal: AbortSignal): Promise<Uint8Array> {
  const hash = sha1.create();
  for (let start = 0; start < file.size; start += BLOCK) {
    signal.throwIfAborted();
    hash.update(new Uint8Array(await file.slice(start, start + BLOCK).arrayBuffer()));
  }
  return hash.digest();
}
