/** One file on its way from the browser to Box: raw parts, a few at a time; pause, cancel, retry, and on after a reload. */

import type { TranslationBundle } from '@jupyterlab/translation';

import type { BoxAPI } from './api';
import { BoxError } from './api';
import type { DirectUploads } from './direct';
import { NotDirect } from './direct';
import type { IItem, IProgress, IUploadState, IUploadWanted, OnConflict, Phase } from './tokens';
import { LOST, OTHER_FILE } from './tokens';
import type { WholeUploads } from './whole';
import { wording } from './words';

const PARTS_AT_ONCE = 3;
const LARGEST_SLICE = 8 * 2 ** 20;
export const SMALLEST_SLICE = 2 ** 18;
const TRIES = 6;
const TRIES_WHILE_AWAY = 40; // half an hour, in which a server restarts
const AWAY = [408, 424, 502, 503, 504]; // what proxies, and a Hub, answer for a server that is not there
const NO_ROOM = 507;
const NO_SPOOL = 'spool_full';

const INCOMPLETE = 'incomplete'; // what a server answers that has not got all that was sent

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

/** One way to Box: over the server in parts, directly, or as a whole. */
export interface IWay extends Pick<BoxAPI, 'sendPart' | 'commitUpload' | 'cancelUpload'> {
  beginUpload: (wanted: IUploadWanted, file: File) => Promise<IUploadState>;
  /** Return what was sent already; of the file, if it is there, what really is. */
  uploadState: (id: string, file: File | null) => Promise<IUploadState>;
}

/** What all uploads of a page share. */
export interface IShared {
  api: IWay;
  direct: DirectUploads;
  whole: WholeUploads;
  slice: SliceSize;
  trans: TranslationBundle;
  wait: (seconds: number) => Promise<void>;
}

/** One file's way to Box. */
export class Upload {
  constructor(
    private readonly _shared: IShared,
    readonly path: string,
    public file: File | null,
    private readonly _onConflict: OnConflict,
    private readonly _changed: (upload: Upload) => void
  ) {
    this.total = file?.size ?? 0;
    this.mtime = file?.lastModified ?? null;
    this._way = _shared.api;
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

  /** Whether it cannot go on before the file was chosen again; but for the server, it is hashed here. */
  get needsFile(): boolean {
    return !this.file && (this._way !== this._shared.api || this.done < this.total);
  }

  /** Whether it is under way in a manner that does not outlast the page. */
  get endsWithPage(): boolean {
    return this.isUnderWay && this._way === this._shared.whole;
  }

  /** Take over an upload of an earlier page, as it is known on its way. */
  adopt(state: IUploadState, way: IWay): void {
    this._way = way;
    this.total = state.size;
    this.mtime = state.mtime ?? null;
    this._take(state);
    this._tell('interrupted');
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
      this._running = this._runAgain();
      return await this._running;
    } catch (error) {
      if (this._stop.signal.aborted) {
        return null;
      }
      this.code = error instanceof BoxError ? error.code : '';
      this._tell('failed', wording(error));
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
    if (!this.id) {
      await Promise.allSettled([this._running]); // the server may just be making it
    }
    if (this.id) {
      await this._way.cancelUpload(this.id);
    }
  }

  /** Send and commit; once more where the server has lost some of it meanwhile, as a new pod may have. */
  private async _runAgain(): Promise<IItem> {
    for (let again = false; ; again = true) {
      try {
        await this._begin();
        await this._sendAll();
        return await this._commit();
      } catch (error) {
        const code = error instanceof BoxError ? error.code : '';
        const why = this._whyAnew(code);
        if (again || !this.file || !(why || code === INCOMPLETE)) {
          throw error;
        }
        this._note = why;
        if (why) {
          this.id = '';
          this._ranges = [];
        }
      }
    }
  }

  /** Return why an upload has to begin anew; '' where it has not. */
  private _whyAnew(code: string): string {
    const sentences: Record<string, string> = {
      [LOST]: this._shared.trans.__('What was sent before is gone; the file is sent from the beginning.'),
      [OTHER_FILE]: this._shared.trans.__('The file has changed since; it is sent from the beginning.')
    };
    return sentences[code] ?? '';
  }

  private async _begin(): Promise<void> {
    this._tell('running', this.id ? this._shared.trans.__('Looking what was sent before…') : '');
    const ask = () => (this.id ? this._way.uploadState(this.id, this.file) : this._chosen());
    this._take(await this._tried(ask, this.file));
    if (this.needsFile) {
      throw new BoxError(this._shared.trans.__('Choose the file again to continue.'), 0, 'file_needed');
    }
    this._since = Date.now();
    this._before = this.done;
    this._tell('running');
  }

  /** Begin it directly if that can be, else over the server; as one request if the server has no room to keep it. */
  private async _chosen(): Promise<IUploadState> {
    const { api, direct, whole } = this._shared;
    const wanted = { path: this.path, size: this.total, mtime: this.mtime, on_conflict: this._onConflict };
    try {
      return await this._begun(direct.suits(wanted) ? direct : api, wanted);
    } catch (error) {
      if (error instanceof NotDirect) {
        return this._begun(api, wanted);
      }
      if (error instanceof BoxError && error.code === NO_SPOOL && whole.suits(wanted)) {
        return this._begun(whole, wanted);
      }
      throw error;
    }
  }

  private _begun(way: IWay, wanted: IUploadWanted): Promise<IUploadState> {
    this._way = way;
    return way.beginUpload(wanted, this.file!);
  }

  private _take(state: IUploadState): void {
    this.id = state.id;
    this._ranges = state.done;
    this._partSize = state.part_size;
    this._isExact = !!state.exact;
  }

  private async _sendAll(): Promise<void> {
    while (this.done < this.total) {
      const size = this._isExact ? this._partSize : Math.min(this._partSize, this._shared.slice.bytes);
      const slices = missing(this.total, this._ranges, size);
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
    const part = this.file!.slice(start, end);
    try {
      await this._tried(() => this._way.sendPart(this.id, start, part, this._stop.signal), part);
      return true;
    } catch (error) {
      if (error instanceof BoxError && error.status === 413 && !this._isExact && this._shared.slice.shrink(end - start)) {
        return false;
      }
      throw error;
    }
  }

  private async _commit(): Promise<IItem> {
    for (;;) {
      const item = await this._tried(() => this._way.commitUpload(this.id, this._stop.signal), this.file);
      if (item) {
        this._tell('done');
        return item;
      }
      this._tell('running', this._shared.trans.__('All of it is sent; Box puts it together.'));
    }
  }

  /** Return what a request gives; it is tried again after what passes, for long while the server is away. */
  private async _tried<T>(request: () => Promise<T>, part: Blob | null): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await request();
      } catch (error) {
        await this._retry(error, attempt, part);
      }
    }
  }

  private async _retry(error: unknown, attempt: number, part: Blob | null): Promise<void> {
    this._stop.signal.throwIfAborted();
    if (attempt + 1 >= (isAway(error) ? TRIES_WHILE_AWAY : TRIES) || !passes(error)) {
      throw error;
    }
    await this._checkReadable(part);
    const seconds = (error instanceof BoxError && error.retryAfter) || Math.min(30, 2 ** attempt);
    this._tell('waiting', this._reason(error));
    await this._shared.wait(seconds);
    this._stop.signal.throwIfAborted();
    this._tell('running');
  }

  /** A browser reports a file that has changed on the disk as if the network were down. */
  private async _checkReadable(part: Blob | null): Promise<void> {
    try {
      await part?.slice(0, 1).arrayBuffer();
    } catch {
      const message = this._shared.trans.__('%1 has changed on this computer, or cannot be read.', this.file!.name);
      throw new BoxError(message, 0, 'file_changed');
    }
  }

  private _reason(error: unknown): string {
    const away = this._shared.trans.__('The server does not answer; the upload goes on when it is back.');
    return isAway(error) ? away : (error as Error).message;
  }

  private _tell(phase: Phase, message = ''): void {
    if (this._stop.signal.aborted && (phase === 'running' || phase === 'waiting')) {
      return; // a part that was still under way when it was paused
    }
    this.phase = phase;
    this.message = message || (phase === 'running' ? this._note : '');
    this._changed(this);
  }

  private _way: IWay;
  private _isExact = false;
  /** What the reader is to know while it runs. */
  private _note = '';
  private _ranges: [number, number][] = [];
  private _partSize = LARGEST_SLICE;
  private _since = Date.now();
  private _before = 0;
  private _running: Promise<IItem> | null = null;
  private _stop = new AbortController();
}

/** Return an upload as the transfers view shows it. */
export function progressOf(upload: Upload): IProgress {
  const { id, path, phase, done, total, rate, message, code } = upload;
  const about = { id, kind: 'upload', where: 'browser', can_retry: true } as const;
  return { ...about, path, phase, done, total, files_done: 0, files_total: 1, rate, message, code };
}

/** Tell whether it is not Box, nor our server, that refuses: their errors have a code. */
function isAway(error: unknown): boolean {
  return !(error instanceof BoxError) || (!error.code && AWAY.includes(error.status));
}

function passes(error: unknown): boolean {
  const mayPass = (status: number) => status === 429 || (status >= 500 && status !== NO_ROOM);
  return isAway(error) || (error instanceof BoxError && mayPass(error.status));
}
