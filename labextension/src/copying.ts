/** Copies between the server's disk and Box, which the server does itself: commands, and drags from one browser to the other. */

import { InputDialog } from '@jupyterlab/apputils';
import type { DirListing } from '@jupyterlab/filebrowser';
import type { Contents } from '@jupyterlab/services';
import { copyIcon } from '@jupyterlab/ui-components';
import type { Drag } from '@lumino/dragdrop';

import { confirmed } from './confirming';
import type { ICommand, IContext } from './context';
import { pathArgument, selection, tell } from './context';
import { drivePath } from './drive';
import { CONTENTS_MIME, DRIVE, PANEL_ID } from './tokens';
import { nameOf } from './words';

const TO_BOX = 'jupyter-box:copy-to-box';
const TO_DISK = 'jupyter-box:copy-to-disk';

export function copyCommands(context: IContext): ICommand[] {
  const { trans } = context;
  const target = { type: 'string', description: trans.__('The folder that it goes into; asked for by default') };
  return [
    {
      id: TO_BOX,
      label: trans.__('Copy to Box…'),
      icon: copyIcon,
      args: { ...pathArgument(trans), target },
      isVisible: () => localSelection(context).length > 0,
      run: async args => {
        const paths = args.path ? [args.path as string] : localSelection(context);
        const folder = (args.target as string) ?? (await askBoxFolder(context));
        return folder === null ? undefined : toBox(context, paths, folder);
      }
    },
    {
      id: TO_DISK,
      label: trans.__('Copy to the local files…'),
      icon: copyIcon,
      selected: 'some',
      needs: { items: 'download' },
      args: { ...pathArgument(trans), target },
      run: async args => {
        const paths = args.path ? [args.path as string] : selection(context).map(model => model.path);
        const folder = (args.target as string) ?? (await askLocalFolder(context));
        return folder === null ? undefined : toDisk(context, paths, folder);
      }
    }
  ];
}

/** Copy local files and folders into a folder of Box. */
export async function toBox(context: IContext, paths: string[], folder: string): Promise<void> {
  const on_conflict = context.transfers.uploads.onConflict;
  for (const source of paths) {
    await context.transfers.start({ kind: 'upload', source, target: drivePath(folder), on_conflict });
  }
}

/** Copy items of Box into a local folder; asks before anything is replaced. */
async function toDisk(context: IContext, paths: string[], folder: string): Promise<void> {
  const taken = await namesTaken(context, paths, folder);
  if (taken.length && !(await mayReplace(context, taken))) {
    return;
  }
  const overwrite = taken.length > 0;
  for (const path of paths) {
    await context.transfers.start({ kind: 'download', source: drivePath(path), target: folder, overwrite });
  }
}

async function namesTaken({ app }: IContext, paths: string[], folder: string): Promise<string[]> {
  // a folder that is not there yet is made
  const there = await app.serviceManager.contents.get(folder, { content: true }).catch(() => null);
  const names = new Set((there?.content as Contents.IModel[] | undefined)?.map(model => model.name));
  return paths.map(path => nameOf(drivePath(path))).filter(name => names.has(name));
}

function mayReplace({ trans }: IContext, names: string[]): Promise<boolean> {
  const body = trans.__('%1 exists in the local files. What differs there is replaced by what Box has.', names.join(', '));
  return confirmed(trans, trans.__('Replace local files'), body, trans.__('Replace'));
}

/** Let drags from the panel into a local file browser copy, which JupyterLab itself refuses between drives. */
export function listenForDrops(context: IContext): void {
  const take = (event: Event) => {
    const drag = event as Drag.Event;
    const paths = drag.mimeData.getData(CONTENTS_MIME) as string[] | undefined;
    const onLocal = (drag.target as HTMLElement).closest(`.jp-DirListing`) && !(drag.target as HTMLElement).closest(`#${PANEL_ID}`);
    if (!onLocal || !paths?.length || !paths.every(path => path.startsWith(`${DRIVE}:`))) {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    drag.dropAction = drag.proposedAction; // JupyterLab's drags know no other
    if (event.type === 'lm-drop') {
      toDisk(context, paths, localFolderAt(context, drag)).catch(tell);
    }
  };
  ['lm-dragenter', 'lm-dragover', 'lm-drop'].forEach(type => document.body.addEventListener(type, take, true));
}

function localFolderAt(context: IContext, event: Drag.Event): string {
  const browsers: { node: HTMLElement; model: { path: string }; modelForClick: DirListing['modelForClick'] }[] = [];
  context.browsers.tracker.forEach(browser => browsers.push(browser));
  const browser = browsers.find(each => each.node.contains(event.target as Node));
  const item = browser?.modelForClick(event);
  return item?.type === 'directory' ? item.path : browser?.model.path ?? '';
}

/** Return the selected files of the local browser that was used last; none when that is the panel itself. */
function localSelection(context: IContext): string[] {
  const current = context.browsers.tracker.currentWidget;
  const paths = current && current !== context.browser ? [...current.selectedItems()].map(model => model.path) : [];
  return paths.filter(path => !path.includes(':'));
}

async function askBoxFolder({ trans, browser }: IContext): Promise<string | null> {
  const title = trans.__('Copy to Box');
  const label = trans.__('The folder of Box that it goes into');
  const answer = await InputDialog.getText({ title, label, text: drivePath(browser.model.path), okLabel: trans.__('Copy') });
  return answer.button.accept ? answer.value : null;
}

async function askLocalFolder({ trans, browsers, browser }: IContext): Promise<string | null> {
  const title = trans.__('Copy to the local files');
  const label = trans.__('The local folder that it goes into');
  let text = '';
  browsers.tracker.forEach(each => (text = each === browser ? text : each.model.path));
  const answer = await InputDialog.getText({ title, label, text, okLabel: trans.__('Copy') });
  return answer.button.accept ? answer.value : null;
}
