/** The wiring of the extension: the drive, the panel, the commands; what they do is in their own files. */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILayoutRestorer } from '@jupyterlab/application';
import { createToolbarFactory, ICommandPalette, IToolbarWidgetRegistry, setToolbar } from '@jupyterlab/apputils';
import { IDocumentManager } from '@jupyterlab/docmanager';
import type { FileBrowser } from '@jupyterlab/filebrowser';
import { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStateDB } from '@jupyterlab/statedb';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import type { WidgetTracker } from '@jupyterlab/apputils';

import { choose, dropped } from './choosing';
import { fileCommands, upload } from './commands';
import type { IContext } from './context';
import { addCommands, tell } from './context';
import { BoxDrive } from './drive';
import { BoxModel } from './model';
import { BoxBrowser } from './panel';
import { DOMAIN, DRIVE, FACTORY, PLUGIN_ID } from './tokens';
import { Transfers } from './transfers';
import { TransfersView, TransferStatus } from './transfersview';
import { Uploads } from './uploads';

const POLL = 60_000;

const plugin: JupyterFrontEndPlugin<void> = {
  id: PLUGIN_ID,
  description: 'Box beside the file browser.',
  autoStart: true,
  requires: [IDocumentManager, IFileBrowserFactory, ISettingRegistry, IToolbarWidgetRegistry],
  optional: [ITranslator, ILayoutRestorer, IStateDB, IStatusBar, ICommandPalette],
  activate
};

export default plugin;

function activate(
  app: JupyterFrontEnd,
  manager: IDocumentManager,
  browsers: IFileBrowserFactory,
  settings: ISettingRegistry,
  toolbars: IToolbarWidgetRegistry,
  translator: ITranslator | null,
  restorer: ILayoutRestorer | null,
  state: IStateDB | null,
  statusBar: IStatusBar | null,
  palette: ICommandPalette | null
): void {
  const trans = (translator ?? nullTranslator).load(DOMAIN);
  const drive = new BoxDrive(app.serviceManager.serverSettings);
  app.serviceManager.contents.addDrive(drive);
  const uploads = new Uploads(drive.api);
  const transfers = new Transfers(drive.api, uploads);
  const model = new BoxModel({
    manager,
    drive,
    uploads,
    driveName: DRIVE,
    refreshInterval: POLL,
    state: state ?? undefined,
    translator: translator ?? undefined
  });
  const search = () => context.reveal('search');
  const browser = new BoxBrowser({ model, trans, search, translator: translator ?? undefined, state: state ?? undefined });
  const context: IContext = { app, browser, browsers, drive, transfers, trans, reveal: () => app.shell.activateById(browser.id) };

  addCommands(context, fileCommands(context));
  setToolbar(
    browser,
    createToolbarFactory(toolbars, settings, FACTORY, PLUGIN_ID, translator ?? nullTranslator)
  );
  // the stock commands act on the browser of this tracker that was used last
  void (browsers.tracker as WidgetTracker<FileBrowser>).add(browser);
  browser.rows.onDesktopDrop = (event, folder) => void sendDropped(context, event, folder);
  browser.addBelow(new TransfersView(transfers, trans, async () => (await choose({ multiple: false }))[0]?.file ?? null));
  app.shell.add(browser, 'left', { rank: 101, type: 'Box' });
  restorer?.add(browser, browser.id);
  statusBar?.registerStatusItem('jupyter-box:transfers', {
    item: new TransferStatus(transfers, trans, () => context.reveal()),
    align: 'middle',
    isActive: () => transfers.list.length > 0,
    activeStateChanged: transfers.stateChanged
  });
  addToPalette(palette, app, trans.__('Box'));
  void app.restored.then(() => begin(context));
}

async function begin({ browser, transfers }: IContext): Promise<void> {
  transfers.finished = () => void browser.model.refresh();
  if ((await browser.model.checkConnection()).connected) {
    await transfers.uploads.restore().catch(tell);
    transfers.watch();
  }
}

async function sendDropped(context: IContext, event: DragEvent, folder: string): Promise<void> {
  await upload(context, await dropped(event.dataTransfer), folder);
}

function addToPalette(palette: ICommandPalette | null, app: JupyterFrontEnd, category: string): void {
  for (const command of app.commands.listCommands().filter(id => id.startsWith('jupyter-box:'))) {
    palette?.addItem({ command, category });
  }
}
