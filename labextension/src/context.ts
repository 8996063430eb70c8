/** What the commands work on; `index` puts it together. */

import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import type { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import type { INotebookTracker } from '@jupyterlab/notebook';
import type { Contents } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { LabIcon } from '@jupyterlab/ui-components';
import type { ReadonlyJSONObject, ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { BoxError } from './api';
import type { BoxDrive } from './drive';
import type { Events } from './events';
import type { Favourites } from './favourites';
import { allows, itemOf } from './items';
import type { Action } from './items';
import type { InspectorModel, Tab } from './inspector';
import type { BoxBrowser } from './panel';
import type { Transfers } from './transfers';
import type { View, ViewModel } from './views';
import { wording } from './words';

export interface IContext {
  app: JupyterFrontEnd;
  browser: BoxBrowser;
  browsers: IFileBrowserFactory;
  drive: BoxDrive;
  events: Events;
  favourites: Favourites;
  transfers: Transfers;
  trans: TranslationBundle;
  views: ViewModel;
  inspector: InspectorModel;
  /** Bring the panel to the front, with its folder or another view. */
  reveal: (view?: View) => void;
  /** Bring the inspector to the front. */
  inspect: (tab: Tab) => void;
  notebooks: INotebookTracker | null;
}

/** What Box must allow a command: for the selected items, and for the folder that is shown. */
export interface INeeds {
  items?: Action;
  folder?: Action;
  /** Folders among the items need nothing. */
  filesOnly?: boolean;
}

/** What a command is, beside what it does. */
export interface ICommand {
  id: string;
  label: string | ((args: ReadonlyPartialJSONObject) => string);
  caption?: string;
  icon?: LabIcon;
  /** JSON schema of its arguments' properties. */
  args?: ReadonlyJSONObject;
  needs?: INeeds;
  /** How many items must be selected. */
  selected?: 'one' | 'some';
  only?: 'file' | 'folder';
  isVisible?: (args: ReadonlyPartialJSONObject) => boolean;
  run: (args: ReadonlyPartialJSONObject) => unknown;
}

/** Return the schema of the argument that names an item. */
export function pathArgument(trans: TranslationBundle): ReadonlyJSONObject {
  const description = trans.__('A path as JupyterLab has it, as in box:folder/file.csv; default: the selection');
  return { path: { type: 'string', description } };
}

/** Register commands, each with its argument schema; one that Box forbids is disabled and says why. */
export function addCommands(context: IContext, commands: ICommand[]): void {
  for (const command of commands) {
    context.app.commands.addCommand(command.id, {
      label: args => labelOf(context, command, args),
      caption: args => command.caption ?? labelOf(context, command, args),
      icon: command.icon,
      isEnabled: args => !!args.path || isEnabled(context, command, args),
      isVisible: args => !!args.path || isVisible(context, command, args),
      execute: async args => {
        try {
          return await command.run(args);
        } catch (error) {
          tell(error);
          return undefined;
        }
      },
      describedBy: { args: { type: 'object', properties: command.args ?? {} } }
    });
  }
}

/** Return the selected rows of the panel. */
export function selection(context: IContext): Contents.IModel[] {
  return [...context.browser.selectedItems()];
}

/** Return the path that a command is for: its argument, else the first selected. */
export function pathOf(context: IContext, args: ReadonlyPartialJSONObject): string {
  return (args.path as string | undefined) ?? selection(context)[0]?.path ?? context.browser.model.path;
}

/** Show an error once, in the server's words. */
export function tell(error: unknown): void {
  const stopped = error instanceof BoxError && ['paused', 'cancelled'].includes(error.code);
  if (!stopped) {
    Notification.error(wording(error), { autoClose: 8000 });
  }
}

function labelOf(context: IContext, command: ICommand, args: ReadonlyPartialJSONObject): string {
  const label = typeof command.label === 'string' ? command.label : command.label(args);
  return labelWithReason(context, label, command.needs ?? {});
}

/** Tell whether the selection, or the folder that is shown, is one where Box forbids it. */
export function isForbidden(context: IContext, { items, folder, filesOnly }: INeeds): boolean {
  const rows = selection(context).filter(model => !filesOnly || model.type !== 'directory');
  const inFolder = !folder || allows(context.browser.model.folder?.box, folder);
  return !inFolder || (!!items && rows.some(model => !allows(itemOf(model), items)));
}

/** Return a label that says why, where Box forbids the command. */
export function labelWithReason(context: IContext, label: string, needs: INeeds): string {
  return isForbidden(context, needs) ? context.trans.__('%1 (your role in Box does not allow it)', label) : label;
}

function isEnabled(context: IContext, command: ICommand, args: ReadonlyPartialJSONObject): boolean {
  return isVisible(context, command, args) && !isForbidden(context, command.needs ?? {});
}

function isVisible(context: IContext, command: ICommand, args: ReadonlyPartialJSONObject): boolean {
  const { selected, only, isVisible: alsoVisible } = command;
  const rows = selection(context);
  const enough = !selected || (selected === 'one' ? rows.length === 1 : rows.length > 0);
  const fitting = !only || rows.every(model => (model.type === 'directory') === (only === 'folder'));
  return enough && fitting && (alsoVisible?.(args) ?? true);
}
