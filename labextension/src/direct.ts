/**
 * Uploads that go from the browser to Box itself, by an upload session of Box, with a token for one folder.
 *
 * It is another way for `uploads`, where an administrator has turned it on and Box takes requests from this page's
 * address; whatever else there is to know of an upload stays there.
 */

import type { BoxAPI } from './api';
import { BoxError } from './api';
import type { IKept } from './kept';
import { KeptUploads } from './kept';
import type { ISession } from './session';
import { BoxAccess, DirectUpload, newSession, sessionOf } from './session';
import type { IItem, IUploadState, IUploadWanted } from './tokens';
import { LOST, OTHER_FILE } from './tokens';
import { folderOf, wording } from './words';

export const SMALLEST = 20_000_000; // bytes from which on Box takes a file in parts

/** It cannot be done this way; nothing has been sent. */
export class NotDirect extends Error {}

/** Uploads by Box's own upload sessions; the same methods as the server's uploads have. */
export class DirectUploads {
  constructor(private readonly _api: BoxAPI) {
    this._kept = new KeptUploads(_api.settings.baseUrl);
  }

  /** Return whether a file may go this way at all. */
  suits({ size, on_conflict }: IUploadWanted): boolean {
    return !this._isOff && size >= SMALLEST && ['version', 'fail'].includes(on_conflict);
  }

  /** Return what earlier pages have left unfinished, as Box has it; as if nothing was sent where Box does not tell. */
  async unfinished(): Promise<IUploadState[]> {
    const states = await Promise.all(this._kept.list().map(kept => this._left(kept)));
    return states.filter(state => state !== null);
  }

  /**
   * Begin an upload, in place of any other to the same path.
   *
   * @throws NotDirect where this server, or Box, does not allow it, or the folder is still to be made.
   * @throws BoxError where Box would not take the file, whichever way.
   */
  async beginUpload(wanted: IUploadWanted, file: File): Promise<IUploadState> {
    const before = this._kept.list().find(each => each.path === wanted.path);
    await (before && this.cancelUpload(before.id));
    const box = new BoxAccess(this._api, folderOf(wanted.path));
    const session = await this._session(box, wanted);
    const { path, size, mtime, on_conflict } = wanted;
    this._kept.keep({ path, size, mtime, on_conflict, id: session.id });
    return this._note(box, session, wanted).state(file);
  }

  /**
   * Return what Box has of an upload.
   *
   * @throws BoxError with the code `upload_not_found` where Box has nothing of it any more, `other_file` where
   *   what it has is not of this file; then it is over.
   */
  async uploadState(id: string, file: File | null): Promise<IUploadState> {
    try {
      return await (await this._opened(id)).state(file);
    } catch (error) {
      const { wanted } = this._uploads.get(id) ?? {};
      if (wanted && isGone(error) && (await this._arrived(wanted))) {
        return stateOf(wanted, id, [[0, wanted.size]]); // another page has ended it
      }
      if (error instanceof BoxError && error.code === OTHER_FILE) {
        await this.cancelUpload(id);
      }
      throw this._lost(id, error);
    }
  }

  async sendPart(id: string, offset: number, part: Blob, signal: AbortSignal): Promise<void> {
    try {
      await (await this._opened(id)).send(offset, part, signal);
    } catch (error) {
      throw this._lost(id, error);
    }
  }

  /** Return the file; null where Box is not ready, and one has to ask again. */
  async commitUpload(id: string, signal?: AbortSignal): Promise<IItem | null> {
    const upload = await this._opened(id);
    const item = await this._committed(upload, signal);
    if (item) {
      this._forget(id);
    }
    return item;
  }

  /** Give an upload up; what Box cannot be told of now, it ends by itself after a week. */
  async cancelUpload(id: string): Promise<void> {
    const upload = await this._opened(id).catch(() => null);
    this._forget(id);
    await upload?.abort().catch(() => undefined);
  }

  private async _session(box: BoxAccess, wanted: IUploadWanted): Promise<ISession> {
    try {
      const parent = await this._api.item(folderOf(wanted.path));
      await box.token();
      return await newSession(box, parent.id, wanted);
    } catch (error) {
      this._isOff ||= isLasting(error);
      throw isOurs(error) ? error : new NotDirect(wording(error));
    }
  }

  /** Return where one stands that an earlier page has begun; null where that page has only not seen its end. */
  private async _left(kept: IKept): Promise<IUploadState | null> {
    try {
      return await (await this._opened(kept.id)).state(null);
    } catch (error) {
      if (isGone(error) && (await this._arrived(kept))) {
        this._forget(kept.id);
        return null;
      }
      return stateOf(kept, kept.id, []);
    }
  }

  /** Return an upload of this page, or of an earlier one. */
  private async _opened(id: string): Promise<DirectUpload> {
    const known = this._uploads.get(id);
    if (known) {
      return known;
    }
    const kept = this._kept.list().find(each => each.id === id);
    if (!kept) {
      throw new BoxError('There is no such upload.', 404, LOST);
    }
    const box = new BoxAccess(this._api, folderOf(kept.path));
    return this._note(box, await sessionOf(box, id), kept);
  }

  private async _committed(upload: DirectUpload, signal?: AbortSignal): Promise<IItem | null> {
    try {
      const file = await upload.commit(signal);
      return file === null ? null : await this._api.item(`id:${file}`);
    } catch (error) {
      const item = isGone(error) && (await this._arrived(upload.wanted)); // the answer to an earlier commit was lost
      if (item) {
        return item;
      }
      throw error;
    }
  }

  /** Return the file if it is at its place as it is to be; else null. */
  private async _arrived({ path, size, mtime }: IUploadWanted): Promise<IItem | null> {
    const item = await this._api.item(path).catch(() => null);
    const time = mtime !== null && seconds(mtime);
    return item?.size === size && item.content_modified && seconds(Date.parse(item.content_modified)) === time ? item : null;
  }

  /** Return what an error means for an upload: where Box has nothing of it any more, it is forgotten. */
  private _lost(id: string, error: unknown): unknown {
    if (!isGone(error)) {
      return error;
    }
    this._forget(id);
    return new BoxError(error.message, error.status, LOST);
  }

  private _note(box: BoxAccess, session: ISession, wanted: IUploadWanted): DirectUpload {
    const upload = new DirectUpload(box, session, wanted);
    this._uploads.set(session.id, upload);
    return upload;
  }

  private _forget(id: string): void {
    this._uploads.get(id)?.dispose();
    this._uploads.delete(id);
    this._kept
      .list()
      .filter(kept => kept.id === id)
      .forEach(kept => this._kept.forget(kept.path));
  }

  private readonly _kept: KeptUploads;
  private _isOff = false;
  private _uploads = new Map<string, DirectUpload>();
}

/** Return what is known of an upload without Box. */
function stateOf(wanted: IUploadWanted, id: string, done: [number, number][]): IUploadState {
  return { ...wanted, id, part_size: 0, done, state: 'pending', exact: true };
}

/** Tell whether no other file can go this way either: it is off, or the browser may not reach Box. */
function isLasting(error: unknown): boolean {
  return error instanceof TypeError || (error instanceof BoxError && ['tokens_off', 'denied'].includes(error.code));
}

/** Tell whether there is no going on with an upload session: it is over, unknown, or no longer ours to reach. */
function isGone(error: unknown): error is BoxError {
  const codes = ['invalid_upload_session_id', 'tokens_off'];
  return error instanceof BoxError && ([404, 410].includes(error.status) || codes.includes(error.code));
}

/** Tell whether Box has refused the file itself, so that another way makes no difference. */
function isOurs(error: unknown): boolean {
  const codes = ['item_name_in_use', 'storage_limit_exceeded', 'file_size_limit_exceeded'];
  return error instanceof BoxError && codes.includes(error.code);
}

function seconds(milliseconds: number): number {
  return Math.floor(milliseconds / 1000);
}
