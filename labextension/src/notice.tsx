/** Says why there is no connection to Box and what to do, and how much of a folder is loaded. */

import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget, UseSignal } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { BoxModel } from './model';

const GUIDE = 'https://jupyter-box.readthedocs.io/en/latest/admin/troubleshooting.html';

/** Stands in place of the listing while there is no connection. */
export class ConnectionNotice extends ReactWidget {
  constructor(
    private readonly _model: BoxModel,
    private readonly _words: TranslationBundle
  ) {
    super();
    this.addClass('jp-Box-notice');
    this.hide();
    _model.stateChanged.connect(() => this.setHidden(_model.status?.connected !== false));
  }

  protected render(): React.ReactElement {
    return <UseSignal signal={this._model.stateChanged}>{() => this._sentences()}</UseSignal>;
  }

  private _sentences(): React.ReactElement | null {
    const [status, trans] = [this._model.status, this._words];
    if (!status || status.connected) {
      return null;
    }
    return (
      <section role="alert" aria-label={trans.__('No connection to Box')}>
        <h3>{trans.__('No connection to Box')}</h3>
        <p>{status.message}</p>
        <p>{status.hint}</p>
        <div>
          <button type="button" className="jp-mod-styled jp-mod-accept" onClick={() => void this._model.reconnect()}>
            {trans.__('Try again')}
          </button>
          <a className="jp-mod-styled jp-Button" href={GUIDE} target="_blank" rel="noopener noreferrer">
            {trans.__('Open the guide')}
          </a>
        </div>
      </section>
    );
  }
}

/** The line below the listing. */
export class ExtentLine extends ReactWidget {
  constructor(
    private readonly _model: BoxModel,
    private readonly _words: TranslationBundle,
    private readonly _search: () => void
  ) {
    super();
    this.addClass('jp-Box-extent');
  }

  protected render(): React.ReactElement {
    return <UseSignal signal={this._model.stateChanged}>{() => this._line()}</UseSignal>;
  }

  private _line(): React.ReactElement | null {
    const { status, isComplete, extent } = this._model;
    if (status?.connected === false) {
      return null;
    }
    if (isComplete) {
      return extent.loaded ? <span>{this._words._n('%1 item', '%1 items', extent.loaded)}</span> : this._empty();
    }
    return (
      <>
        <span role="status">{this._partial()}</span>
        <button type="button" className="jp-Box-textButton" onClick={this._search}>
          {this._words.__('Search in Box')}
        </button>
      </>
    );
  }

  private _empty(): React.ReactElement | null {
    return this._model.folder ? <span>{this._words.__('This folder is empty. Drop files here to upload.')}</span> : null;
  }

  private _partial(): string {
    const { loaded, total } = this._model.extent;
    const [trans, some] = [this._words, loaded.toLocaleString()];
    const shown = total === null ? some : trans.__('%1 of %2', some, total.toLocaleString());
    return this._model.isLoadingMore ? trans.__('%1 (loading…)', shown) : trans.__('%1 (scroll for more)', shown);
  }
}
