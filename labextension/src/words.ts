/** Figures, times, names and errors as people read them. */

import type { TranslationBundle } from '@jupyterlab/translation';

import type { Phase } from './tokens';

const UNITS = ['B', 'KB', 'MB', 'GB', 'TB'];

/** Return bytes as `1.2 MB`; powers of 1,000, as JupyterLab's own file browser counts. */
export function size(bytes: number | null | undefined): string {
  if (bytes === null || bytes === undefined) {
    return '';
  }
  const power = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${power && value < 100 ? value.toFixed(1) : Math.round(value)} ${UNITS[power]}`;
}

/** Return seconds as `0:12` or `1:02:03`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (part: number) => String(part).padStart(2, '0');
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** Return a time of Box in the reader's own form. */
export function moment(time: string | null | undefined): string {
  return time ? new Date(time).toLocaleString() : '';
}

/** Return the word for a phase in which nothing moves; '' for the others. */
export function standstill(phase: Phase, trans: TranslationBundle): string {
  const words: Partial<Record<Phase, string>> = {
    waiting: trans.__('waiting'),
    paused: trans.__('paused'),
    interrupted: trans.__('interrupted'),
    failed: trans.__('failed')
  };
  return words[phase] ?? '';
}

/** Return an error as a sentence. */
export function wording(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Return the folder that a path of the drive is in: of `/a/b` that is `/a`. */
export function folderOf(path: string): string {
  return path.replace(/\/[^/]*$/, '') || '/';
}

/** Return the last part of a path. */
export function nameOf(path: string): string {
  return path.replace(/\/+$/, '').split('/').pop() ?? path;
}
