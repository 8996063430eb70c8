/** All uploads of this browser: a few files at a time, each path once, and what earlier pages have left. */

import type { TranslationBundle } from '@jupyterlab/translation';
import { nullTranslator } from '@jupyterlab/translation';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import type { BoxAPI } from './api';
import { BoxError } from './api';
import { DirectUploads } from './direct';
import { drivePath } from './drive';
import type { IItem, IUploadState, OnConflict } from './tokens';
import type { IShared, IWay } from './upload';
import { SliceSize, Upload } from './upload';
import { WholeUploads } from './whole';

const FILES_AT_ONCE = 3;
export const UNDER_WAY = 'already_uploading';

/** Return what the uploads of a page share. */
export function sharedBy(api: BoxAPI, trans: TranslationBundle): IShared {
  return { api, direct: new DirectUploads(api), whole: new WholeUploads(api), slice: new SliceSize(), trans, wait };
}

/** All uploads of this browser. */
export class Uploads {
  constructor(
    readonly api: BoxAPI,
    trans: TranslationBundle = nullTranslator.load('')
  ) {
    this._shared = sharedBy(api, trans);
  }

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
      throw new BoxError(this._shared.trans.__('%1 is being uploaded already.', target), 409, UNDER_WAY);
    }
    if (known?.isOf(file)) {
      return this.resume(known, file);
    }
    if (known?.file) {
      await this.cancel(known);
    } else if (known) {
      this.forget(known); // it may be under way in another page; the server knows
    }
    return this._start(this._make(target, file, onConflict));
  }

  /** Go on with one that was paused, interrupted or has failed. */
  resume(upload: Upload, file?: File): Promise<IItem> {
    if (file && !upload.isOf(file)) {
      const message = this._shared.trans.__('%1 is not the file that was being uploaded, or it has changed.', file.name);
      throw new BoxError(message, 0, 'another_file');
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
    const left = states.filter(each => ['pending', 'sending', 'failed'].includes(each.state));
    left.forEach(state => this._adopt(state, this.api));
    const { direct } = this._shared;
    (await direct.unfinished()).forEach(state => this._adopt(state, direct));
  }

  private _adopt(state: IUploadState, way: IWay): void {
    // one that begins in this very moment may not know its id yet
    if (!this._uploads.some(each => each.id === state.id || each.path === state.path)) {
      const upload = this._make(state.path, null, state.on_conflict ?? 'version');
      upload.adopt(state, way);
      if (!upload.needsFile) {
        void this.resume(upload).catch(() => undefined); // its row says what has failed
      }
    }
  }

  private _make(path: string, file: File | null, onConflict: OnConflict): Upload {
    const upload = new Upload(this._shared, path, file, onConflict, each => this._changed.emit(each));
    this._uploads = [...this._uploads, upload];
    this._changed.emit(upload);
    return upload;
  }

  private async _start(upload: Upload): Promise<IItem> {
    await this._turn();
    try {
      const item = await upload.run();
      if (!item) {
        throw new BoxError(this._shared.trans.__('The upload of %1 has stopped.', upload.path), 0, upload.phase);
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

  private readonly _shared: IShared;
  private _uploads: Upload[] = [];
  private _queue: (() => void)[] = [];
  private _running = 0;
  private _changed = new Signal<this, Upload>(this);
  private _arrived = new Signal<this, IItem>(this);
}

function wait(seconds: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, seconds * 1000));
}
