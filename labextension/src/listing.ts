/** The stock listing, of which only the visible rows are in the page, sorted by Box. */

import { showErrorMessage } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import { renameFile } from '@jupyterlab/docmanager';
import { DirListing } from '@jupyterlab/filebrowser';
import type { Contents } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import { nullTranslator } from '@jupyterlab/translation';
import type { Drag } from '@lumino/dragdrop';
import type { Message } from '@lumino/messaging';
import { MessageLoop } from '@lumino/messaging';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';

import type { IColumns } from './columns';
import { fitting } from './columns';
import { confirmed } from './confirming';
import type { Action } from './items';
import { childPath, itemOf, openInBox, refusal } from './items';
import type { BoxModel } from './model';
import type { IItem, IOrder } from './tokens';
import { CONTENTS_MIME, DOMAIN } from './tokens';

const OVERSCAN = 20;
const ROW_HEIGHT = 24;
const ROW = '.jp-DirListing-item';
const DROP_TARGET = 'jp-mod-dropTarget';

/** The rows that are in the page: the first, and the one behind the last. */
export interface ISpan {
  first: number;
  last: number;
}

/** Return the rows that a viewport shows, and some more on both sides. */
export function visibleSpan(scrolled: number, height: number, row: number, count: number): ISpan {
  const top = Math.min(Math.floor(scrolled / row), Math.max(0, count - 1));
  return {
    first: Math.max(0, top - OVERSCAN),
    last: Math.min(count, top + Math.ceil(height / row) + OVERSCAN)
  };
}

/** Return Box's order for a header's state. */
export function orderOf(state: DirListing.ISortState): IOrder {
  const keys: Record<string, IOrder['sort']> = { last_modified: 'date', file_size: 'size' };
  return { sort: keys[state.key] ?? 'name', direction: state.direction === 'descending' ? 'desc' : 'asc' };
}

/** What the stock listing keeps to itself, by its names since 4.2: it takes each row to be in the page. */
interface IInner {
  _items: HTMLElement[];
  _sortedItems: Contents.IModel[];
  _sortState: DirListing.ISortState;
  _focusIndex: number;
  _saveState?(): void;
  _focusItem?(index: number): void;
}

/** Stands for every row that is not in the page; it is hit by nothing, and asking it costs nothing. */
const NO_ROW = document.createElement('li');
NO_ROW.getBoundingClientRect = () => new DOMRect(-1, -1, 0, 0);

export interface IDropHandler {
  /** Take a drop of local files on a folder of Box; paths as JupyterLab has them. */
  (paths: string[], folder: string): Promise<unknown>;
}

export class BoxListing extends DirListing {
  constructor(options: DirListing.IOptions) {
    super(options);
    this._words = (options.translator ?? nullTranslator).load(DOMAIN);
    this.contentNode.addEventListener('scroll', () => this._onScroll(), { passive: true });
    this.contentNode.setAttribute('tabindex', '-1');
    this.model.pathChanged.connect(() => (this.contentNode.scrollTop = 0));
  }

  /** Called with files of the local disk that are dropped here. */
  onLocalDrop: IDropHandler | null = null;

  /** Called with files and folders of the desktop that are dropped here. */
  onDesktopDrop: ((event: DragEvent, folder: string) => void) | null = null;

  /** Emitted when other rows are selected; JupyterLab before 4.4 has no such signal. */
  get selectionMoved(): ISignal<this, void> {
    return this._selectionMoved;
  }

  override sort(state: DirListing.ISortState): void {
    const inner = this._inner;
    const before = inner._sortState;
    inner._sortState = state;
    inner._sortedItems = Array.from(this.model.items());
    this._arrange();
    this.update();
    if (before.key !== state.key || before.direction !== state.direction) {
      inner._saveState?.();
      void this._box.setOrder(orderOf(state));
    }
  }

  override async restore(id: string): Promise<void> {
    await super.restore?.(id);
    await this._box.setOrder(orderOf(this.sortState));
  }

  override selectNext(keepExisting = false): void {
    this._revealBeside(1);
    super.selectNext(keepExisting);
  }

  override selectPrevious(keepExisting = false): void {
    this._revealBeside(-1);
    super.selectPrevious(keepExisting);
  }

  override selectByPrefix(): void {
    const prefix = ((this as unknown as { _searchPrefix: string })._searchPrefix ?? '').toLowerCase();
    this.reveal(this._inner._sortedItems.findIndex(item => item.name.toLowerCase().startsWith(prefix)));
    super.selectByPrefix();
  }

  override async selectItemByName(name: string, focus = false): Promise<void> {
    await this._box.include(childPath(this.model.path, name));
    // JupyterLab asks twice for a new file: a second focus would end its renaming
    if (!focus && (this._isEditing || this.isSelected(name))) {
      return;
    }
    const index = this._inner._sortedItems.findIndex(item => item.name === name);
    if (index < 0) {
      throw new Error(this._words.__('%1 is not in this folder.', name));
    }
    this.reveal(index);
    this.clearSelectedItems(false);
    this.selection[this._inner._sortedItems[index].path] = true;
    MessageLoop.sendMessage(this, Widget.Msg.UpdateRequest);
    if (focus) {
      this.focusRow(index);
    }
  }

  /** Bring a row into the page and into view. */
  reveal(index: number): void {
    if (index < 0) {
      return;
    }
    const content = this.contentNode;
    const top = index * this._rowHeight;
    if (top < content.scrollTop || top + this._rowHeight > content.scrollTop + content.clientHeight) {
      content.scrollTop = Math.max(0, top - content.clientHeight / 2);
    }
    MessageLoop.sendMessage(this, Widget.Msg.UpdateRequest);
  }

  /** Draw the rows anew; while they are hidden that would only make the stock listing forget what has come meanwhile. */
  redraw(): void {
    if (this.isVisible) {
      this.update();
    }
  }

  /** Give a row the focus. */
  focusRow(index: number): void {
    this.reveal(index);
    this._inner._focusIndex = index;
    this._inner._focusItem?.(index);
  }

  /** Ask in Box's words, then move what is selected to Box's trash. */
  override async delete(): Promise<void> {
    const items = Array.from(this.selectedItems());
    if (items.length && this._isAllowed(items.map(itemOf), 'delete') && (await this._confirmed(items))) {
      await Promise.all(items.map(item => this._moveToTrash(item.path)));
    }
  }

  override async paste(): Promise<void> {
    if (this._isAllowed([this._folder], 'upload')) {
      await super.paste();
    }
  }

  override setColumnVisibility(name: DirListing.ToggleableColumn, visible: boolean): void {
    if (name in this._wanted) {
      this._wanted[name as keyof IColumns] = visible;
      this._fitColumns();
    } else {
      super.setColumnVisibility(name, visible);
    }
  }

  override onResize(msg: Widget.ResizeMessage): void {
    super.onResize(msg);
    this._fitColumns();
  }

  protected override onAfterShow(msg: Message): void {
    super.onAfterShow(msg);
    this.update();
  }

  protected override handleOpen(model: Contents.IModel): void {
    const item = itemOf(model);
    if (item?.type === 'web_link') {
      openInBox(item);
    } else if (item?.type === 'folder' || this._isAllowed([item], 'download')) {
      super.handleOpen(model);
    }
  }

  protected override onUpdateRequest(msg: Message): void {
    const inner = this._inner;
    const [every, rows, focus] = [inner._sortedItems, inner._items, inner._focusIndex];
    if (!this._isEditing) {
      this._span = visibleSpan(this.contentNode.scrollTop, this._height, this._rowHeight, every.length);
    }
    const { first, last } = this._span;
    const hadFocus = this.contentNode.contains(document.activeElement) && !this._isEditing;
    inner._sortedItems = every.slice(first, last);
    inner._items = this._live;
    inner._focusIndex = focus - first;
    super.onUpdateRequest(msg);
    inner._sortedItems = every;
    inner._items = rows;
    inner._focusIndex = focus;
    this._arrange();
    this._describe();
    this._tellSelection();
    if (hadFocus) {
      this._keepFocus(focus);
    }
    this._askForMore();
  }

  protected override updateNodes(items: Contents.IModel[], nodes: HTMLElement[], sizeOnly?: boolean): void {
    if (nodes === this._live) {
      super.updateNodes(items, nodes, sizeOnly);
    } else {
      super.updateNodes(this._shown, this._live, sizeOnly);
    }
  }

  protected override updateModified(): void {
    super.updateModified(this._shown, this._live);
  }

  protected override updateCreated(): void {
    // Box does not sort by it, and the panel does not show it
  }

  protected override evtKeydown(event: KeyboardEvent): void {
    const arrow = event.key === 'ArrowDown' || event.key === 'ArrowUp';
    if (arrow && !this._isEditing && this._inner._sortedItems.length) {
      const index = this._inner._focusIndex;
      this.reveal(index);
      if (event.target === this.contentNode) {
        this._passOn(event, index);
        return;
      }
    }
    super.evtKeydown(event);
  }

  protected override evtNativeDrop(event: DragEvent): void {
    event.preventDefault();
    if (this._isAllowed([itemOf(this._targetOf(event)) ?? this._folder], 'upload')) {
      this.onDesktopDrop?.(event, this._folderAt(event));
    }
  }

  protected override evtDragOver(event: Drag.Event): void {
    super.evtDragOver(event);
    if (this._areLocal(event)) {
      event.dropAction = event.proposedAction; // JupyterLab's drags know no other, whatever becomes of them
      event.preventDefault();
    }
  }

  protected override evtDragEnter(event: Drag.Event): void {
    super.evtDragEnter(event);
    if (this._areLocal(event)) {
      event.preventDefault();
      event.stopPropagation();
    }
  }

  protected override evtDrop(event: Drag.Event): void {
    const paths = (event.mimeData.getData(CONTENTS_MIME) as string[] | undefined) ?? [];
    const [areLocal, folder] = [this._areLocal(event), this._folderAt(event)];
    event.preventDefault();
    event.stopPropagation();
    this.node.querySelector(`.${DROP_TARGET}`)?.classList.remove(DROP_TARGET);
    event.dropAction = paths.length ? event.proposedAction : 'none';
    if (event.dropAction === 'none' || !this._isAllowed([itemOf(this._targetOf(event)) ?? this._folder], 'upload')) {
      return;
    }
    const work = areLocal ? this.onLocalDrop?.(paths, folder) : this._bring(paths, folder, event.ctrlKey);
    work?.catch(error => showErrorMessage(this._words.__('Copying to Box failed'), error));
  }

  /** Move or copy items of Box into a folder of Box. */
  private async _bring(paths: string[], folder: string, isCopy: boolean): Promise<void> {
    const manager = this.model.manager;
    const target = (path: string) => childPath(folder, PathExt.basename(manager.services.contents.localPath(path)));
    const coming = paths.filter(path => path !== folder && path !== target(path));
    const items = coming.map(path => itemOf(this._inner._sortedItems.find(model => model.path === path)));
    if (this._isAllowed(items, isCopy ? 'download' : 'rename')) {
      const bring = (path: string) => (isCopy ? manager.copy(path, folder) : renameFile(manager, path, target(path)));
      await Promise.all(coming.map(bring));
    }
  }

  /** Give a key to the row that has the focus, which was not in the page when the key was pressed. */
  private _passOn(event: KeyboardEvent, index: number): void {
    this.focusRow(index);
    event.preventDefault();
    if (document.activeElement !== this.contentNode) {
      document.activeElement?.dispatchEvent(new KeyboardEvent('keydown', event));
    }
  }

  private _areLocal(event: Drag.Event): boolean {
    const paths = event.mimeData.getData(CONTENTS_MIME) as string[] | undefined;
    const { contents } = this.model.manager.services;
    return !!paths?.length && paths.every(path => !contents.driveName(path));
  }

  private _folderAt(event: MouseEvent): string {
    return this._targetOf(event)?.path ?? this.model.path;
  }

  /** Return the folder's row below the pointer. */
  private _targetOf(event: MouseEvent): Contents.IModel | undefined {
    const model = this.modelForClick(event);
    return model?.type === 'directory' ? model : undefined;
  }

  /** Tell whether Box allows it; if not, say why. */
  private _isAllowed(items: (IItem | undefined)[], action: Action): boolean {
    const reason = items.map(item => refusal(item, action, this._words)).find(Boolean);
    if (reason) {
      void showErrorMessage(this._words.__('Not allowed'), reason);
    }
    return !reason;
  }

  private _confirmed(items: Contents.IModel[]): Promise<boolean> {
    const [trans, count] = [this._words, items.length];
    const body =
      count === 1
        ? trans.__('“%1” moves to the trash of Box. It can be restored from there.', items[0].name)
        : trans.__('%1 items move to the trash of Box. They can be restored from there.', count);
    return confirmed(trans, trans.__('Move to trash'), body);
  }

  private async _moveToTrash(path: string): Promise<void> {
    try {
      await this.model.manager.deleteFile(path);
    } catch (error) {
      await showErrorMessage(this._words.__('Moving to the trash failed'), error as Error);
    }
  }

  /** Give the stock code one entry for each row, with the rows in the page at their places. */
  private _arrange(): void {
    const count = this._inner._sortedItems.length;
    const rows = new Array<HTMLElement>(count).fill(NO_ROW);
    this._live.forEach((node, i) => {
      if (this._span.first + i < count) {
        rows[this._span.first + i] = node;
      }
    });
    this._inner._items = rows;
    const style = this.contentNode.style;
    style.setProperty('--jp-box-above', `${this._span.first * this._rowHeight}px`);
    style.setProperty('--jp-box-below', `${Math.max(0, count - this._span.last) * this._rowHeight}px`);
  }

  private _fitColumns(): void {
    const fit = fitting(this._wanted, this.node.clientWidth || Infinity);
    const changed = (Object.keys(fit) as (keyof IColumns)[]).filter(name => fit[name] !== this._shownColumns[name]);
    this._shownColumns = fit;
    changed.forEach(name => super.setColumnVisibility(name, fit[name]));
    if (changed.length) {
      this.redraw(); // the stock listing draws the headings only
    }
  }

  private _tellSelection(): void {
    const selected = Object.keys(this.selection).join('\n');
    if (selected !== this._selected) {
      this._selected = selected;
      this._selectionMoved.emit();
    }
  }

  /** Tell a screen reader which rows these are of how many. */
  private _describe(): void {
    const total = this._box.extent.total ?? this._inner._sortedItems.length;
    this._live.forEach((node, i) => {
      node.setAttribute('aria-setsize', String(total));
      node.setAttribute('aria-posinset', String(this._span.first + i + 1));
    });
  }

  private _keepFocus(index: number): void {
    const row = this._inner._items[index];
    const name = row && row !== NO_ROW ? this.renderer.getNameNode(row) : null;
    (name ?? this.contentNode).focus({ preventScroll: true });
  }

  private _askForMore(): void {
    const count = this._inner._sortedItems.length;
    if (count && this._span.last >= count - OVERSCAN && !this._box.isComplete && this.isVisible) {
      void this._box.loadMore().catch(() => this._box.checkConnection());
    }
  }

  private _onScroll(): void {
    const { first, last } = visibleSpan(
      this.contentNode.scrollTop,
      this._height,
      this._rowHeight,
      this._inner._sortedItems.length
    );
    if (Math.abs(first - this._span.first) > OVERSCAN / 2 || Math.abs(last - this._span.last) > OVERSCAN / 2) {
      MessageLoop.sendMessage(this, Widget.Msg.UpdateRequest);
    }
  }

  private _revealBeside(step: number): void {
    const selected = Object.keys(this.selection).at(step > 0 ? -1 : 0);
    const index = this._inner._sortedItems.findIndex(item => item.path === selected);
    const count = this._inner._sortedItems.length;
    this.reveal(count ? (index + step + count) % count : -1);
  }

  private get _shown(): Contents.IModel[] {
    return this._inner._sortedItems.slice(this._span.first, this._span.first + this._live.length);
  }

  private get _isEditing(): boolean {
    return this.contentNode.querySelector('.jp-DirListing-editor') !== null;
  }

  private get _height(): number {
    return this.contentNode.clientHeight || 600;
  }

  private get _rowHeight(): number {
    return this.contentNode.querySelector<HTMLElement>(ROW)?.offsetHeight || ROW_HEIGHT;
  }

  private get _inner(): IInner {
    return this as unknown as IInner;
  }

  private get _folder(): IItem | undefined {
    return this._box.folder?.box;
  }

  private get _box(): BoxModel {
    return this.model as BoxModel;
  }

  private _span: ISpan = { first: 0, last: 0 };
  private _live: HTMLElement[] = [];
  private _selected = '';
  private _wanted: IColumns = { last_modified: true, file_size: true };
  private _shownColumns: Partial<IColumns> = {};
  private _selectionMoved = new Signal<this, void>(this);
  private _words: TranslationBundle;
}
