/** Says to a screen reader how transfers go: when one begins, each quarter of the way, and how it ends. */

import type { TranslationBundle } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';

import type { IProgress } from './tokens';
import type { Transfers } from './transfers';
import { nameOf, standstill } from './words';

export class Announcer extends Widget {
  constructor(
    private readonly _transfers: Transfers,
    private readonly _words: TranslationBundle
  ) {
    super();
    this.addClass('jp-Box-announcer');
    this.node.setAttribute('role', 'status');
    _transfers.stateChanged.connect(() => this._listen());
  }

  private _listen(): void {
    const now = new Map(this._transfers.list.map(each => [nameOf(each.path), this._stateOf(each)]));
    const gone = [...this._said.keys()].filter(name => !now.has(name));
    const news = [...now].filter(([name, state]) => this._said.get(name) !== state);
    const lines = [...news, ...gone.map(name => [name, this._words.__('finished')])];
    this._said = now;
    if (lines.length) {
      this.node.textContent = lines.map(([name, state]) => `${name}: ${state}`).join('. ');
    }
  }

  /** Return what is worth saying; the same text as long as nothing else is. */
  private _stateOf({ phase, done, total }: IProgress): string {
    const quarters = total ? Math.floor((4 * done) / total) : 0;
    const moving = quarters ? this._words.__('%1 percent', 25 * quarters) : this._words.__('under way');
    return standstill(phase, this._words) || moving;
  }

  private _said = new Map<string, string>();
}
