/** Files on their way from the browser to Box: raw parts, a few at a time; pause, cancel, retry, and on after a reload. */

import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import type { BoxAPI } from './api';
import { BoxError } from './api';
import { drivePath } from './drive';
import type { IItem, IProgress, IUploadState, OnConflict, Phase } from './tokens';

const PARTS_AT_ONCE = 3;
const FILES_AT_ONCE = 3;
export const LARGEST_SLICE = 8 * 2 ** 20;
export const SMALLEST_SLICE = 2 ** 18;
const TRIES = 6;
const SENDING = 'The server has it all and sends it on to Box.';

/** Gives the slices of a file that the server has not got. */
export function* missing(size: number, done: [number, number][], slice: number): Generator<[number, number]> {
  let start = 0;
  for (const [from, to] of [...done].sort((a, b) => a[0] - b[0]).concat([[size, size]])) {
    for (; start < from; start += slice) {
      yield [start, Math.min(start + slice, from)];
    }
    start = Math.max(start, to);
  }
}

/** Return the bytes of ranges. */
export function bytesOf(ranges: [number, number][]): number {
  return ranges.reduce((sum, [from, to]) => sum + to - from, 0);
}

/** The largest body that gets through to the server; shared, because one proxy stands before all uploads. */
export class SliceSize {
  constructor(public bytes = LARGEST_SLICE) {}

  /** Halve it after a 413; returns false when it is as small as it goes. */
  shrink(refused: number): boolean {
    if (refused <= SMALLEST_SLICE) {
      return false;
    }
    this.bytes = Math.min(this.bytes, Math.max(SMALLEST_SLICE, Math.floor(refused / 2)));
    return true;
  }
}

/** One file's way to Box. */
export class Upload {
  constructor(
    private readonly _api: BoxAPI,
    readonly path: string,
    public file: File | null,
    private readonly _slice: SliceSize,
    private readonly _onConflict: OnConflict,
    private readonly _changed: (upload: Upload) => void,
    private readonly _wait: (seconds: number) => Promise<void> = wait
  ) {
    this.total = file?.size ?? 0;
    this.mtime = file?.lastModified ?? null;
  }

  id = '';
  mtime: number | null = null;
  phase: Phase = 'started';
  message = '';
  code = '';
  total: number;

  /** Bytes that the server has. */
  get done(): number {
    return bytesOf(this._ranges);
  }

  get isOver(): boolean {
    return ['done', 'skipped', 'cancelled'].includes(this.phase);
  }

  get isUnderWay(): boolean {
    return ['started', 'running', 'waiting'].includes(this.phase);
  }

  get rate(): number {
    const seconds = (Date.now() - this._since) / 1000;
    return this.phase === 'running' && seconds > 0 ? (this.done - this._before) / seconds : 0;
  }

  /** Tell whether it is this file's, as far as one can see without its bytes. */
  isOf(file: File): boolean {
    return file.size === this.total && (this.mtime === null || file.lastModified === this.mtime);
  }

  /** Take over what the server kept of an upload of an earlier page. */
  adopt(state: IUploadState, phase: Phase = 'interrupted'): void {
    this.id = state.id;
    this.total = state.size;
    this.mtime = state.mtime ?? null;
    this._ranges = state.done;
    this._partSize = state.part_size;
    this._tell(phase);
  }

  /**
   * Send what is missing, and commit.
   *
   * @returns The item in Box; null when it was paused or cancelled.
   * @throws BoxError when it cannot go on; `run` may be called again.
   */
  async run(): Promise<IItem | null> {
    this._stop = new AbortController();
    try {
      await this._begin();
      await this._sendAll();
      return await this._commit();
    } catch (error) {
      if (this._stop.signal.aborted) {
        return null;
      }
      this.code = error instanceof BoxError ? error.code : '';
      this._tell('failed', error instanceof Error ? error.message : String(error));
      throw error;
    }
  }

  pause(): void {
    this._stop.abort();
    this._tell('paused');
  }

  /** Give it up; Box keeps nothing of it. */
  async cancel(): Promise<void> {
    this._stop.abort();
    this._tell('cancelled');
    if (this.id) {
      await this._api.cancelUpload(this.id);
    }
  }

  private async _begin(): Promise<void> {
    this._tell('running');
    const wanted = { path: this.path, size: this.total, mtime: this.mtime, on_conflict: this._onConflict };
    const state = this.id ? await this._api.uploadState(this.id) : await this._api.beginUpload(wanted);
    this.id = state.id;
    this._ranges = state.done;
    this._partSize = state.part_size;
    if (!this.file && this.done < this.total) {
      throw new BoxError('Choose the file again to continue.', 0, 'file_needed');
    }
    this._since = Date.now();
    this._before = this.done;
  }

  private async _sendAll(): Promise<void> {
    while (this.done < this.total) {
      const slices = missing(this.total, this._ranges, Math.min(this._partSize, this._slice.bytes));
      const lanes = Array.from({ length: PARTS_AT_ONCE }, () => this._lane(slices));
      const ends = await Promise.allSettled(lanes);
      const failed = ends.find(end => end.status === 'rejected');
      this._stop.signal.throwIfAborted();
      if (failed) {
        throw (failed as PromiseRejectedResult).reason;
      }
    }
  }

  private async _lane(slices: Generator<[number, number]>): Promise<void> {
    for (const [start, end] of slices) {
      this._stop.signal.throwIfAborted();
      if (!(await this._send(start, end))) {
        slices.return(undefined); // cut anew, smaller
        return;
      }
      this._ranges = [...this._ranges, [start, end]];
      this._tell('running');
    }
  }

  /** Send one slice, again after what passes; returns false when it was too large for a proxy on the way. */
  private async _send(start: number, end: number): Promise<boolean> {
    for (let attempt = 0; ; attempt++) {
      try {
        await this._api.sendPart(this.id, start, this.file!.slice(start, end), this._stop.signal);
        return true;
      } catch (error) {
        if (error instanceof BoxError && error.status === 413 && this._slice.shrink(end - start)) {
          return false;
        }
        await this._retry(error, attempt);
      }
    }
  }

  private async _commit(): Promise<IItem> {
    for (let attempt = 0; ; ) {
      try {
        const item = await this._api.commitUpload(this.id, this._stop.signal);
        if (item) {
          this._tell('done');
          return item;
        }
        this._tell('running', SENDING);
      } catch (error) {
        await this._retry(error, attempt++);
      }
    }
  }

  private async _retry(error: unknown, attempt: number): Promise<void> {
    this._stop.signal.throwIfAborted();
    if (attempt + 1 >= TRIES || !passes(error)) {
      throw error;
    }
    const seconds = (error instanceof BoxError && error.retryAfter) || Math.min(30, 2 ** attempt);
    this._tell('waiting', error instanceof Error ? error.message : String(error));
    await this._wait(seconds);
    this._stop.signal.throwIfAborted();
    this._tell('running');
  }

  private _tell(phase: Phase, message = ''): void {
    if (this._stop.signal.aborted && (phase === 'running' || phase === 'waiting')) {
      return; // a part that was still under way when it was paused
    }
    this.phase = phase;
    this.message = message;
    this._changed(this);
  }

  private _ranges: [number, number][] = [];
  private _partSize = LARGEST_SLICE;
  private _since = Date.now();
  private _before = 0;
  private _stop = new AbortController();
}

/** All uploads of this browser. */
export class Uploads {
  constructor(readonly api: BoxAPI) {}

  readonly slice = new SliceSize();
  onConflict: OnConflict = 'version';

  get changed(): ISignal<this, Upload> {
    return this._changed;
  }

  /** Emitted with each item that has arrived. */
  get arrived(): ISignal<this, IItem> {
    return this._arrived;
  }

  [Symbol.iterator](): IterableIterator<Upload> {
    return this._uploads[Symbol.iterator]();
  }

  /** Upload a file to a path of the drive; goes on where an earlier upload of the same file stopped. */
  async add(file: File, path: string, onConflict = this.onConflict): Promise<IItem> {
    const target = drivePath(path);
    const known = this._uploads.find(each => each.path === target && !each.isOver);
    if (known?.isUnderWay) {
      throw new BoxError(`${target} is being uploaded already.`, 409, 'already_uploading');
    }
    if (known?.isOf(file)) {
      return this.resume(known, file);
    }
    if (known) {
      await this.cancel(known);
    }
    return this._start(this._make(target, file, onConflict));
  }

  /** Go on with one that was paused, interrupted or has failed. */
  resume(upload: Upload, file?: File): Promise<IItem> {
    if (file && !upload.isOf(file)) {
      throw new BoxError(`${file.name} is not the file that was being uploaded, or it has changed.`, 0, 'another_file');
    }
    upload.file = file ?? upload.file;
    return this._start(upload);
  }

  async cancel(upload: Upload): Promise<void> {
    await upload.cancel();
    this.forget(upload);
  }

  /** Take one off the list. */
  forget(upload: Upload): void {
    this._uploads = this._uploads.filter(each => each !== upload);
    this._changed.emit(upload);
  }

  /** Show what an earlier page, or another one, has left unfinished. */
  async restore(): Promise<void> {
    const states = await this.api.uploads();
    for (const state of states.filter(each => ['pending', 'sending', 'failed'].includes(each.state))) {
      if (!this._uploads.some(each => each.id === state.id)) {
        this._make(state.path, null, 'version').adopt(state);
      }
    }
  }

  private _make(path: string, file: File | null, onConflict: OnConflict): Upload {
    const upload = new Upload(this.api, path, file, this.slice, onConflict, each => this._changed.emit(each));
    this._uploads = [...this._uploads, upload];
    this._changed.emit(upload);
    return upload;
  }

  private async _start(upload: Upload): Promise<IItem> {
    await this._turn();
    try {
      const item = await upload.run();
      if (!item) {
        throw new BoxError(`The upload of ${upload.path} has stopped.`, 0, upload.phase);
      }
      this._arrived.emit(item);
      return item;
    } finally {
      this._running -= 1;
      this._queue.shift()?.();
    }
  }

  private async _turn(): Promise<void> {
    if (this._running >= FILES_AT_ONCE) {
      await new Promise<void>(resolve => this._queue.push(resolve));
    }
    this._running += 1;
  }

  private _uploads: Upload[] = [];
  private _queue: (() => void)[] = [];
  private _running = 0;
  private _changed = new Signal<this, Upload>(this);
  private _arrived = new Signal<this, IItem>(this);
}

/** Return an upload as the transfers view shows it. */
export function progressOf(upload: Upload): IProgress {
  const { id, path, phase, done, total, rate, message, code } = upload;
  return { id, kind: 'upload', path, phase, done, total, files_done: 0, files_total: 1, rate, message, code };
}

function passes(error: unknown): boolean {
  return !(error instanceof BoxError) || error.status >= 500 || error.status === 429 || error.status === 408;
}

function wait(seconds: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, seconds * 1000));
}
