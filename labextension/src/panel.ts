/** The side panel: the stock file browser with our listing, the notice, the extent, and the transfers below. */

import { FileBrowser } from '@jupyterlab/filebrowser';
import type { DirListing } from '@jupyterlab/filebrowser';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { Message } from '@lumino/messaging';
import type { Widget } from '@lumino/widgets';

import type { Favourites } from './favourites';
import { boxIcon } from './icons';
import { BoxListing } from './listing';
import type { BoxModel } from './model';
import { ConnectionNotice, ExtentLine } from './notice';
import { BoxRenderer } from './renderer';
import { PANEL_ID } from './tokens';
import type { ViewModel } from './views';

export class BoxBrowser extends FileBrowser {
  constructor(options: BoxBrowser.IOptions) {
    const { trans, model, favourites } = options;
    super({ ...options, id: PANEL_ID, renderer: new BoxRenderer(trans, favourites) });
    this.addClass('jp-Box-browser');
    this.title.icon = boxIcon;
    this.title.caption = trans.__('Box');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', trans.__('Box'));
    this.toolbar.node.setAttribute('aria-label', trans.__('Box'));
    this.mainPanel.insertWidget(2, new ConnectionNotice(model, trans));
    this.mainPanel.addWidget(new ExtentLine(model, trans, options.search));
    this.showFileSizeColumn = true;
    this.showFileCheckboxes = false;
    model.stateChanged.connect(() => this._show());
    favourites.changed.connect(() => this.rows.redraw());
  }

  declare readonly model: BoxModel;

  get rows(): BoxListing {
    return this.listing as BoxListing;
  }

  /** Put a widget in the folder's place; it shows itself while the view is not the folder. */
  addView(widget: Widget, model: ViewModel): void {
    this.mainPanel.insertWidget(0, widget);
    model.stateChanged.connect(() => this.toggleClass('jp-mod-otherView', model.view !== 'folder'));
  }

  /** Put a widget below the listing. */
  addBelow(widget: Widget): void {
    this.mainPanel.addWidget(widget);
  }

  protected override createDirListing(options: DirListing.IOptions): DirListing {
    return new BoxListing(options);
  }

  protected override onAfterShow(msg: Message): void {
    super.onAfterShow(msg);
    this.model.catchUp();
  }

  private _show(): void {
    this.toggleClass('jp-mod-disconnected', this.model.status?.connected === false);
  }
}

export namespace BoxBrowser {
  export interface IOptions extends Omit<FileBrowser.IOptions, 'id' | 'model' | 'renderer'> {
    model: BoxModel;
    favourites: Favourites;
    trans: TranslationBundle;
    search: () => void;
  }
}
