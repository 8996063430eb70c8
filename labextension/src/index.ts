/** The wiring of the extension: the drives, the panel, the inspector, the commands; what they do is in their own files. */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILayoutRestorer } from '@jupyterlab/application';
import type { WidgetTracker } from '@jupyterlab/apputils';
import { createToolbarFactory, ICommandPalette, IToolbarWidgetRegistry, setToolbar } from '@jupyterlab/apputils';
import { IEditorServices } from '@jupyterlab/codeeditor';
import { IDocumentManager } from '@jupyterlab/docmanager';
import type { FileBrowser } from '@jupyterlab/filebrowser';
import { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { INotebookTracker } from '@jupyterlab/notebook';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStateDB } from '@jupyterlab/statedb';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { Debouncer } from '@lumino/polling';
import { TabPanel } from '@lumino/widgets';

import { Announcer } from './announcing';
import { telling } from './api';
import { choose, dropped } from './choosing';
import { CommandIDs, fileCommands, upload } from './commands';
import { compared } from './comparing';
import type { IContext } from './context';
import { addCommands, tell } from './context';
import { copyCommands, listenForDrops, toBox } from './copying';
import { BoxDrive, labPath } from './drive';
import { Events } from './events';
import { Favourites } from './favourites';
import { guardStockCommands } from './guarding';
import { Inspector, InspectorModel } from './inspector';
import { INSERT, itemCommands, viewCommands } from './itemcommands';
import { itemOf, openInBox } from './items';
import { BoxModel } from './model';
import type { IRenderers } from './notebookdiff';
import { BoxBrowser } from './panel';
import { PastDrive, pastPath } from './past';
import { listenForPaste } from './pasting';
import { SNIPPETS } from './snippets';
import { DOMAIN, DRIVE, FACTORY, PLUGIN_ID } from './tokens';
import type { IItem, OnConflict } from './tokens';
import { Transfers } from './transfers';
import { TransfersView, TransferStatus } from './transfersview';
import { Uploads } from './uploads';
import type { IVersionActions } from './versions';
import { ViewModel, Views } from './views';
import { folderOf } from './words';

const POLL = 60_000;

const plugin: JupyterFrontEndPlugin<void> = {
  id: PLUGIN_ID,
  description: 'Box beside the file browser.',
  autoStart: true,
  requires: [IDocumentManager, IFileBrowserFactory, ISettingRegistry, IToolbarWidgetRegistry],
  optional: [ITranslator, ILayoutRestorer, IStateDB, IStatusBar, ICommandPalette, INotebookTracker, IRenderMimeRegistry, IEditorServices],
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
  palette: ICommandPalette | null,
  notebooks: INotebookTracker | null,
  rendermime: IRenderMimeRegistry | null,
  editors: IEditorServices | null
): void {
  const words = translator ?? nullTranslator;
  const context = makeContext(app, manager, browsers, words, state, notebooks);
  const { browser, trans } = context;
  addCommands(context, [
    ...fileCommands(context),
    ...viewCommands(context),
    ...itemCommands(context),
    ...copyCommands(context)
  ]);
  setToolbar(browser, createToolbarFactory(toolbars, settings, FACTORY, PLUGIN_ID, words));
  // the stock commands act on the browser of this tracker that was used last
  void (browsers.tracker as WidgetTracker<FileBrowser>).add(browser);
  const renderers = rendermime && editors && { rendermime, editors, translator: words };
  addWidgets(context, restorer, versionActions(context, renderers));
  addStatus(context, statusBar);
  addToPalette(app, palette, trans.__('Box'));
  listenForDrops(context);
  void settings.load(PLUGIN_ID).then(loaded => {
    const apply = () => configure(context, loaded.composite);
    loaded.changed.connect(apply);
    apply();
  });
  guardStockCommands(context);
  void app.restored.then(() => begin(context));
}

function makeContext(
  app: JupyterFrontEnd,
  manager: IDocumentManager,
  browsers: IFileBrowserFactory,
  translator: ITranslator,
  state: IStateDB | null,
  notebooks: INotebookTracker | null
): IContext {
  const trans = translator.load(DOMAIN);
  const { contents } = app.serviceManager;
  const away = trans.__('The Jupyter server does not answer. What is open here is kept: try again when it is back.');
  const serverSettings = telling(app.serviceManager.serverSettings, away);
  const drive = new BoxDrive(serverSettings);
  contents.addDrive(drive);
  contents.addDrive(new PastDrive(serverSettings, trans));
  const uploads = new Uploads(drive.api, trans);
  const common = { driveName: DRIVE, state: state ?? undefined, translator };
  const events = new Events(drive.api);
  const isShown = (): boolean => browser.isVisible;
  const model = new BoxModel({ ...common, manager, drive, events, uploads, isShown, refreshInterval: POLL });
  const favourites = new Favourites(drive.api);
  const views = new ViewModel(drive.api, favourites, {
    open: item => void openItem(context, item),
    showInFolder: item => void showInFolder(context, item),
    restored: () => void model.reload()
  });
  const inspector = new InspectorModel(drive.api);
  const search = () => context.reveal('search');
  const browser: BoxBrowser = new BoxBrowser({ ...common, model, favourites, trans, search });
  const context: IContext = {
    app,
    browser,
    browsers,
    drive,
    events,
    favourites,
    inspector,
    notebooks,
    trans,
    transfers: new Transfers(drive.api, uploads, events),
    views,
    reveal: view => {
      bringToFront(app, browser);
      views.show(view ?? 'folder', `/${contents.localPath(model.path)}`);
    },
    inspect: tab => {
      inspector.show(tab);
      app.shell.activateById('jupyter-box-inspector');
    }
  };
  return context;
}

/** Return the tabs of Notebook 7's first page; null elsewhere. */
function treeTabs(app: JupyterFrontEnd): TabPanel | null {
  const found = [...app.shell.widgets('main')].find(widget => widget instanceof TabPanel);
  return (found as TabPanel | undefined) ?? null;
}

function bringToFront(app: JupyterFrontEnd, browser: BoxBrowser): void {
  const tabs = treeTabs(app);
  if (tabs) {
    tabs.currentWidget = browser;
  } else {
    app.shell.activateById(browser.id);
  }
}

function addWidgets(context: IContext, restorer: ILayoutRestorer | null, actions: IVersionActions): void {
  const { app, browser, inspector, trans, transfers, views } = context;
  const oneFile = async () => (await choose({ multiple: false }))[0]?.file ?? null;
  browser.addView(new Views(views, trans), views);
  browser.addBelow(new TransfersView(transfers, trans, oneFile));
  browser.addBelow(new Announcer(transfers, trans));
  browser.rows.onDesktopDrop = (event, folder) => void sendDropped(context, event.dataTransfer, folder);
  browser.rows.onLocalDrop = (paths, folder) => toBox(context, paths, folder);
  listenForPaste(browser, (files, onConflict) => sendDropped(context, files, browser.model.path, onConflict));
  const side = new Inspector(inspector, trans, actions);
  const follow = () => void inspector.inspect(itemOf([...browser.selectedItems()][0]) ?? browser.model.folder?.box ?? null);
  // what the toolbar's buttons may do depends on the folder
  browser.model.stateChanged.connect(() =>
    [CommandIDs.newFolder, CommandIDs.upload].forEach(id => app.commands.notifyCommandChanged(id))
  );
  browser.rows.selectionMoved.connect(follow);
  browser.model.pathChanged.connect(follow);
  app.shell.add(browser, 'left', { rank: 101, type: 'Box' });
  app.shell.add(side, 'right', { rank: 900, type: 'Box' });
  restorer?.add(browser, browser.id);
  restorer?.add(side, side.id);
}

function addStatus({ transfers, trans, reveal }: IContext, statusBar: IStatusBar | null): void {
  statusBar?.registerStatusItem('jupyter-box:transfers', {
    item: new TransferStatus(transfers, trans, () => reveal()),
    align: 'middle',
    isActive: () => transfers.list.length > 0,
    activeStateChanged: transfers.stateChanged
  });
}

function addToPalette(app: JupyterFrontEnd, palette: ICommandPalette | null, category: string): void {
  for (const command of app.commands.listCommands().filter(id => id.startsWith('jupyter-box:'))) {
    const variants = command === INSERT ? SNIPPETS.map(kind => ({ kind })) : [{}];
    variants.forEach(args => palette?.addItem({ command, category, args }));
  }
}

function configure({ browser, drive, transfers }: IContext, settings: Record<string, any>): void {
  drive.isDirect = settings.directDownload as boolean;
  transfers.uploads.onConflict = settings.onConflict as OnConflict;
  browser.showFileSizeColumn = settings.showSize as boolean;
  browser.showLastModifiedColumn = settings.showModified as boolean;
}

async function begin(context: IContext): Promise<void> {
  const { app, browser, events, favourites, transfers, trans } = context;
  const tabs = treeTabs(app);
  if (tabs) {
    browser.title.label = trans.__('Box');
    tabs.addWidget(browser);
  }
  const relist = new Debouncer(() => browser.model.reload(), 500);
  transfers.finished = ({ kind }) => void (kind === 'download' ? refreshLocal(context) : relist.invoke());
  transfers.uploads.arrived.connect(() => void relist.invoke());
  document.addEventListener('visibilitychange', () => browser.model.catchUp());
  window.addEventListener('beforeunload', event => {
    if ([...transfers.uploads].some(upload => upload.endsWithPage)) {
      event.preventDefault(); // the browser asks
    }
  });
  events.follow();
  if ((await browser.model.checkConnection()).connected) {
    void favourites.list().catch(tell);
    await transfers.uploads.restore().catch(tell);
  }
}

/** Show in the local file browsers what has come from Box. */
function refreshLocal({ browser, browsers }: IContext): void {
  browsers.tracker.filter(each => each !== browser).forEach(each => void each.model.refresh());
}

async function sendDropped(
  context: IContext,
  transfer: DataTransfer | null,
  folder: string,
  onConflict?: OnConflict
): Promise<void> {
  await upload(context, await dropped(transfer), folder, onConflict);
}

async function openItem(context: IContext, item: IItem): Promise<void> {
  if (item.type === 'web_link') {
    openInBox(item);
  } else {
    await context.app.commands.execute('jupyter-box:open', { path: labPath(item.path) });
  }
}

async function showInFolder(context: IContext, item: IItem): Promise<void> {
  context.reveal();
  await context.browser.model.cd(folderOf(item.path));
  await context.browser.selectItemByName(item.name);
}

function versionActions(context: IContext, renderers: IRenderers | null): IVersionActions {
  const { app, browser, drive, trans } = context;
  const open = (path: string) => app.commands.execute('docmanager:open', { path });
  return {
    open: (item, version) => open(version.current ? labPath(item.path) : pastPath(item, version)),
    compare: async (item, version) => {
      const widget = await compared(drive.api, item, version, trans, renderers);
      app.shell.add(widget, 'main');
      app.shell.activateById(widget.id);
    },
    restored: () => {
      void browser.model.reload();
      void context.inspector.refresh();
    }
  };
}
