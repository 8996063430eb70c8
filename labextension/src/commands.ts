/** The commands for the folder and its files: open, make, upload, download, copy what names them. */

import { Clipboard, InputDialog } from '@jupyterlab/apputils';
import { newFolderIcon, copyIcon, downloadIcon, fileUploadIcon, launchIcon, refreshIcon } from '@jupyterlab/ui-components';

import type { BoxError } from './api';
import type { IChosen } from './choosing';
import { choose } from './choosing';
import type { ICommand, IContext } from './context';
import { pathArgument, pathOf, selection, tell } from './context';
import { boxUrl, drivePath, labPath, localPath } from './drive';
import { boxIcon } from './icons';
import { childPath, itemOf, openInBox } from './items';
import type { OnConflict } from './tokens';
import { UNDER_WAY } from './uploads';

export namespace CommandIDs {
  export const open = 'jupyter-box:open';
  export const reveal = 'jupyter-box:show-panel';
  export const refresh = 'jupyter-box:refresh';
  export const newFolder = 'jupyter-box:new-folder';
  export const upload = 'jupyter-box:upload';
  export const uploadFolder = 'jupyter-box:upload-folder';
  export const download = 'jupyter-box:download';
  export const openInBox = 'jupyter-box:open-in-box';
  export const copyPath = 'jupyter-box:copy-path';
  export const copyUrl = 'jupyter-box:copy-url';
  export const copyId = 'jupyter-box:copy-id';
}

export function fileCommands(context: IContext): ICommand[] {
  const { browser, trans } = context;
  return [
    {
      id: CommandIDs.reveal,
      label: trans.__('Show the Box panel'),
      icon: boxIcon,
      run: () => context.reveal()
    },
    {
      id: CommandIDs.open,
      label: trans.__('Open from Box…'),
      icon: boxIcon,
      args: pathArgument(trans),
      run: args => open(context, args.path as string | undefined)
    },
    {
      id: CommandIDs.refresh,
      label: trans.__('Refresh'),
      caption: trans.__('List the folder anew'),
      icon: refreshIcon,
      run: () => browser.model.reconnect()
    },
    {
      id: CommandIDs.newFolder,
      label: trans.__('New folder'),
      icon: newFolderIcon,
      needs: { folder: 'upload' },
      run: () => browser.createNewDirectory()
    },
    {
      id: CommandIDs.upload,
      label: trans.__('Upload files…'),
      icon: fileUploadIcon,
      needs: { folder: 'upload' },
      run: async () => upload(context, await choose())
    },
    {
      id: CommandIDs.uploadFolder,
      label: trans.__('Upload a folder…'),
      icon: fileUploadIcon,
      needs: { folder: 'upload' },
      run: async () => upload(context, await choose({ folder: true }))
    },
    {
      id: CommandIDs.download,
      label: trans.__('Download as zip'),
      caption: trans.__('Download the selected folders, each as a zip'),
      icon: downloadIcon,
      selected: 'some',
      only: 'folder',
      needs: { items: 'download' },
      args: pathArgument(trans),
      run: args => download(context, args.path as string | undefined)
    },
    {
      id: CommandIDs.openInBox,
      label: trans.__('Open in Box'),
      icon: launchIcon,
      selected: 'one',
      run: () => openInBox(itemOf(selection(context)[0]))
    },
    copying(context, CommandIDs.copyPath, trans.__('Copy path'), drivePath),
    copying(context, CommandIDs.copyUrl, trans.__('Copy box:// URL'), boxUrl),
    copying(context, CommandIDs.copyId, trans.__('Copy id'), async path => {
      const row = itemOf(selection(context).find(model => model.path === path));
      return `id:${(row ?? (await context.drive.api.item(localPath(drivePath(path))))).id}`;
    })
  ];
}

function copying(
  context: IContext,
  id: string,
  label: string,
  text: (path: string) => string | Promise<string>
): ICommand {
  const run: ICommand['run'] = async args => Clipboard.copyToSystem(await text(pathOf(context, args)));
  return { id, label, icon: copyIcon, selected: 'one', args: pathArgument(context.trans), run };
}

/**
 * Upload what was chosen into a folder of the panel; every file has its own row while it is on its way.
 *
 * @param context - The panel.
 * @param chosen - Files, and folders in which there is nothing.
 * @param folder - JupyterLab's path of the folder.
 * @param onConflict - What becomes of a file whose name is taken; default: as the settings say.
 */
export async function upload(
  context: IContext,
  chosen: IChosen[],
  folder = context.browser.model.path,
  onConflict?: OnConflict
): Promise<void> {
  const { uploads } = context.transfers;
  const send = ({ file, path }: IChosen) =>
    file ? uploads.add(file, `${drivePath(folder)}/${path}`, onConflict) : makeFolder(context, childPath(folder, path));
  // each row says what has failed; what comes a second time has no row
  const note = (error: BoxError) => error.code === UNDER_WAY && tell(error);
  await Promise.all(chosen.map(each => send(each).catch(note)));
}

async function makeFolder({ app, browser }: IContext, path: string): Promise<void> {
  await app.serviceManager.contents.save(path, { type: 'directory' }).catch(tell);
  await browser.model.reload();
}

async function open(context: IContext, path: string | undefined): Promise<void> {
  const wanted = path ?? (await ask(context));
  if (wanted === null) {
    return;
  }
  const item = await context.drive.api.item(wanted.startsWith('id:') ? wanted : localPath(drivePath(wanted)));
  context.reveal();
  if (item.type === 'folder') {
    await context.browser.model.cd(item.path);
  } else {
    await context.app.commands.execute('docmanager:open', { path: labPath(item.path) });
  }
}

async function ask(context: IContext): Promise<string | null> {
  const { trans } = context;
  const label = trans.__('A path in Box, as in /Maintenance/sensors.json, or an id as in id:1234');
  const answer = await InputDialog.getText({ title: trans.__('Open from Box'), label, okLabel: trans.__('Open') });
  return answer.button.accept ? answer.value : null;
}

async function download(context: IContext, wanted: string | undefined): Promise<void> {
  const { contents } = context.app.serviceManager;
  for (const model of wanted ? [await contents.get(wanted, { content: false })] : selection(context)) {
    const path = localPath(drivePath(model.path));
    const url =
      model.type === 'directory' ? context.drive.archiveUrl(path) : await context.drive.getDownloadUrl(path);
    save(url, model.type === 'directory' ? `${model.name}.zip` : model.name);
  }
}

function save(url: string, name: string): void {
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
}
