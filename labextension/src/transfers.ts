/** Everything on its way: this browser's uploads, and what the server and its kernels do, as the server's events tell. */

import { VDomModel } from '@jupyterlab/ui-components';

import type { BoxAPI } from './api';
import { BoxError } from './api';
import type { Events } from './events';
import type { IProgress } from './tokens';
import type { Upload } from './upload';
import { progressOf } from './upload';
import type { Uploads } from './uploads';

const OVER = ['done', 'skipped', 'cancelled'];

export class Transfers extends VDomModel {
  constructor(
    readonly api: BoxAPI,
    readonly uploads: Uploads,
    events: Events
  ) {
    super();
    uploads.changed.connect(() => this.stateChanged.emit());
    events.opened.connect(() => this._server.clear());
    events.transfers.connect((_, progress) => this._take(progress));
  }

  /** All that is not over, ours first; what has failed stays until it is dismissed. */
  get list(): IProgress[] {
    const ours = [...this.uploads].filter(each => !each.isOver).map(progressOf);
    return [...ours, ...this._server.values()];
  }

  /** How far all of them are together, from 0 to 1; null while that is not known. */
  get fraction(): number | null {
    const running = this.list.filter(each => each.phase !== 'failed');
    const total = running.reduce((sum, each) => sum + (each.total ?? 0), 0);
    return total ? running.reduce((sum, each) => sum + each.done, 0) / total : null;
  }

  uploadOf(transfer: IProgress): Upload | undefined {
    return transfer.where === 'browser'
      ? [...this.uploads].find(each => each.path === transfer.path && !each.isOver)
      : undefined;
  }

  /** End one; of one that has failed, dismiss it. */
  async cancel(transfer: IProgress): Promise<void> {
    const upload = this.uploadOf(transfer);
    if (upload) {
      await this.uploads.cancel(upload);
      return;
    }
    await this.api.cancelTransfer(transfer.id).catch(unlessGone);
    if (transfer.phase === 'failed') {
      this._server.delete(transfer.id);
      this.stateChanged.emit();
    }
  }

  /** Do one of the server or of a kernel again that has failed. */
  async retry(transfer: IProgress): Promise<void> {
    this._server.delete(transfer.id);
    try {
      this._showBegun(await this.api.retryTransfer(transfer.id));
    } catch (error) {
      this._take(transfer);
      throw error;
    }
  }

  /** Start a copy on the server, which tells of it. */
  async start(wanted: Parameters<BoxAPI['startTransfer']>[0]): Promise<void> {
    this._showBegun(await this.api.startTransfer(wanted));
  }

  /** Show one as the answer to its beginning has it, unless the events were faster: it may even be over. */
  private _showBegun(begun: IProgress): void {
    if (!this._server.has(begun.id) && !this._over.has(begun.id)) {
      this._take(begun);
    }
  }

  private _take(progress: IProgress): void {
    if (OVER.includes(progress.phase)) {
      this._server.delete(progress.id);
      this._over.add(progress.id);
    } else {
      this._server.set(progress.id, progress);
    }
    if (progress.phase === 'done') {
      this.finished?.(progress);
    }
    this.stateChanged.emit();
  }

  /** Called with each transfer of the server, or of a kernel, that has ended well. */
  finished: ((progress: IProgress) => void) | null = null;

  private _server = new Map<string, IProgress>();
  private _over = new Set<string>();
}

function unlessGone(error: unknown): void {
  if (!(error instanceof BoxError && error.status === 404)) {
    throw error;
  }
}
