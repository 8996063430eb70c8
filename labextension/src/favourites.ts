/** Which items are favourites: of an item in a folder, Box does not tell it; it has but the list of them all. */

import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import type { BoxAPI } from './api';
import type { IItem } from './tokens';

export class Favourites {
  constructor(private readonly _api: BoxAPI) {}

  /** Emitted when there are others. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  has(item: IItem | undefined): boolean {
    return !!item && this._ids.has(item.id);
  }

  /** Return them all, as Box has them now. */
  async list(): Promise<IItem[]> {
    const items = await this._api.favourites();
    this._ids = new Set(items.map(item => item.id));
    this._changed.emit();
    return items;
  }

  async add({ id }: IItem): Promise<void> {
    await this._api.addFavourite(`id:${id}`);
    this._ids.add(id);
    this._changed.emit();
  }

  async remove({ id }: IItem): Promise<void> {
    await this._api.removeFavourite(`id:${id}`);
    this._ids.delete(id);
    this._changed.emit();
  }

  private _ids = new Set<string>();
  private _changed = new Signal<this, void>(this);
}
