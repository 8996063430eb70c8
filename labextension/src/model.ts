/** What the panel knows: the connection, a folder page by page in Box's order, and the uploads that go into it. */

import { FilterFileBrowserModel } from '@jupyterlab/filebrowser';
import type { Contents } from '@jupyterlab/services';
import { Throttler } from '@lumino/polling';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import { BoxError } from './api';
import type { BoxDrive } from './drive';
import { drivePath } from './drive';
import type { Events } from './events';
import { itemOf, modelOf } from './items';
import type { IBoxFolder, IChanges, IItem, IOrder, IStatus } from './tokens';
import { PAGE_SIZE } from './tokens';
import type { Uploads } from './uploads';
import { wording } from './words';

const EVERY = 1000; // milliseconds between two listings, while changes go on
const OLD = 60_000; // milliseconds after which a listing is looked after, when it is shown again
const FURTHER = 20; // rows behind the first page that are asked for one by one; beyond, all pages are listed anew

export class BoxModel extends FilterFileBrowserModel {
  constructor(options: BoxModel.IOptions) {
    super({
      ...options,
      includeHiddenFiles: true,
      filterDirectories: true,
      refreshStandby: () => (options.isShown() ? 'when-hidden' : true)
    });
    this.drive = options.drive;
    this.uploader = options.uploads;
    this._isShown = options.isShown;
    options.events.changes.connect((_, changes) => this._note(changes));
    this.connectionFailure.connect(() => void this.checkConnection());
  }

  readonly drive: BoxDrive;
  readonly uploader: Uploads;

  /** The connection to Box; null while nobody has asked. */
  get status(): IStatus | null {
    return this._status;
  }

  /** Emitted when the connection, or how much of the folder is loaded, has changed. */
  get stateChanged(): ISignal<this, void> {
    return this._stateChanged;
  }

  /** How many items are loaded, and how many the folder has; null where Box does not tell. */
  get extent(): { loaded: number; total: number | null } {
    return { loaded: this._loaded.length, total: this._total };
  }

  get isComplete(): boolean {
    return !this._marker;
  }

  get isLoadingMore(): boolean {
    return this._more !== null;
  }

  /** The folder itself, as the last listing told. */
  get folder(): IBoxFolder | null {
    return this._folder;
  }

  /** Ask the server how it stands with Box, and tell it on. */
  async checkConnection(): Promise<IStatus> {
    try {
      this._status = await this.drive.api.status();
    } catch (error) {
      this._status = unreachable(error);
    }
    this._stateChanged.emit();
    return this._status;
  }

  /** Try again: the connection first, then the folder. */
  async reconnect(): Promise<void> {
    if ((await this.checkConnection()).connected) {
      await this.refresh();
    }
  }

  /** Let Box sort, and list the folder anew. */
  async setOrder(order: IOrder): Promise<void> {
    const { sort, direction } = this.drive.order;
    if (sort !== order.sort || direction !== order.direction) {
      this.drive.order = order;
      this._forget();
      await this.refresh();
    }
  }

  /** Add the next page of the folder; one page at a time. */
  loadMore(): Promise<void> {
    this._more ??= this._loadMore().finally(() => {
      this._more = null;
      this._stateChanged.emit();
    });
    return this._more;
  }

  /** Bring an item into the listing that is on no loaded page, as a file just made. */
  async include(path: string): Promise<void> {
    if (!this._known.has(path)) {
      const model = await this.manager.services.contents.get(path, { content: false });
      this._show([model, ...this._loaded]);
    }
  }

  /** Upload a file into a folder of Box, in raw parts; the stock way would send text to be decoded. */
  override async upload(file: File, path?: string): Promise<Contents.IModel> {
    return modelOf(await this.uploader.add(file, `${drivePath(path ?? this.path)}/${file.name}`));
  }

  /** Ask for the folder's first page again; the place in the list stays. */
  reload(): Promise<void> {
    return super.refresh();
  }

  /** Forget the pages behind the first, and list anew. */
  override async refresh(): Promise<void> {
    this._forget();
    await super.refresh();
  }

  /** List the folder if somebody looks, and it has changed since or nobody has looked for long. */
  catchUp(): void {
    const isOld = Date.now() - this._listed > OLD;
    if ((this._changed || isOld) && this._isShown() && !document.hidden) {
      void (this._listed ? this._relisting.invoke() : this.refresh());
    }
  }

  override dispose(): void {
    this._relisting.dispose();
    super.dispose();
  }

  protected override handleContents(contents: Contents.IModel): void {
    this._listed = Date.now();
    const folder = contents as IBoxFolder;
    const goesOn = folder.path === this._folder?.path && this._loaded.length > contents.content.length;
    this._folder = folder;
    this._total = folder.total_count ?? null;
    const first = contents.content as Contents.IModel[];
    if (goesOn) {
      this._merge(first);
    } else {
      this._marker = folder.next_marker ?? null;
      this._hold(first);
    }
    if (!this._status?.connected) {
      void this.checkConnection();
    }
    super.handleContents({ ...contents, content: this._loaded });
    this._stateChanged.emit();
  }

  /** Keep the further pages when the first is asked for again: nobody wants to lose their place every minute. */
  private _merge(first: Contents.IModel[]): void {
    const fresh = new Set(first.map(model => model.path));
    const rest = this._loaded.slice(this._firstPage).filter(model => !fresh.has(model.path));
    this._hold([...first, ...rest], first.length);
  }

  private _hold(models: Contents.IModel[], firstPage = models.length): void {
    this._loaded = models;
    this._firstPage = firstPage;
    this._known = new Set(models.map(model => model.path));
  }

  private _forget(): void {
    this._loaded = [];
    this._marker = null;
  }

  private async _loadMore(): Promise<void> {
    const [folder, marker] = [this._folder, this._marker];
    if (!folder || !marker) {
      return;
    }
    this._stateChanged.emit();
    const page = await this.drive.api.page(drivePath(folder.path), this.drive.order, marker, PAGE_SIZE);
    if (folder.path === this.path && marker === this._marker) {
      this._marker = page.next_marker;
      this._total = page.total_count ?? this._total;
      const fresh = page.items.map(modelOf).filter(model => !this._known.has(model.path));
      this._show([...this._loaded, ...fresh], this._firstPage);
    }
  }

  /** Take note of what has changed in Box, if the folder that is shown is concerned. */
  private _note({ folders, items, everything }: IChanges): void {
    const shown = new Set(this._loaded.map(model => itemOf(model)?.id));
    const known = items.filter(id => shown.has(id));
    const folder = this._folder?.box?.id;
    if (everything || known.length || (folder && (folders.includes(folder) || items.includes(folder)))) {
      this._changed = new Set([...(this._changed ?? []), ...known]);
      this.catchUp();
    }
  }

  private async _relist(): Promise<void> {
    const changed = this._changed ?? new Set();
    this._changed = null;
    const further = this._loaded.slice(this._firstPage).filter(model => changed.has(itemOf(model)?.id ?? ''));
    if (further.length > FURTHER) {
      await this.refresh();
      return;
    }
    await this.reload();
    if (further.length) {
      await this._renew(further);
    }
  }

  /** Ask for rows behind the first page, which is all that `reload` asks for; what has left the folder goes. */
  private async _renew(further: Contents.IModel[]): Promise<void> {
    const folder = this._folder;
    const asked = new Map(await Promise.all(further.map(async model => [model.path, await this._ask(model)] as const)));
    if (folder && folder === this._folder) {
      const isOld = (model: Contents.IModel, i: number) => i >= this._firstPage && asked.has(model.path);
      const fresh = (item: IItem | null | undefined) => (item && isIn(item, folder) ? [modelOf(item)] : []);
      this._show(
        this._loaded.flatMap((model, i) => (isOld(model, i) ? fresh(asked.get(model.path)) : [model])),
        this._firstPage
      );
    }
  }

  /** Return the item of a row as Box has it now; null where it is gone. */
  private async _ask(model: Contents.IModel): Promise<IItem | null> {
    const known = itemOf(model)!;
    try {
      return await this.drive.api.item(`id:${known.id}`);
    } catch (error) {
      return error instanceof BoxError && error.status === 404 ? null : known;
    }
  }

  private _show(models: Contents.IModel[], firstPage?: number): void {
    this._hold(models, firstPage);
    super.handleContents({ ...this._folder!, content: this._loaded });
    const { sessions } = this.manager.services;
    this.onRunningChanged(sessions, sessions.running()); // tells the listing, too
    this._stateChanged.emit();
  }

  private readonly _isShown: () => boolean;
  private readonly _relisting = new Throttler(() => this._relist(), { limit: EVERY, edge: 'trailing' });
  /** The ids of the rows that have changed since the last listing; null while nothing has. */
  private _changed: Set<string> | null = null;
  private _listed = 0;
  private _status: IStatus | null = null;
  private _folder: IBoxFolder | null = null;
  private _loaded: Contents.IModel[] = [];
  private _known = new Set<string>();
  private _firstPage = 0;
  private _marker: string | null = null;
  private _total: number | null = null;
  private _more: Promise<void> | null = null;
  private _stateChanged = new Signal<this, void>(this);
}

export namespace BoxModel {
  export interface IOptions extends FilterFileBrowserModel.IOptions {
    drive: BoxDrive;
    events: Events;
    uploads: Uploads;
    /** Whether the listing can be seen: nothing is asked for while it cannot. */
    isShown: () => boolean;
  }
}

function isIn(item: IItem, folder: IBoxFolder): boolean {
  return item.path === `${drivePath(folder.path).replace(/\/$/, '')}/${item.name}`;
}

function unreachable(error: unknown): IStatus {
  return {
    connected: false,
    mode: '',
    account: null,
    root: null,
    code: 'server_unreachable',
    message: wording(error),
    hint: ''
  };
}
