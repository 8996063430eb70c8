/** Uploads as one request, of which the server keeps nothing: for a server whose disk has no room for the file. */

import type { BoxAPI } from './api';
import type { IItem, IUploadState, IUploadWanted } from './tokens';

export class WholeUploads {
  constructor(private readonly _api: BoxAPI) {}

  /** Return whether a file may go this way: it writes what is there, or what is new. */
  suits({ size, on_conflict }: IUploadWanted): boolean {
    return size > 0 && ['version', 'fail'].includes(on_conflict);
  }

  async beginUpload(wanted: IUploadWanted): Promise<IUploadState> {
    const id = crypto.getRandomValues(new Uint32Array(2)).join('-');
    this._uploads.set(id, { wanted, item: null });
    return this.uploadState(id);
  }

  async uploadState(id: string): Promise<IUploadState> {
    const { wanted, item } = this._uploads.get(id)!;
    const done: [number, number][] = item ? [[0, wanted.size]] : [];
    return { ...wanted, id, part_size: wanted.size, done, state: 'pending', exact: true };
  }

  async sendPart(id: string, _offset: number, part: Blob, signal: AbortSignal): Promise<void> {
    const upload = this._uploads.get(id)!;
    upload.item = await this._api.requestAPI<IItem>('PUT', 'files', { path: upload.wanted.path, body: part, signal });
  }

  async commitUpload(id: string): Promise<IItem | null> {
    const { item } = this._uploads.get(id)!;
    this._uploads.delete(id);
    return item;
  }

  async cancelUpload(id: string): Promise<void> {
    this._uploads.delete(id);
  }

  private _uploads = new Map<string, { wanted: IUploadWanted; item: IItem | null }>();
}
