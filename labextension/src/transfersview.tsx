/** Shows what is on its way, in the panel and in the status bar; says when something is paused, waits or has failed. */

import { TextItem } from '@jupyterlab/statusbar';
import type { TranslationBundle } from '@jupyterlab/translation';
import { closeIcon, refreshIcon, runIcon, VDomRenderer } from '@jupyterlab/ui-components';
import * as React from 'react';

import { tell } from './context';
import { pauseIcon } from './icons';
import type { Transfers } from './transfers';
import type { IProgress } from './tokens';
import { duration, nameOf, size, standstill } from './words';

const ARROWS: Record<IProgress['kind'], string> = { upload: '⇪', download: '⇩', sync: '⇄' };

export class TransfersView extends VDomRenderer<Transfers> {
  constructor(
    model: Transfers,
    private readonly _words: TranslationBundle,
    private readonly _chooseFile: () => Promise<File | null>
  ) {
    super(model);
    this.addClass('jp-Box-transfers');
  }

  protected override render(): React.ReactElement | null {
    const list = this.model.list;
    this.setHidden(!list.length);
    if (!list.length) {
      return null;
    }
    return (
      <section aria-label={this._words.__('Transfers')}>
        <h3>{this._words.__('Transfers (%1)', list.length)}</h3>
        <ul>{list.map((each, i) => this._row(each, i))}</ul>
      </section>
    );
  }

  private _row(transfer: IProgress, key: number): React.ReactElement {
    const trans = this._words;
    const name = nameOf(transfer.path);
    const failed = transfer.phase === 'failed';
    return (
      <li key={transfer.id || key} className={failed ? 'jp-mod-failed' : ''} data-phase={transfer.phase}>
        <span className="jp-Box-arrow" aria-hidden="true">
          {ARROWS[transfer.kind]}
        </span>
        <span className="jp-Box-name" title={titleOf(transfer, trans)}>
          {name}
        </span>
        <span className="jp-Box-figures">{figures(transfer, trans)}</span>
        {this._buttons(transfer, name)}
        <progress
          aria-label={trans.__('Progress of %1', name)}
          max={transfer.total ?? undefined}
          value={transfer.total ? transfer.done : undefined}
        />
        {transfer.message && <p role={failed ? 'alert' : undefined}>{transfer.message}</p>}
      </li>
    );
  }

  private _buttons(transfer: IProgress, name: string): React.ReactElement {
    const trans = this._words;
    const upload = this.model.uploadOf(transfer);
    const failed = transfer.phase === 'failed';
    const stopped = ['paused', 'interrupted', 'failed'].includes(transfer.phase);
    const goOn = failed ? trans.__('Retry %1', name) : trans.__('Continue %1', name);
    const cancel = failed && !upload ? trans.__('Dismiss %1', name) : trans.__('Cancel %1', name);
    return (
      <span className="jp-Box-buttons">
        {upload && !stopped && button(pauseIcon, trans.__('Pause %1', name), () => upload.pause())}
        {stopped &&
          transfer.can_retry &&
          button(failed ? refreshIcon : runIcon, goOn, () => void this._goOn(transfer).catch(tell))}
        {button(closeIcon, cancel, () => void this.model.cancel(transfer).catch(tell))}
      </span>
    );
  }

  private async _goOn(transfer: IProgress): Promise<void> {
    const upload = this.model.uploadOf(transfer);
    if (!upload) {
      await this.model.retry(transfer);
      return;
    }
    const file = upload.file ?? (upload.needsFile ? await this._chooseFile() : undefined);
    if (file !== null) {
      await this.model.uploads.resume(upload, file).catch(error => {
        upload.message = error.message; // shown in the row
        this.model.stateChanged.emit();
      });
    }
  }
}

/** The line of the status bar; empty while nothing is on its way. */
export class TransferStatus extends VDomRenderer<Transfers> {
  constructor(
    model: Transfers,
    private readonly _words: TranslationBundle,
    private readonly _onClick: () => void
  ) {
    super(model);
  }

  protected override render(): React.ReactElement | null {
    const { list, fraction } = this.model;
    if (!list.length) {
      return null;
    }
    const percent = fraction === null ? '' : ` ${Math.floor(fraction * 100)} %`;
    const source = this._words.__('Box: %1', `${list.length}${percent}`);
    return <TextItem source={source} title={this._words.__('Transfers with Box')} onClick={this._onClick} />;
  }
}

function button(icon: typeof closeIcon, label: string, onClick: () => void): React.ReactElement {
  return (
    <button type="button" className="jp-Box-iconButton" aria-label={label} title={label} onClick={onClick}>
      <icon.react tag="span" />
    </button>
  );
}

function titleOf({ path, where }: IProgress, trans: TranslationBundle): string {
  return where === 'kernel' ? trans.__('%1 (by a notebook or a terminal)', path) : path;
}

/** Return where a transfer stands: how much, how fast, how long still. */
export function figures(transfer: IProgress, trans: TranslationBundle): string {
  const { phase, done, total, rate, files_done, files_total } = transfer;
  const standing = standstill(phase, trans);
  const percent = total ? `${Math.floor((100 * done) / total)} %` : size(done);
  const files = files_total > 1 ? trans.__('%1 of %2 files', files_done, files_total) : '';
  const speed = rate && !standing ? `${size(rate)}/s` : '';
  const left = rate && total && !standing ? duration((total - done) / rate) : '';
  return [standing, percent, files, speed, left].filter(Boolean).join(' · ');
}
