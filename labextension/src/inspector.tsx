/** The inspector in the right side bar: details, versions and sharing of what is selected in the panel. */

import type { TranslationBundle } from '@jupyterlab/translation';
import { VDomModel, VDomRenderer } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { BoxAPI } from './api';
import { Details } from './details';
import { infoIcon } from './icons';
import { Sharing } from './sharing';
import type { IItem } from './tokens';
import { Versions } from './versions';
import type { IVersionActions } from './versions';

export type Tab = 'details' | 'versions' | 'sharing';

/** What is inspected, and which of its sides. */
export class InspectorModel extends VDomModel {
  constructor(readonly api: BoxAPI) {
    super();
  }

  item: IItem | null = null;
  tab: Tab = 'details';

  show(tab: Tab): void {
    this.tab = tab;
    this.stateChanged.emit();
  }

  /** Show what the listing knows of an item at once, and all of it when Box has told. */
  async inspect(item: IItem | null): Promise<void> {
    this.item = item;
    this.stateChanged.emit();
    if (item) {
      const whole = await this.api.item(`id:${item.id}`).catch(() => item);
      if (this.item === item) {
        this.item = { ...whole, path: item.path };
        this.stateChanged.emit();
      }
    }
  }

  /** Ask Box again. */
  refresh(): Promise<void> {
    return this.inspect(this.item && { ...this.item });
  }
}

export class Inspector extends VDomRenderer<InspectorModel> {
  constructor(
    model: InspectorModel,
    private readonly _words: TranslationBundle,
    private readonly _actions: IVersionActions
  ) {
    super(model);
    this.id = 'jupyter-box-inspector';
    this.addClass('jp-Box-inspector');
    this.title.icon = infoIcon;
    this.title.caption = _words.__('Box: details, versions, sharing');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', _words.__('Box inspector'));
  }

  protected override render(): React.ReactElement {
    const { item, tab } = this.model;
    if (!item) {
      return <p className="jp-Box-hint">{this._words.__('Select a file or folder in the Box panel.')}</p>;
    }
    return (
      <>
        <h2 title={item.path}>{item.name || this._words.__('Box')}</h2>
        {this._tabs()}
        <div role="tabpanel" id="jp-Box-tabpanel" aria-labelledby={`jp-Box-tab-${tab}`} tabIndex={0}>
          {this._body(item)}
        </div>
      </>
    );
  }

  private _tabs(): React.ReactElement {
    const labels: Record<Tab, string> = {
      details: this._words.__('Details'),
      versions: this._words.__('Versions'),
      sharing: this._words.__('Sharing')
    };
    const tabs = Object.keys(labels) as Tab[];
    const move = (event: React.KeyboardEvent) => {
      const step = { ArrowLeft: tabs.length - 1, ArrowRight: 1 }[event.key];
      if (step) {
        const next = tabs[(tabs.indexOf(this.model.tab) + step) % tabs.length];
        this.model.show(next);
        document.getElementById(`jp-Box-tab-${next}`)?.focus();
      }
    };
    return (
      <div role="tablist" className="jp-Box-tabs" onKeyDown={move}>
        {tabs.map(each => (
          <button
            key={each}
            id={`jp-Box-tab-${each}`}
            role="tab"
            type="button"
            aria-selected={each === this.model.tab}
            aria-controls="jp-Box-tabpanel"
            tabIndex={each === this.model.tab ? 0 : -1}
            onClick={() => this.model.show(each)}
          >
            {labels[each]}
          </button>
        ))}
      </div>
    );
  }

  private _body(item: IItem): React.ReactElement {
    const common = { api: this.model.api, item, trans: this._words, key: item.id };
    if (this.model.tab === 'details') {
      return <Details item={item} trans={this._words} />;
    }
    return this.model.tab === 'versions' ? (
      <Versions {...common} actions={this._actions} />
    ) : (
      <Sharing {...common} changed={() => void this.model.refresh()} />
    );
  }
}
