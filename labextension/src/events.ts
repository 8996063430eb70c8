/** What the server tells as it happens, all over one connection, as a browser has but six for a server. */

import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import type { BoxAPI, IServerEvent } from './api';
import type { IChanges, IProgress } from './tokens';

const LONGEST_WAIT = 20; // seconds until the next try, while there is no server

export class Events {
  constructor(private readonly _api: BoxAPI) {}

  /** Emitted when a connection opens: what was told over the last one may be over by now. */
  get opened(): ISignal<this, void> {
    return this._opened;
  }

  /** Emitted with where a transfer stands; with a new connection, of all. */
  get transfers(): ISignal<this, IProgress> {
    return this._transfers;
  }

  /** Emitted with what has changed in Box. */
  get changes(): ISignal<this, IChanges> {
    return this._changes;
  }

  /** Follow the server until `dispose`; comes back after a lost connection. */
  follow(): void {
    if (!this._following && !this._stop.signal.aborted) {
      this._following = true;
      void this._follow();
    }
  }

  dispose(): void {
    this._stop.abort();
  }

  private async _follow(): Promise<void> {
    for (let failures = 0; !this._stop.signal.aborted; failures++) {
      try {
        for await (const event of this._api.events(this._stop.signal, () => this._opened.emit())) {
          failures = 0;
          this._take(event);
        }
      } catch {
        // the server is restarting, or the network is down: the panel's own requests tell which
      }
      this._wasLive = false;
      await new Promise(resolve => setTimeout(resolve, 1000 * Math.min(LONGEST_WAIT, 2 ** failures)));
    }
  }

  private _take({ event, data }: IServerEvent): void {
    if (event === 'transfer') {
      this._transfers.emit(data as IProgress);
    } else if (event === 'changes') {
      this._changes.emit(data as IChanges);
    } else if (event === 'live') {
      this._note((data as { live: boolean }).live);
    }
  }

  /** Take whatever may have changed while nobody could tell as changed. */
  private _note(isLive: boolean): void {
    if (isLive && this._hasBeenLive && !this._wasLive) {
      this._changes.emit({ folders: [], items: [], paths: [], everything: true });
    }
    this._wasLive = isLive;
    this._hasBeenLive ||= isLive;
  }

  private _wasLive = false;
  private _hasBeenLive = false;
  private _following = false;
  private _stop = new AbortController();
  private _opened = new Signal<this, void>(this);
  private _transfers = new Signal<this, IProgress>(this);
  private _changes = new Signal<this, IChanges>(this);
}
