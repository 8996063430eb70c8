/** Everything on its way: this browser's uploads, and the server's own transfers as its events tell of them. */

import { VDomModel } from '@jupyterlab/ui-components';

import type { BoxAPI } from './api';
import type { IProgress, ITransfer } from './tokens';
import type { Upload, Uploads } from './uploads';
import { progressOf } from './uploads';

const OVER = ['done', 'skipped', 'cancelled'];
const LONGEST_WAIT = 60;

export class Transfers extends VDomModel {
  constructor(
    readonly api: BoxAPI,
    readonly uploads: Uploads
  ) {
    super();
    uploads.changed.connect(() => this.stateChanged.emit());
  }

  /** All that is not over, ours first; what has failed stays until it is dismissed. */
  get list(): ITransfer[] {
    const ours = [...this.uploads].filter(each => !each.isOver).map(each => ({ ...progressOf(each), ours: true }));
    const known = new Set(ours.map(each => each.id).filter(Boolean));
    const theirs = [...this._server.values()].filter(each => !known.has(each.id) && !OVER.includes(each.phase));
    return [...ours, ...theirs.map(each => ({ ...each, ours: false }))];
  }

  /** How far all of them are together, from 0 to 1; null while that is not known. */
  get fraction(): number | null {
    const running = this.list.filter(each => each.phase !== 'failed');
    const total = running.reduce((sum, each) => sum + (each.total ?? 0), 0);
    return total ? running.reduce((sum, each) => sum + each.done, 0) / total : null;
  }

  uploadOf(transfer: ITransfer): Upload | undefined {
    return [...this.uploads].find(each => each.path === transfer.path && !each.isOver);
  }

  async cancel(transfer: ITransfer): Promise<void> {
    const upload = transfer.ours ? this.uploadOf(transfer) : undefined;
    if (upload) {
      await this.uploads.cancel(upload);
      return;
    }
    if (transfer.phase !== 'failed') {
      await this.api.cancelTransfer(transfer.id);
    }
    this._server.delete(transfer.id);
    this.stateChanged.emit();
  }

  /** Start a copy on the server, which tells of it. */
  async start(wanted: Parameters<BoxAPI['startTransfer']>[0]): Promise<void> {
    const { id } = await this.api.startTransfer(wanted);
    this.watch();
    if (!this._server.has(id)) {
      const path = wanted.kind === 'upload' ? wanted.target : wanted.source;
      this._take({ ...NOTHING, id, kind: wanted.kind, path });
    }
  }

  /** Follow the server's events until `dispose`; comes back after a lost connection. */
  watch(): void {
    if (!this._watching && !this.isDisposed) {
      this._watching = true;
      void this._follow();
    }
  }

  override dispose(): void {
    this._stop.abort();
    super.dispose();
  }

  private async _follow(): Promise<void> {
    for (let failures = 0; !this.isDisposed; failures++) {
      try {
        (await this.api.transfers()).forEach(each => this._take(each));
        for await (const progress of this.api.events(this._stop.signal)) {
          failures = 0;
          this._take(progress);
        }
      } catch {
        // the server is restarting, or the network is down: the panel's own requests tell which
      }
      await new Promise(resolve => setTimeout(resolve, 1000 * Math.min(LONGEST_WAIT, 2 ** failures)));
    }
  }

  private _take(progress: IProgress): void {
    if (!progress.id) {
      return;
    }
    this._server.set(progress.id, progress);
    if (progress.phase === 'done') {
      this._server.delete(progress.id);
      this.finished?.(progress);
    }
    this.stateChanged.emit();
  }

  /** Called with each transfer of the server that has ended well. */
  finished: ((progress: IProgress) => void) | null = null;

  private _server = new Map<string, IProgress>();
  private _watching = false;
  private _stop = new AbortController();
}

const NOTHING: Omit<IProgress, 'id' | 'kind' | 'path'> = {
  phase: 'started',
  done: 0,
  total: null,
  files_done: 0,
  files_total: 1,
  rate: 0,
  message: '',
  code: ''
};
